"""Give damaged files to the commands: each has to end in time with a result, or with sentences that say what is wrong.

    python scripts/fuzz.py                                    300 cases over all targets
    python scripts/fuzz.py --target bundle --cases 100 --seed 7 --failures failures.jsonl
    python scripts/fuzz.py --seed 7 --case 23 --folder kept   one case again, told in full; its files stay in kept

A case is a function of the seed and its number. It fails if a command ends with another exit status than 0, 1 or 2,
says nothing, shows an exception, a control character or a sentence without an end, takes more than 20 s or 2 GiB,
changes the files it was given, or leaves others than it was told to write. The exit status is 1 if any case fails.
"""

import argparse
import faulthandler
import importlib.util
import io
import json
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import chdir, nullcontext, redirect_stderr
from multiprocessing import get_context
from pathlib import Path
from random import Random as Rng
from typing import Any, NamedTuple
from unittest.mock import patch

import huggingface_hub.constants
import numpy as np
import yaml
from PIL import Image

from scriba.cli import main as scriba_main
from scriba.core.command import track
from scriba.core.training import RunFolder
from scriba.loading import app_named

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / folder) for folder in ("scripts", "tests")]

from media import noise, print_line, write  # noqa: E402
from side_by_side import table_of  # noqa: E402
from toy import untrained_bundle  # noqa: E402

SMALL = {"decoder": {"size": 8, "embedding_size": 4}, "attention": {"size": 8}}
SPEECH = {"encoder": {"channels": 4, "size": 8, "layers": 1}, **SMALL}
LINES = {"encoder": {"channels": [4, 4, 8, 8, 8, 8, 8], "size": 8, "layers": 1}, **SMALL}
PHOTOS = {"backbone": {"name": "shufflenet_v2_x0_5", "weights": "none", "stages": 4, "size": 64}, **SMALL}
TRAIN: dict[str, Any] = {"data": {"train": "synth:dtmf:train:6", "dev": "synth:dtmf:dev:2"}, "device": "cpu", **SPEECH}
TRAIN |= {"features": {"sample_rate": 8000}, "loss": {"ctc_weight": 0.3}, "decoding": {"beam_size": 1}}
TRAIN["training"] = {"epochs": 4, "max_steps": 4, "batch_size": 3, "learning_rate": 0.003, "log_every": 1}
USE = {"batch_size": 2, "format": "json", "decoding": {"method": "joint", "beam_size": 2, "n_best": 2}}
ARPA = """\\data\\\nngram 1=6\nngram 2=1\n\n\\1-grams:\n-1\t<unk>\n-99\t<s>\t-0.3\n-1\t</s>
-0.5\ta\t-0.3\n-0.7\tb\t-0.3\n-0.7\tc\t-0.3\n\n\\2-grams:\n-0.2\ta b\n\n\\end\\\n"""
COMMANDS = [  # target, files of which one is damaged, and a command that meets it; {1} is the folder of the file
    line.split(maxsplit=2)
    for line in """
    recording  sound.*         asr transcribe {0} sound.flac --model asr --out out --format json
    recording  sound.*         asr transcribe {0} --model asr --format srt
    recording  sound.*         asr align {0} abc --model asr
    recording  sound.*         asr eval asr sounds.jsonl
    recording  sound.*         data check asr sounds.jsonl
    picture    picture.*       ocr read {0} picture.png --model ocr --out out --layout page --format tsv
    picture    picture.*       ocr read {0} --model ocr --format json
    picture    picture.*       ocr eval ocr pictures.jsonl
    picture    picture.*       caption describe {0} --model caption --format json
    manifest   sounds.*        asr eval asr {0}
    manifest   sounds.*        data check asr {0} --dev {0}
    manifest   sounds.*        asr train --config train.yaml --run_dir new --training.max_steps 1 --data.train {0}
    manifest   pictures.jsonl  ocr eval ocr {0}
    manifest   captions.jsonl  data check caption {0}
    bundle     [aoc]*/*        model info {1} --format json
    bundle     asr/*           asr transcribe sound.wav --model asr
    bundle     asr/*           asr align sound.wav abc --model asr
    bundle     asr/*           asr train --config train.yaml --run_dir new --training.max_steps 1 --init asr
    bundle     ocr/*           ocr read picture.png --model ocr
    bundle     caption/*       caption describe picture.png --model caption
    run        run/*/last      asr train --config train.yaml --run_dir run
    run        run/**/*        asr train --config train.yaml --run_dir run
    config     train.yaml      asr train --config train.yaml --run_dir new --training.max_steps 1
    config     train.yaml      data check asr sounds.jsonl --config train.yaml
    config     use.yaml        asr transcribe sound.wav --config use.yaml --model asr --out out
    ngram      lm.arpa         asr transcribe sound.wav --model asr --decoding.lm lm.arpa --decoding.lm_weight 0.5
    """.strip().splitlines()
]
TARGETS = tuple(dict.fromkeys(target for target, _, _ in COMMANDS))
FREE = ("case/out/", "case/new/", "case/run/", "stdout", "stderr", "trace")  # where a case may write
LIMIT_S, LIMIT_BYTES, LIFE = 20.0, 2 << 30, 150  # of a case; cases until a process makes way for a fresh one
FAULTS = {
    "shows": re.compile(r"\(--debug shows where\)|Traceback|\b[A-Z]\w*(?:Error|Exception|Warning)\b:"),
    "writes": re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]"),
    "lets a library write": re.compile(r"^(?:\[\S+:\d+\] |Note: |TIFF|lib[a-z]+[: ]).*", re.MULTILINE),
}
TEXTS = ("", " ", "a", "\x1b[31mred", "a\0b", "\x85\u2028", "\ud800", "a\nb", "\t", '"', "'", ",", "\u202eא\u0301", "7")
TEXTS += ("x" * 70_000, "n" * 300 + ".wav", "../../../../etc/passwd", "/", ".", "-", "--debug", "hf:x", "nan", "1e999")
VALUES: tuple[Any, ...] = (None, True, 0, -1, 0.5, 2**31, 2**63, 10**400, 1e308, float("nan"), float("inf"), [], {})
VALUES += ([[]], ["a", None], {"a": 1}, "@deep@")
MARKS = (b"{", b"]", b"&a *a ", b"<<: ", b"!!python/object:os.system ", b"\t", b": ", b"- ", b"%", b"\xff", b"\0", b'"')


