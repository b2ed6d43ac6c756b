"""Error rates and speed on line images: scriba, Tesseract 5 and RapidOCR, on the same files in one run.

    python scripts/bench_ocr.py --model ocr-print lines/*/test.jsonl synth:lines:test:500 synth:documents:test

The others are installed by whoever runs this: `pip install tesserocr rapidocr-onnxruntime`, and Tesseract's data
(Debian: tesseract-ocr tesseract-ocr-frk tesseract-ocr-script-frak). Systems that are missing are left out. Each reads
everything from the file to the text several times, of which the median counts; one system after the other, all with
the threads they choose. Error rates are after the normalisation `print`; lines of a corpus named in CASELESS are
scored without case. Beside a test.jsonl, train.jsonl tells which texts training had: `unseen` are the others. Lines of
`synth:documents` are read by Tesseract with the model of their own language, and scored by kind and by language, too.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageOps
from side_by_side import table_of

from scriba.core.command import say, track
from scriba.core.example import Example
from scriba.core.files import write_json
from scriba.core.recogniser import Recogniser
from scriba.core.scores import error_rates
from scriba.core.search import Method
from scriba.core.text import normalisation
from scriba.loading import open_bundle, open_recogniser
from scriba.sources import open_named

CASELESS = ("sroie-receipts",)  # corpora whose truth is in capitals whatever the print
TESSERACT = {"archiscribe-fraktur-de": ("frk", "Fraktur")}  # its models for a corpus; others are read with eng
PARTS = ("kind", "language")  # what examples may tell of themselves, by which they are scored, too
LANGUAGES = dict(
    en="eng", de="deu", fr="fra", es="spa", it="ita", pt="por", nl="nld", sv="swe", da="dan", nb="nor", fi="fin",
    pl="pol", cs="ces", sk="slk", hu="hun", ro="ron", tr="tur", lv="lav", lt="lit",
)  # fmt: skip
LANGUAGES["is"] = "isl"
"""Tesseract's models for the languages of `synth:documents`."""
JOINT_BEAM = 8
MARGIN = 12  # pixels of paper put around a line for Tesseract, which reads worse without


class System(NamedTuple):
    """Something that reads: its name in the table, the texts of examples, and whether it is meant for a corpus."""

    name: str
    read: Callable[[Sequence[Example]], list[str]]
    corpora: Callable[[str], bool] = lambda name: True


def scriba_systems(recogniser: Recogniser, batch_size: int) -> list[System]:
    """Greedy decoding from each head, and the joint search of both with the model's own weights."""

    def system(name: str, method: Method, beam_size: int) -> System:
        options = replace(recogniser.decoding.options, method=method, beam_size=beam_size)
        reader = replace(recogniser, decoding=replace(recogniser.decoding, options=options))
        return System(
            f"scriba, {name}", lambda examples: [r.hypothesis.text for r in reader.run(examples, batch_size=batch_size)]
        )

    systems = [system(f"{head} greedy", head, 1) for head in recogniser.model.heads]
    if len(systems) > 1:
        systems.append(system(f"joint, beam {JOINT_BEAM}", "joint", JOINT_BEAM))
    return systems


def tesseract_systems(data: str) -> list[System]:
    """Tesseract through its API, one line a picture (page segmentation mode 7)."""
    try:
        import tesserocr
    except ModuleNotFoundError:
        say("tesserocr is not installed; Tesseract is left out")
        return []

    def read_line(api: Any, example: Example) -> str:
        line = picture(example, "L")
        paper = int(np.percentile(np.asarray(line), 90))
        api.SetImage(ImageOps.expand(line, MARGIN, paper))
        return str(api.GetUTF8Text()).strip()

    def system(language: str) -> System:
        def read(examples: Sequence[Example]) -> list[str]:
            with tesserocr.PyTessBaseAPI(path=data, lang=language, psm=tesserocr.PSM.SINGLE_LINE) as api:
                return [read_line(api, example) for example in examples]

        return System(f"Tesseract {language}", read, lambda name: language in TESSERACT.get(name, ("eng",)))

    def read_in_languages(examples: Sequence[Example]) -> list[str]:
        texts: dict[int, str] = {}
        for code in sorted({example.extra["language"] for example in examples}):
            with tesserocr.PyTessBaseAPI(path=data, lang=LANGUAGES[code], psm=tesserocr.PSM.SINGLE_LINE) as api:
                mine = [(i, example) for i, example in enumerate(examples) if example.extra["language"] == code]
                texts |= {i: read_line(api, example) for i, example in mine}
        return [texts[i] for i in range(len(examples))]

    own = System("Tesseract, own language", read_in_languages, lambda name: "synth:documents" in name)
    return [own, *(system(language) for language in ("eng", "frk", "Fraktur"))]


def rapidocr_systems() -> list[System]:
    """RapidOCR's recogniser alone, without finding text or its direction."""
    try:
        from rapidocr_onnxruntime import RapidOCR
    except ModuleNotFoundError:
        say("rapidocr-onnxruntime is not installed; RapidOCR is left out")
        return []
    engine = RapidOCR()

    def read_line(example: Example) -> str:
        found, _ = engine(np.asarray(picture(example, "RGB")), use_det=False, use_cls=False, use_rec=True)
        return found[0][0] if found else ""

    return [System("RapidOCR", lambda examples: list(map(read_line, examples)), lambda name: name not in TESSERACT)]


