"""What was built for one task serves the others, through their commands: words for speech, hard attention for lines."""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib
import numpy as np
import soundfile
from PIL import Image, ImageDraw, ImageFont

from scriba.cli import main

FONT = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
PITCHES = {"low": 300, "middle": 900, "high": 2400}
SPOKEN = ("low", "high", "middle low", "low middle", "high low middle", "middle high", "high high low", "low low")
WRITTEN = ("ab", "cab", "dad", "bead", "ace", "fade")


def train_and_score(app: str, data: Path, run: Path, options: str) -> dict[str, dict[str, float]]:
    """Train on a manifest and score the same examples; returns the scores of each head."""
    sources = ["--data.train", str(data), "--data.dev", str(data), "--run_dir", str(run), "--device", "cpu"]
    assert main([app, "train", *sources, *options.split()]) == 0
    assert main([app, "eval", str(run / "bundle"), str(data), "--json", str(run / "scores.json")]) == 0
    heads: dict[str, dict[str, float]] = json.loads((run / "scores.json").read_text())["heads"]
    return heads


def test_speech_in_words(tmp_path: Path) -> None:
    """Tones of three pitches, named by words that are one token each, are learnt by heart by both heads."""
    rows = []
    for i, text in enumerate(SPOKEN):
        pieces = [np.sin(2 * np.pi * PITCHES[word] * np.arange(2000) / 8000) for word in text.split()]
        sound = np.concatenate([np.append(piece, np.zeros(800)) for piece in pieces])
        soundfile.write(tmp_path / f"{i}.wav", 0.3 * sound, 8000)
        rows.append({"audio": f"{i}.wav", "text": text})
    data = tmp_path / "tones.jsonl"
    data.write_text("\n".join(map(json.dumps, rows)))
    options = "--tokenizer.kind words --features.sample_rate 8000 --features.mel_bins 40 --encoder.size 32"
    options += " --encoder.layers 1 --encoder.channels 4 --encoder.dropout 0 --attention.kind location"
    options += " --attention.size 16 --decoder.size 32 --decoder.embedding_size 8 --decoder.dropout 0"
    options += " --loss.ctc_weight 0.5 --loss.label_smoothing 0 --training.epochs 300 --training.learning_rate 0.01"
    options += " --training.eval_every 300 --training.average none"
    heads = train_and_score("asr", data, tmp_path / "run", options)
    assert heads["ctc"]["wer"] == heads["attention"]["wer"] == 0
    saved = json.loads((tmp_path / "run" / "bundle" / "tokenizer.json").read_text())
    assert saved["kind"] == "words" and sorted(saved["words"]) == sorted(PITCHES)


def test_lines_with_hard_attention(tmp_path: Path) -> None:
    """Hard attention, trained by REINFORCE under a single option, reads lines it knows without a mistake."""
    font = ImageFont.truetype(str(FONT), 24)
    rows = []
    for text in WRITTEN:
        image = Image.new("L", (int(font.getlength(text)) + 40, 50), 255)
        ImageDraw.Draw(image).text((20, 10), text, fill=0, font=font)
        image.save(tmp_path / f"{text}.png")
        rows.append({"image": f"{text}.png", "text": text})
    data = tmp_path / "lines.jsonl"
    data.write_text("\n".join(map(json.dumps, rows)))
    options = "--attention.selection hard --encoder.channels [8,16,32,32,32,32,32] --encoder.size 32"
    options += " --encoder.layers 1 --encoder.dropout 0 --attention.kind location --attention.size 16"
    options += " --decoder.size 32 --decoder.embedding_size 8 --decoder.dropout 0 --augment.amount 0"
    options += " --loss.ctc_weight 0.5 --loss.label_smoothing 0 --loss.reinforce_weight 0.3 --training.epochs 160"
    options += " --training.learning_rate 0.01 --training.eval_every 160 --training.average none"
    heads = train_and_score("ocr", data, tmp_path / "run", options)
    assert heads["attention"]["cer"] == heads["ctc"]["cer"] == 0