def scarred(name: str, data: bytes, rng: Rng, other: bytes) -> bytes:
    """Cut, drop, double, clear or replace bytes, splice in those of another file, set a number or flip bits."""
    start = rng.randrange(len(data) + 1)
    end = min(len(data), start + rng.choice((1, 4, 64, 1024)))
    width, order = rng.choice((1, 2, 4, 8)), rng.choice(("little", "big"))
    number = rng.choice((0, 1, 2, -1, -2, 2**15, 2**31, 2**31 - 1, 2**63)) % (1 << 8 * width)
    place = rng.randrange(min(len(data), 128) + 1)
    numbered = data[:place] + number.to_bytes(width, order) + data[place + width :]  # type: ignore[arg-type]
    flipped = bytearray(data or b"x")
    for _ in range(rng.choice((1, 1, 8, 64))):
        flipped[rng.randrange(len(flipped))] ^= 1 << rng.randrange(8)
    tails = (b"", data[end:], other[rng.randrange(len(other) + 1) :])
    doubled = data[start:end] * rng.choice((2, 4, 300))
    filled = (rng.choice((b"\0", b"\xff")) * (end - start), rng.randbytes(end - start), doubled)
    cut = [*(data[:start] + tail for tail in tails), *(data[:start] + new + data[end:] for new in filled)]
    return rng.choice((*cut, numbered, numbered, bytes(flipped), bytes(flipped)))