def picture(example: Example, mode: str) -> Image.Image:
    """Return the picture of an example in grey or in colours."""
    assert isinstance(example.source, Path | bytes)
    return Image.open(BytesIO(example.source) if isinstance(example.source, bytes) else example.source).convert(mode)


def score(corpus: str, examples: Sequence[Example], texts: Sequence[str], seen: set[str]) -> dict[str, float]:
    """Return error rates: raw, normalised, and those of lines whose text training did not have."""
    plain = normalisation("print-caseless" if corpus in CASELESS else "print")
    references = [str(example.target) for example in examples]
    pairs = [(plain(a), plain(b)) for a, b in zip(references, texts, strict=True)]
    normalised = error_rates(*zip(*pairs, strict=True))
    result = {"cer": normalised["cer"], "wer": normalised["wer"], "cer_raw": error_rates(references, texts)["cer"]}
    result["exact"] = 100 * sum(a == b for a, b in pairs) / len(pairs)
    known = {plain(text) for text in seen}
    unseen = [(a, b) for a, b in pairs if a not in known]
    if seen and unseen:
        result |= {"unseen": len(unseen), "cer_unseen": error_rates(*zip(*unseen, strict=True))["cer"]}
    return result


def by_parts(examples: Sequence[Example], texts: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return the normalised character error rate of each kind and language that examples tell of themselves."""
    plain = normalisation("print")
    result: dict[str, dict[str, float]] = {}
    for part in PARTS:
        groups: dict[str, list[tuple[str, str]]] = {}
        for example, text in zip(examples, texts, strict=True):
            if part in example.extra:
                groups.setdefault(str(example.extra[part]), []).append((plain(str(example.target)), plain(text)))
        if groups:
            result[part] = {name: error_rates(*zip(*pairs, strict=True))["cer"] for name, pairs in groups.items()}
    return result


def table_of_parts(figures: Sequence[dict[str, Any]], part: str) -> str:
    """Return a table of the error rates by a part of the corpora that have it: a row each, a column for each system."""
    tables = []
    for corpus in dict.fromkeys(row["corpus"] for row in figures if part in row["parts"]):
        systems = {row["system"]: row["parts"][part] for row in figures if row["corpus"] == corpus}
        names = list(next(iter(systems.values())))
        rows = [[name, *(f"{rates[name]:.2f}" for rates in systems.values())] for name in names]
        tables.append(f"\n{corpus}, CER %\n\n{table_of([part, *systems], rows)}")
    return "\n".join(tables)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="+", help="sources; the folder of a manifest names its corpus")
    parser.add_argument("--model", default="ocr-print")
    parser.add_argument("--batch_size", type=int, default=32)
    parser.add_argument("--limit", type=int, help="read only the first so many lines of each")
    parser.add_argument("--passes", type=int, default=3, help="times that everything is read, the median counts")
    parser.add_argument("--tessdata", default=os.environ.get("TESSDATA_PREFIX", "/usr/share/tesseract-ocr/5/tessdata"))
    parser.add_argument("--json", type=Path, help="file for all figures")
    parser.add_argument("--only", nargs="+", default=[""], help="parts of the names of the systems to run")
    options = parser.parse_args()
    systems = scriba_systems(open_recogniser(open_bundle(options.model), device="cpu"), options.batch_size)
    systems += tesseract_systems(options.tessdata) + rapidocr_systems()
    systems = [system for system in systems if any(part in system.name for part in options.only)]
    figures = []
    for name in options.data:
        corpus = Path(name).parent.name or name
        examples = list(islice(open_named(name, "image", "test").examples, options.limit))
        train = Path(name).with_name("train.jsonl")
        seen = {str(e.target) for e in open_named(str(train), "image").examples} if train.exists() else set()
        for system in track(systems, corpus, len(systems)):
            if not system.corpora(corpus):
                continue
            times = []
            for _ in range(options.passes):
                start = time.perf_counter()
                texts = system.read(examples)
                times.append(time.perf_counter() - start)
            row = {"corpus": corpus, "system": system.name, "lines": len(examples)}
            speeds = {"lines_per_second": statistics.median(times), "slowest": max(times), "fastest": min(times)}
            row |= {name: len(examples) / seconds for name, seconds in speeds.items()}
            figures.append(row | score(corpus, examples, texts, seen) | {"parts": by_parts(examples, texts)})
            say(json.dumps(figures[-1]))
    rows = []
    for row in figures:
        unseen = f"{row['cer_unseen']:.2f}" if "cer_unseen" in row else ""
        speed = f"{row['lines_per_second']:.0f} ({row['slowest']:.0f} to {row['fastest']:.0f})"
        rates = [f"{row['cer']:.2f}", unseen, f"{row['cer_raw']:.2f}", f"{row['exact']:.1f}"]
        rows.append([row["corpus"], row["system"], *rates, speed])
    heading = "corpus, system, CER %, unseen CER %, raw CER %, exact lines %, lines a second"
    print(table_of(heading.split(", "), rows))
    for part in PARTS:
        print(table_of_parts(figures, part))
    if options.json:
        write_json(options.json, figures)


if __name__ == "__main__":
    main()
