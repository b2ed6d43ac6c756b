"""What scripts/demo.sh shows once scriba is installed. No network and no data are needed."""

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import scriba
from scriba.cli import main as scriba_command

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "scripts" / "examples"


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the objects of a file of JSON lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def show(model: str, call: str, folder: Path, truth: str) -> None:
    """Put the examples in a folder through a bundled model: time, confidence and text of each."""
    write_down = getattr(scriba.load(model), call)
    rows = read_rows(folder / "metadata.jsonl")
    write_down(folder / rows[0]["file_name"])  # the first call also sets up the libraries
    print(f"   {'file':<16} {'time':>7}  {'confidence':>10}  text")
    for row in rows:
        start = time.perf_counter()
        result = write_down(folder / row["file_name"])
        milliseconds = 1000 * (time.perf_counter() - start)
        print(f"   {row['file_name']:<16} {milliseconds:4.0f} ms  {result.confidence:10.2f}  {result.text}")
        if result.text != row["text"]:
            print(f"   {'':<16} {'':>7}  {truth:>10}  {row['text']}")


def recognise() -> None:
    """Recognise the example recordings with the bundled model."""
    print("\n== Recognising recordings with the bundled model asr-an4-en")
    print("   (the voice is espeak-ng's; the model was trained on people and on other voices of espeak-ng)\n")
    show("asr-an4-en", "transcribe", EXAMPLES / "speech", "was said:")


def read() -> int:
    """Read the example lines and pages with the bundled model, and draw the order of the second."""
    print("\n== Reading lines of print with the bundled model ocr-print\n")
    show("ocr-print", "read", EXAMPLES / "print", "it says:")
    folder, status = ROOT / "runs" / "demo", 0
    for name, plot in (("page.png", []), ("columns.png", ["--plot", str(folder)])):
        page = EXAMPLES / "print" / name
        print(f"\n== Reading a page: scriba ocr read {page.relative_to(ROOT)}\n", flush=True)
        status = status or scriba_command(["ocr", "read", str(page), *plot])
    print(f"\n   in which order: {os.path.relpath(folder)}/columns-order.png")
    return status


def describe() -> int:
    """Describe the example scenes with the bundled model, and draw where it looked for each word."""
    print("\n== Describing drawn scenes with the bundled model caption-scenes\n", flush=True)
    scenes = EXAMPLES / "scenes"
    names = [os.path.relpath(scenes / row["file_name"]) for row in read_rows(scenes / "metadata.jsonl")]
    folder = ROOT / "runs" / "demo"
    status = scriba_command(["caption", "describe", *names, "--model", "caption-scenes", "--plot", str(folder)])
    print(f"\n   where it looked for each word: {os.path.relpath(folder)}/*.png")
    return status


def train() -> int:
    """Train on telephone keypad tones and score the result on tones it never heard."""
    print("\n== Training a recogniser of telephone keypad tones in noise, made on the fly\n")
    config = ROOT / "apps" / "asr" / "configs" / "quickstart.yaml"
    with tempfile.TemporaryDirectory(prefix="scriba-demo-", ignore_cleanup_errors=True) as folder:
        run = Path(folder) / "run"
        start = time.perf_counter()
        if status := scriba_command(["asr", "train", "--config", str(config), "--run_dir", str(run)]):
            return status
        print(f"\n   trained in {time.perf_counter() - start:.0f} s; CER on dev, CTC head, after each epoch:")
        lines = read_rows(run / "log.jsonl")
        print("   " + "  ".join(f"{line['ctc_cer']:.1f} %" for line in lines if line["kind"] == "dev"))
        print("\n== Scoring it on tones of another seed\n")
        return scriba_command(["asr", "eval", str(run / "bundle"), "synth:dtmf:test"])


if __name__ == "__main__":
    recognise()
    sys.exit(read() or describe() or train())