def scrawled(name: str, data: bytes, rng: Rng, other: bytes) -> bytes:
    """Put marks and words into a text, take or double lines, change line ends or the encoding."""
    lines, place = data.splitlines(keepends=True) or [b""], rng.randrange(len(data) + 1)
    line, text = rng.randrange(len(lines)), rng.choice(TEXTS).encode("utf-8", "surrogatepass")
    start, end = rng.choice([word.span() for word in re.finditer(rb"[\w./-]+", data)] or [(0, 0)])
    replaced, mark = data[:start] + text + data[end:], rng.choice(MARKS) * rng.choice((1, 1, 2, 5000))
    added = [data[:place] + new + data[place:] for new in (mark, text)]
    fewer, more = lines[:line] + lines[line + 1 :], lines[: line + 1] * rng.choice((1, 2, 100)) + lines[line:]
    ends = data.replace(b"\n", rng.choice((b"\r\n", b"\r", b"", b"\n\n")))
    whole = rng.choice((b"\xef\xbb\xbf" + data, data.decode("utf-8", "replace").encode("utf-16"), b"", b"\n"))
    return rng.choice((*added, b"".join(fewer), b"".join(more), ends, whole, replaced, replaced))


def bent(tree: Any, rng: Rng) -> Any:
    """Change one place of plain values: another value, another type, a key less or more."""
    nodes = [tree]
    for node in nodes:
        nodes += [v for v in (node.values() if isinstance(node, dict) else node) if isinstance(v, dict | list)]
    places = [(node, key) for node in nodes for key in (node if isinstance(node, dict) else range(len(node)))]
    (node, key), (source, name) = rng.choices(places, k=2)
    value, drawn = node[key], (rng.choice(VALUES), rng.choice(TEXTS))
    new = rng.choice((*drawn, *drawn, source[name], [value], {"a": value}, str(value)))
    where = rng.choice(TEXTS) if isinstance(node, dict) and rng.random() < 0.2 else key
    node[where] = new
    if rng.random() < 0.15:
        del node[key]
    return rng.choice(VALUES) if rng.random() < 0.03 else tree


def bent_json(text: bytes | str, rng: Rng) -> bytes:
    """Change one place of a JSON text; what is not ASCII is written in either way, and some of it is nested deeply."""
    depth = rng.choice((500, 100_000))
    made = json.dumps(bent(json.loads(text), rng), ensure_ascii=rng.random() < 0.5)
    return made.replace('"@deep@"', "[" * depth + "]" * depth).encode("utf-8", "surrogatepass")


def restructured(name: str, data: bytes, rng: Rng, other: bytes) -> bytes:
    """Change values of a file that stays what it is: YAML, JSON, JSON lines or safetensors."""
    if name.endswith(".yaml"):
        tree = yaml.safe_load(data)
        return bent_json(json.dumps(tree), rng) if rng.random() < 0.3 else yaml.safe_dump(bent(tree, rng)).encode()
    if name.endswith((".jsonl", "sounds.json")):
        lines = data.splitlines()
        line = rng.randrange(len(lines))
        return b"\n".join([*lines[:line], bent_json(lines[line], rng), *lines[line + 1 :], b""])
    if name.endswith(".json"):
        return bent_json(data, rng)
    size = 8 + int.from_bytes(data[:8], "little")
    header, body = json.loads(data[8:size]), bytearray(data[size:])
    one, two = rng.choices([header[key] for key in header if key != "__metadata__"], k=2)
    shape, (start, end), about = one["shape"], one["data_offsets"], header.get("__metadata__", {})
    kinds = [{"dtype": kind} for kind in ("F16", "BF16", "I16", "F32", "I32", "F64", "I64", "BOOL", "F8_E5M2")]
    shapes = [{"shape": other} for other in (shape[::-1], [*shape, 1], [-1], [2**62, 4])]
    one |= rng.choice(({}, rng.choice(kinds), rng.choice(shapes), {key: two[key] for key in ("shape", "data_offsets")}))
    if rng.random() < 0.3:
        body[start:end] = rng.choice((b"\0", b"\xff", b"\x7c", b"\x7b")) * (end - start)
    if (kept := rng.choice(sorted(about) or [""])) and rng.random() < 0.7:
        about[kept] = bent_json(about[kept], rng).decode()
    text = json.dumps(bent(header, rng) if rng.random() < 0.3 else header).encode()
    return len(text).to_bytes(8, "little") + text + body


