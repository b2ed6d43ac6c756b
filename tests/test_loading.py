"""Models from Python, as the README has it, and the commands that have to agree with it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import ROOT
from PIL import Image, ImageCms

import scriba
from scriba.cli import main
from scriba.core.errors import InputError, UsageError

PRINT = ROOT / "scripts" / "examples" / "print"
SPEECH = ROOT / "scripts" / "examples" / "speech"


def test_a_language_model_says_what_it_is_for() -> None:
    """It is not a recogniser, and not an error of ours."""
    with pytest.raises(InputError, match=r"this is a language model, .*--decoding.lm"):
        scriba.load("lm-an4-en")


def test_a_recogniser_is_helped_by_one() -> None:
    """As with --decoding.lm on the command line: it has a say in the score."""
    model = scriba.load("asr-an4-en", device="cpu", lm="lm-an4-en", lm_weight=0.2)
    assert {"attention", "ctc", "lm"} == model.transcribe(SPEECH / "number.flac").scores.keys()
    with pytest.raises(UsageError, match=r"--decoding.lm_weight 0.2: name the language model"):
        scriba.load("asr-an4-en", lm_weight=0.2)


def test_pages_and_lines_are_read_alike(capsys: pytest.CaptureFixture[str]) -> None:
    """`read` gives what the command writes, for a page, for a line, and for the bytes of either."""
    model = scriba.load("ocr-print", device="cpu", precision="float32")
    for name, lines in (("page.png", 14), ("book.png", 1)):
        reading = model.read(PRINT / name)
        assert main(["ocr", "read", str(PRINT / name), "--device", "cpu", "--precision", "float32"]) == 0
        assert f"{reading.text}\n" == capsys.readouterr().out
        assert len(reading.lines) >= lines and len(reading.pages) == 1
        assert reading.text.split() == [word.text for word in reading.words] and 0.5 < reading.confidence <= 1
        assert model.read((PRINT / name).read_bytes()).text == reading.text
    assert len(model.read(PRINT / "page.png", layout="line").lines) == 1
    with pytest.raises(InputError, match="no such file"):
        model.read("nowhere.png")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The picture of a line in CIE LAB, which Pillow has no plain conversion for."""
    path = tmp_path_factory.mktemp("lab") / "lab.tif"
    profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    picture = ImageCms.profileToProfile(Image.open(PRINT / "book.png").convert("RGB"), *profiles, outputMode="LAB")
    assert picture is not None
    picture.save(path)
    return path


def test_a_picture_in_lab_is_read(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says what the same picture in RGB says, and what comes before and after it is read too."""
    files = [str(PRINT / "book.png"), str(lab), str(PRINT / "book.png")]
    assert main(["ocr", "read", *files]) == 0
    assert len({line.split("\t")[1] for line in capsys.readouterr().out.splitlines()}) == 1


def test_what_pillow_raises_ends_no_batch(
    lab: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever a conversion fails with, it is a sentence that names the file, and the others are done."""

    def fail(*arguments: object, **options: object) -> None:
        raise ValueError("conversion from LAB to RGB not supported")

    monkeypatch.setattr(ImageCms, "profileToProfile", fail)
    assert main(["ocr", "read", str(lab), str(PRINT / "book.png")]) == 1
    written = capsys.readouterr()
    assert str(lab) in written.err and "Traceback" not in written.err and "scribe" in written.out
    assert main(["caption", "describe", str(lab), str(PRINT / "book.png"), "--model", "caption-scenes"]) == 1
    written = capsys.readouterr()
    assert str(lab) in written.err and str(PRINT / "book.png") in written.out


def test_eval_cuts_long_recordings_as_transcribe_does(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The figure is the product's: a recording longer than the model takes at once is scored on all of it."""
    parts = [soundfile.read(SPEECH / f"{name}.flac", dtype="float32") for name in ("number", "command")]
    rate = parts[0][1]
    gap = np.zeros(2 * rate, np.float32)
    sound = np.concatenate([piece for values, _ in parts for piece in (values, gap)] * 7)
    assert len(sound) > 60 * rate
    soundfile.write(tmp_path / "long.flac", sound, rate)
    (tmp_path / "long.jsonl").write_text(json.dumps({"audio": "long.flac", "text": "x"}))
    out = tmp_path / "texts.jsonl"
    assert main(["asr", "eval", "asr-an4-en", str(tmp_path / "long.jsonl"), "--texts", str(out)]) == 0
    said = json.loads(out.read_text())["text"]
    capsys.readouterr()
    assert main(["asr", "transcribe", str(tmp_path / "long.flac")]) == 0
    assert said == capsys.readouterr().out.strip() and said.count("enter") >= 6
    assert main(["asr", "eval", "asr-an4-en", "x.jsonl", "--segments.max_seconds", "0"]) == 2


def test_the_data_check_takes_the_options_of_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What training would refuse, the check refuses, by the same config; so does the preview."""
    rows = []
    for i, text in enumerate(["ab", "A, b!" * 8]):
        soundfile.write(tmp_path / f"{i}.wav", np.random.default_rng(i).standard_normal(8000) / 9, 16000)
        rows.append(json.dumps({"audio": f"{i}.wav", "text": text}))
    data = tmp_path / "data.jsonl"
    data.write_text("\n".join(rows) + "\n")
    assert main(["data", "check", "asr", str(data)]) == 1
    assert "too short for CTC: 1" in capsys.readouterr().out
    config = tmp_path / "config.yaml"
    config.write_text("loss: {ctc_weight: 0}\ndata: {normalise: words}\nfeatures: {max_seconds: 0.4}\n")
    assert main(["data", "check", "asr", str(data), "--config", str(config)]) == 1
    assert "too long: 2" in capsys.readouterr().out
    assert main(["data", "check", "asr", str(data), "--config", str(config), "--features.max_seconds", "9"]) == 0
    shown = capsys.readouterr().out
    assert "2 kept" in shown and "!" not in shown.split("alphabet")[1].split("lengths")[0]
    sheet = str(tmp_path / "sheet.png")
    assert main(["data", "preview", "asr", str(data), "--config", str(config), "--out", sheet]) == 1
    assert main(["data", "preview", "asr", str(data), "--features.mel_bins", "40", "--out", sheet]) == 0
