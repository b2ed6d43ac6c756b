"""Whole pages read by scriba, Tesseract 5 and RapidOCR: the same pictures in one run, a table by kind of page.

    python scripts/make_pages.py PAGES --split test
    python scripts/bench_pages.py PAGES --json pages.json

PAGES has pages.jsonl, as make_pages.py writes it, which tells kind and language. The others are installed by whoever
runs this: `pip install rapidocr-onnxruntime`, and Debian's tesseract-ocr-all; what is missing is left out. Tesseract is
the command, with page segmentation mode 3 and the language of the page; RapidOCR finds and reads lines. Each reads a
page from the file to the text, with the threads it chooses. Scores are those of `scriba ocr eval --level page` after
the normalisation `print`.
"""

import argparse
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageOps
from side_by_side import table_of

from scriba.core.command import say, track
from scriba.core.files import write_json
from scriba.core.text import normalisation
from scriba.datasets.page_set import PageExample
from scriba.loading import open_bundle, open_recogniser
from scriba.ocr.page_eval import named_pages
from scriba.ocr.page_scores import PageScore, added, rates, score_page
from scriba.ocr.reader import LineReader

COLUMNS = {"cer": "CER %", "cer_any_order": "in any order %", "words_found": "words found %",
           "words_invented": "words invented %", "invented_characters": "on empty pages",
           "seconds_per_page": "s a page"}  # fmt: skip
"""Numbers of the table, with their headings."""
PATIENCE = 300
"""Seconds after which a command is stopped, and has read nothing."""


class System(NamedTuple):
    """Something that reads: its name in the table, and the lines of a picture in a language."""

    name: str
    read: Callable[[Path, str], Sequence[str]]


def scriba_system(name: str, batch_size: int) -> System:
    reader = LineReader(open_recogniser(open_bundle(name), device="cpu"))

    def read(picture: Path, language: str) -> Sequence[str]:
        pages = reader.read_pages([picture], layout="page", batch_size=batch_size)
        return [line.hypothesis.text for page in pages for line in page.lines]

    return System("scriba", read)


def tesseract_system() -> list[System]:
    if shutil.which("tesseract") is None:
        say("tesseract is not installed; it is left out")
        return []

    def read(picture: Path, language: str) -> Sequence[str]:
        command = ["tesseract", str(picture), "stdout", "-l", language, "--psm", "3"]
        try:
            done = subprocess.run(command, capture_output=True, timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            return []
        return [line for line in done.stdout.decode(errors="replace").splitlines() if line.strip()]

    return [System("Tesseract", read)]


def rapidocr_system() -> list[System]:
    try:
        from rapidocr_onnxruntime import RapidOCR
    except ModuleNotFoundError:
        say("rapidocr-onnxruntime is not installed; it is left out")
        return []
    engine = RapidOCR()

    def read(picture: Path, language: str) -> Sequence[str]:
        pixels = np.asarray(ImageOps.exif_transpose(Image.open(picture)).convert("RGB"))
        found, _ = engine(np.ascontiguousarray(pixels[..., ::-1]))
        return [text for _, text, _ in found or []]

    return [System("RapidOCR", read)]


def chosen(
    pages: Sequence[PageExample], told: Mapping[str, Any], kinds: Sequence[str] | None, each: int | None
) -> list[PageExample]:
    """Return the first pages of each of some kinds, in the order in which they are told of."""
    found = {page.picture.name: page for page in pages}
    groups: dict[str, list[PageExample]] = {}
    for name, row in told.items():
        if name in found and (not kinds or row["kind"] in kinds):
            groups.setdefault(row["kind"], []).append(found[name])
    return [page for group in groups.values() for page in group[:each]]


def rows_of(scores: Mapping[tuple[str, str], Sequence[PageScore]]) -> list[list[str]]:
    """Return the rows of the table: kinds in their order with each system, and all kinds together."""
    kinds = list(dict.fromkeys(kind for kind, _ in scores))
    systems = list(dict.fromkeys(system for _, system in scores))
    rows = []
    for kind in [*kinds, "all"]:
        for system in systems:
            of_kind = [s for k in kinds if kind in (k, "all") for s in scores.get((k, system), ())]
            numbers = rates(added(of_kind))
            if not numbers["empty_pages"]:
                del numbers["invented_characters"]
            cells = (f"{numbers[name]:.{0 if name == 'invented_characters' else 2}f}" if name in numbers else ""
                     for name in COLUMNS)  # fmt: skip
            rows.append([kind, system, *cells])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", type=Path, help="folder that make_pages.py wrote")
    parser.add_argument("--model", default="ocr-print")
    parser.add_argument("--batch_size", type=int, default=32)
    parser.add_argument("--kinds", nargs="+", help="kinds of pages to read (default: all)")
    parser.add_argument("--each", type=int, help="pages of each kind to read at most (default: all)")
    parser.add_argument("--only", nargs="+", default=[""], help="parts of the names of the systems to run")
    parser.add_argument("--normalise", default="print", help="(default: %(default)s)")
    parser.add_argument("--json", type=Path, help="file for all figures, page by page")
    options = parser.parse_args()
    simplify = normalisation(options.normalise)
    told = {row["image"]: row for row in map(json.loads, (options.pages / "pages.jsonl").read_text().splitlines())}
    pages = chosen(named_pages(str(options.pages))[0], told, options.kinds, options.each)
    systems = [scriba_system(options.model, options.batch_size), *tesseract_system(), *rapidocr_system()]
    systems = [system for system in systems if any(part in system.name for part in options.only)]
    scores: dict[tuple[str, str], list[PageScore]] = {}
    figures: list[dict[str, Any]] = []
    for page in track(pages, "pages", len(pages)):
        row = told[page.picture.name]
        for system in systems:
            start = time.perf_counter()
            lines = system.read(page.picture, row["tesseract"])
            seconds = time.perf_counter() - start
            score = score_page([line.text for line in page.truth.lines], lines, simplify, seconds)
            scores.setdefault((row["kind"], system.name), []).append(score)
            figures.append({**row, "system": system.name, **rates(score), "counts": asdict(score)})
            say(json.dumps(figures[-1]))
    print(table_of(["kind", "system", *COLUMNS.values()], rows_of(scores)))
    if options.json:
        write_json(options.json, figures)


if __name__ == "__main__":
    main()