def damaged(name: str, data: bytes, rng: Rng, other: bytes) -> tuple[bytes, str]:
    """Return a file with one change or two, and of which kind."""
    kinds = [scarred]
    if name.endswith((".json", ".jsonl", ".yaml", ".safetensors", "/last")):
        kinds += [scrawled, *[restructured] * 5]
    elif name.endswith((".csv", ".tsv", ".md", ".arpa")):
        kinds += [scrawled] * 3
    chosen = rng.choices(kinds, k=rng.choice((1, 1, 2)))
    for kind in chosen:
        try:
            data = kind(name, data, rng, other)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError, yaml.YAMLError):  # no longer one
            data = scarred(name, data, rng, other)
    return data, " and ".join(kind.__name__ for kind in chosen)


def make_materials() -> None:
    """Write recordings, pictures, manifests, models, options and a run amid its training, into the present folder."""
    line = print_line("abc", 16)
    page = Image.fromarray(np.tile(line, (3, 1)))
    for kind in ("wav", "flac", "ogg", "mp3"):
        write(Path(f"sound.{kind}"), noise(0.4), 8000)
    write(Path("sound.float.wav"), noise(0.3, 44100, 2), 44100, subtype="FLOAT")
    for kind in ("png", "page.png", "jpg", "gif", "webp", "bmp"):
        (page if "page" in kind else line).copy().save(f"picture.{kind}")
    page.save("picture.tiff", save_all=True, append_images=[line.copy()])
    sounds, pictures = (sorted(map(str, Path().glob(name))) for name in ("sound.*", "picture.*"))
    lines = {
        "sounds.jsonl": [json.dumps({"audio": name, "text": "ab c"}) for name in sounds],
        "sounds.json": [json.dumps({"audio_filepath": name, "duration": 0.4, "text": "ab c"}) for name in sounds],
        "sounds.csv": ["audio,text", *(f"{name},ab c" for name in sounds)],
        "sounds.tsv": ["audio\ttext", *(f"{name}\tab c" for name in sounds)],
        "pictures.jsonl": [json.dumps({"image": name, "text": "abc"}) for name in pictures],
        "captions.jsonl": [json.dumps({"image": name, "captions": ["a b", "c"]}) for name in pictures],
        **{"train.yaml": [yaml.safe_dump(TRAIN)], "use.yaml": [yaml.safe_dump(USE)], "lm.arpa": [ARPA]},
    }
    for name, texts in lines.items():
        Path(name).write_text("\n".join([*texts, ""]))
    for name, options in (("asr", SPEECH), ("ocr", LINES), ("caption", PHOTOS)):
        (untrained_bundle(Path(name), app_named(name), options) / "README.md").write_text("# A model\n")
    save = RunFolder.save_checkpoint
    stop = lambda *parts: save(*parts) or signal.raise_signal(signal.SIGINT)  # noqa: E731
    with redirect_stderr(io.StringIO()), patch.object(RunFolder, "save_checkpoint", stop):
        scriba_main(["asr", "train", "--config", "train.yaml", "--run_dir", "run"])
    Path("run/log.jsonl").write_text("".join(f'{{"kind": "train", "step": {step}}}\n' for step in (1, 2)))
    shutil.rmtree("run/events")


class Outcome(NamedTuple):
    """What became of a case; `fault` is empty where it is as it should be."""

    case: int
    target: str
    file: str
    command: str
    change: str = ""
    fault: str = ""
    tail: str = ""
    status: int = 0
    peak: int = 0


def planned(seed: int, case: int, base: Path) -> tuple[Outcome, Rng]:
    """Return what a case is about, and what draws its damage."""
    target, rng = TARGETS[case % len(TARGETS)], Rng(f"{seed}:{case}")
    _, pattern, command = rng.choice([row for row in COMMANDS if row[0] == target])
    file = rng.choice(sorted(path.relative_to(base).as_posix() for path in base.glob(pattern) if path.is_file()))
    return Outcome(case, target, file, command.format(file, file.split("/")[0])), rng


