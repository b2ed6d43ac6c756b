"""The bundled models say what they said: texts to the letter, scores, confidences and places to rounding.

python tests/test_recorded.py        records anew what they say, where that was meant to change
"""

from __future__ import annotations

import contextlib
import io
import json
import math
import tempfile
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

from scriba.cli import main

RECORDED = Path(__file__).with_name("recorded.json")
TIMES = ("seconds",)
"""What differs from run to run."""
SPEECH = "scripts/examples/speech"
PRINT = "scripts/examples/print"
COMMANDS = {
    "asr-an4-en": f"asr transcribe {SPEECH}/number.flac {SPEECH}/spelled.flac --format json",
    "asr-an4-en, CTC": f"asr transcribe {SPEECH}/date.flac --format json --decoding.method ctc --decoding.beam_size 1",
    "asr-an4-en, attention": f"asr transcribe {SPEECH}/erase.flac --format json --decoding.method attention",
    "asr-an4-en with lm-an4-en": f"asr transcribe {SPEECH}/address.flac --format json --decoding.lm lm-an4-en "
    "--decoding.lm_weight 0.2 --decoding.length_bonus 0.9 --decoding.n_best 3",
    "asr-an4-en, aligned": f"asr align {SPEECH}/number.flac @number",
    "ocr-print": f"ocr read {PRINT}/book.png {PRINT}/page.png --format json",
    "ocr-print, joint": f"ocr read {PRINT}/typewriter.png --format json --decoding.method joint --decoding.beam_size 4",
    "caption-scenes": "caption describe scripts/examples/scenes/three.png --model caption-scenes --format json",
    "caption-photo": "caption describe scripts/examples/scenes/three.png --format json",
    "lm-an4-en": "lm eval lm-an4-en @texts --json @out",
}


def said(command: str, folder: Path) -> list[Any]:
    """Return what a command writes, line by line, without the time it took."""
    rows = [json.loads(line) for line in (ROOT / SPEECH / "metadata.jsonl").read_text().splitlines()]
    texts, out = folder / "texts.txt", folder / "out.json"
    texts.write_text("".join(f"{row['text']}\n" for row in rows))
    values = {"@texts": str(texts), "@out": str(out)}
    values |= {f"@{Path(row['file_name']).stem}": row["text"] for row in rows}
    stdout = io.StringIO()
    with contextlib.redirect_stdout(stdout), contextlib.chdir(ROOT):
        precision = [] if command.startswith("lm ") else ["--precision", "float32"]
        words = [values.get(word, word) for word in command.split()]
        assert main([*words, "--device", "cpu", *precision]) == 0
    lines = [out.read_text()] if out.exists() else stdout.getvalue().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k not in (*TIMES, "data")} for line in lines]


def assert_alike(found: Any, recorded: Any, where: str) -> None:
    """Compare everything, numbers to what other processors round differently."""
    if isinstance(recorded, dict):
        assert found.keys() >= recorded.keys(), where
        for name, value in recorded.items():
            assert_alike(found[name], value, f"{where}.{name}")
    elif isinstance(recorded, list):
        assert len(found) == len(recorded), where
        for i, value in enumerate(recorded):
            assert_alike(found[i], value, f"{where}[{i}]")
    elif isinstance(recorded, float):
        assert math.isclose(found, recorded, rel_tol=1e-4, abs_tol=2e-3), (where, found, recorded)
    else:
        assert found == recorded, where


@pytest.mark.parametrize("name", COMMANDS)
def test_bundled_models_say_what_they_said(name: str, tmp_path: Path) -> None:
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))[name]
    assert_alike(said(COMMANDS[name], tmp_path), recorded, name)


if __name__ == "__main__":
    everything = {}
    for title, line in COMMANDS.items():
        with tempfile.TemporaryDirectory() as name:
            everything[title] = said(line, Path(name))
    lines = [f"{json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in everything.items()]
    RECORDED.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