def memory(what: str) -> int:
    """Return what the kernel says of this process: VmSize, or VmHWM, the most it had in use."""
    return int(re.search(rf"{what}:\s+(\d+)", Path("/proc/self/status").read_text())[1]) << 10  # type: ignore[index]


def called(words: list[str], place: Path) -> tuple[int, str, str]:
    """Run a command; returns its exit status, and what it and the libraries below it wrote to both outputs."""
    streams, ours, paths = (sys.stdout, sys.stderr), (os.dup(1), os.dup(2)), (place / "stdout", place / "stderr")
    sys.stdout, sys.stderr = paths[0].open("w", encoding="utf-8"), paths[1].open("w", 1, "utf-8", "backslashreplace")
    for number, stream in enumerate((sys.stdout, sys.stderr), start=1):
        os.dup2(stream.fileno(), number)
    try:
        status = scriba_main(words)
    except BaseException:
        status = sys.excepthook(*sys.exc_info()) or 1  # type: ignore[arg-type]
    sys.stdout, sys.stderr = streams
    for number, own in enumerate(ours, start=1):
        os.dup2(own, number)
        os.close(own)
    return status, *(path.read_bytes().decode("utf-8", "surrogateescape") for path in paths)


def fault_of(status: int, out: str, err: str) -> str:
    """Return what is wrong with how a command ended, or nothing."""
    for words, expression in FAULTS.items():
        if found := expression.search(out + err):
            return f"{words} {found[0]!r}"
    ends = [line for line in err.split("\n") if line.startswith("scriba: ") and not line.endswith((".", "?"))]
    if status not in (0, 1, 2) or (status and not (out + err).strip()) or (status == 2 and "scriba: " not in err):
        return f"ends with exit status {status} and says {'nothing' if not (out + err).strip() else 'no sentence'}"
    return f"says a sentence without an end: {ends[0][-100:]!r}" if ends else ""


def contents(folder: Path) -> dict[str, bytes]:
    """Return what is in the files of a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def run_case(seed: int, case: int, root: Path) -> Outcome:
    """Lay out the files of a case, damage one, run the command there and judge what became of it."""
    base, folder = root / "base", root / "case"
    outcome, rng = planned(seed, case, base)
    other = (base / rng.choice((outcome.file, "sound.mp3", "picture.jpg", "picture.png"))).read_bytes()
    data, change = damaged(outcome.file, (base / outcome.file).read_bytes(), rng, other)

    def run(*more: str) -> tuple[int, str, str]:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(base, folder)
        (folder / outcome.file).write_bytes(data)
        before.update(contents(root))
        with chdir(folder):
            return called([*outcome.command.split(), *more], root)

    before = dict[str, bytes]()
    resource.setrlimit(resource.RLIMIT_AS, (memory("VmSize") + LIMIT_BYTES, resource.RLIM_INFINITY))
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak
    with (root / "trace").open("w") as trace:
        faulthandler.enable(trace)
        faulthandler.dump_traceback_later(LIMIT_S, exit=True, file=trace)
        status, out, err = run()
        peak, changed = memory("VmHWM"), before.items() ^ contents(root).items()
        names = sorted({name for name, _ in changed if not name.startswith(FREE) or name.endswith(".part")})
        fault = fault_of(status, out, err) or (f"changes {', '.join(names)}" if names else "")
        tail = run("--debug")[2] if fault.startswith("shows") else err
        faulthandler.cancel_dump_traceback_later()
        faulthandler.disable()
    return outcome._replace(change=change, status=status, fault=fault, tail=tail[-3000:], peak=peak)


def begin(root: Path) -> None:
    """Make the process that runs cases ready."""
    huggingface_hub.constants.HF_HUB_OFFLINE = True
    warnings.simplefilter("always", append=True)  # each case shows its own
    tempfile.tempdir = str(root / "temporary")
    for group, verb in {tuple(command.split()[:2]) for _, _, command in COMMANDS}:
        importlib.import_module(f"scriba.{group}.{verb}")


def fuzz(cases: Iterable[int], seed: int, root: Path, start: Callable[[Path], None] = begin) -> Iterator[Outcome]:
    """Yield what becomes of cases, run by a process that makes way for another when it ends itself or is old."""
    (root / "temporary").mkdir(parents=True, exist_ok=True)
    if not (base := root / "base").exists():
        base.mkdir()
        with chdir(base):
            make_materials()
    left = 0
    for case in cases:
        if not left:
            pool, left = ProcessPoolExecutor(1, get_context("spawn"), start, (root,)), LIFE
        try:
            outcome, left = pool.submit(run_case, seed, case, root).result(), left - 1
        except BrokenProcessPool:
            outcome, trace, left = planned(seed, case, base)[0], (root / "trace").read_text(), 0
            outcome = outcome._replace(fault=f"ends the process: {trace.partition('!')[0]}", tail=trace[:3000])
        if not left:
            pool.shutdown()
        yield outcome
    pool.shutdown()


def kind_of(outcome: Outcome) -> str:
    """Return what faults of the same cause have in common: how they show, and where in scriba."""
    places = re.findall(r'File ".*/scriba/(\S+)", line \d+,? in (\w+)', outcome.tail) or [("", "")]
    errors = re.findall(r"\b[\w.]*(?:Error|Exception|Warning): .*", outcome.tail) or [""]
    place = places[0 if outcome.fault.startswith("ends") else -1]  # there the innermost is told first
    return " | ".join((outcome.fault[:80], ":".join(place), errors[-1][:100]))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=300, help="(default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="(default: %(default)s)")
    parser.add_argument("--target", choices=TARGETS, help="cases of this target only")
    parser.add_argument("--case", type=int, help="this case only, told in full")
    parser.add_argument("--failures", type=Path, help="JSONL file to add failures to")
    parser.add_argument("--folder", type=Path, help="folder to work in, which is kept")
    options = parser.parse_args()
    chosen = [n for n in TARGETS if options.target in (None, n) and (n != "ngram" or importlib.util.find_spec("kenlm"))]
    cases = [case for case in range(len(TARGETS) * options.cases) if TARGETS[case % len(TARGETS)] in chosen]
    cases = cases[: options.cases] if options.case is None else [options.case]
    tally, kinds, peak, began = Counter[tuple[str, str]](), Counter[str](), 0, time.perf_counter()
    place = nullcontext(options.folder) if options.folder else tempfile.TemporaryDirectory()
    with place as root, (options.failures or Path(os.devnull)).open("a") as failures:
        for outcome in track(fuzz(cases, options.seed, Path(root).resolve()), "fuzzing", len(cases)):
            tally[outcome.target, "failures" if outcome.fault else "sentences" if outcome.status else "results"] += 1
            peak = max(peak, outcome.peak)
            if outcome.fault or options.case is not None:
                told = f"{outcome.change} {outcome.file}: {outcome.fault or outcome.status}"
                print(f"case {outcome.case}: scriba {outcome.command}, {told}", flush=True)
                print(outcome.tail if options.case is not None else "", end="")
            if outcome.fault:
                kinds[kind_of(outcome)] += 1
                print(json.dumps({"seed": options.seed, **outcome._asdict()}), file=failures, flush=True)
    columns, named = ("results", "sentences", "failures"), {n: n if n in chosen else f"{n} (skipped)" for n in TARGETS}
    print(table_of(("target", *columns), [(named[n], *(str(tally[n, column]) for column in columns)) for n in TARGETS]))
    speed = f"{60 * len(cases) / (time.perf_counter() - began):.0f} cases a minute"
    print(f"{speed}, at most {peak >> 20} MiB in use", *(f"{n} x {kind}" for kind, n in kinds.most_common()), sep="\n")
    return 1 if kinds else 0


if __name__ == "__main__":
    sys.exit(main())
