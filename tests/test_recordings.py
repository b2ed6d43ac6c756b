"""Recordings as people have them: from a pipe, of any length, as samples of any type, with nothing in them."""

from __future__ import annotations

import io
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from media import RATE, noise, write

import scriba
from scriba.asr import Model
from scriba.cli import main
from scriba.core.errors import InputError, ScribaError
from scriba.core.example import Example, Samples

NUMBER = Path(__file__).resolve().parent.parent / "scripts" / "examples" / "speech" / "number.flac"


@pytest.fixture(scope="module")
def model() -> Model:
    return scriba.load("asr-an4-en", device="cpu", method="ctc", beam_size=1)


def through_pipe(path: Path, folder: Path) -> Path:
    """Return a pipe through which a file comes, once."""
    pipe = folder / f"pipe{path.suffix}"
    os.mkfifo(pipe)
    threading.Thread(target=lambda: pipe.write_bytes(path.read_bytes()), daemon=True).start()
    return pipe


SAMPLES: dict[str, Callable[[np.ndarray], Any]] = {
    "float64": lambda v: v.astype(float),
    "int16": lambda v: np.round(v * 32768).astype(np.int16),
    "int32": lambda v: np.round(v * 32768).astype(np.int32) << 16,
    "uint8": lambda v: np.round(v * 128 + 128).astype(np.uint8),
    "big-endian": lambda v: v.astype(">f4"),
    "channels last": lambda v: np.stack([v, v], 1),
    "channels first": lambda v: np.stack([v, v]),
    "tensor": torch.from_numpy,
    "tensor of integers": lambda v: torch.from_numpy(np.round(v * 32768).astype(np.int16))[None],
    "list": np.ndarray.tolist,
}


@pytest.mark.parametrize("kind", SAMPLES)
def test_samples_of_any_type(model: Model, kind: str) -> None:
    values, rate = soundfile.read(NUMBER, dtype="float32")
    assert model.transcribe(SAMPLES[kind](values), np.int64(rate)).text == model.transcribe(NUMBER).text


def test_files_of_any_kind(model: Model) -> None:
    """Bytes and what is open for reading them; the rate of samples may be a float."""
    text = model.transcribe(str(NUMBER)).text
    with NUMBER.open("rb") as file:
        assert model.transcribe(file).text == text
    for audio in (io.BytesIO(NUMBER.read_bytes()), bytearray(NUMBER.read_bytes())):
        assert model.transcribe(audio).text == text
    assert model.transcribe(*soundfile.read(NUMBER)[:1], 16000.0).text == text  # type: ignore[arg-type]


ONES = np.ones(RATE, np.float32)


@pytest.mark.parametrize(
    ("audio", "rate", "error", "told"),
    [
        (None, None, TypeError, "NoneType is no audio; give a file"),
        ([1, 2, 3], RATE, TypeError, "list is no audio"),
        ([[1.0], [1.0, 2.0]], RATE, TypeError, "list is no audio"),
        (ONES.astype(np.int64), RATE, TypeError, "int64 is no audio"),
        (io.StringIO("a"), None, TypeError, "open it with mode 'rb'"),
        (ONES, None, ValueError, "samples need their rate"),
        *((ONES, rate, ValueError, "give samples per second") for rate in (0, -1, 16000.5, float("nan"), "16000")),
        (ONES, 10, InputError, "has 10 samples a second"),
        (ONES[None, None], RATE, ValueError, r"samples of shape \(1, 1, 16000\)"),
        (np.zeros((40, 1000), np.float32), RATE, ValueError, "of at most 32"),
        (ONES[:0], RATE, InputError, "has no samples"),
        ([], RATE, InputError, "has no samples"),
        (ONES * np.nan, RATE, InputError, "has NaN"),
    ],
)
def test_what_is_no_audio(model: Model, audio: Any, rate: Any, error: type[Exception], told: str) -> None:
    """One sentence each."""
    with pytest.raises(error, match=told) as raised:
        model.transcribe(audio, rate)
    assert isinstance(raised.value, ScribaError) or "\n" not in str(raised.value)


def test_silence_says_nothing(model: Model) -> None:
    """Also in the middle of a batch; what is beside it says what it says alone."""
    values, rate = soundfile.read(NUMBER, dtype="float32")
    silent = [np.zeros(32000), np.full(32000, 0.1), np.eye(1, 32000, 9)[0], np.zeros(25 * rate)]
    sources = [values, *silent, values]
    examples = [Example(str(i), Samples(v.astype(np.float32), rate), "") for i, v in enumerate(sources)]
    found = [result.hypothesis for result in model.transcribe_all(examples)]
    assert [h.text for h in found[1:-1]] == [""] * 4
    assert found[0].text == found[-1].text == model.transcribe(values, rate).text


def test_lengths_are_counted_and_pipes_read_once(
    small_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The length of a long recording is that of its samples, also where only part of it is speech."""
    path = write(tmp_path / "long.wav", np.concatenate([noise(33.35), np.zeros(round(33.35 * RATE))]))
    for file in (path, through_pipe(path, tmp_path)):
        options = ["--model", str(small_bundle), "--device", "cpu", "--format", "json"]
        assert main(["asr", "transcribe", str(file), *options]) == 0
        assert json.loads(capsys.readouterr().out)["duration"] == pytest.approx(66.7)


def test_aligning_reads_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pipe = through_pipe(NUMBER, tmp_path)
    assert main(["asr", "align", str(pipe), "four one seven nine two", "--device", "cpu"]) == 0
    assert json.loads(capsys.readouterr().out)["duration"] == pytest.approx(soundfile.info(NUMBER).duration, abs=1e-3)


def test_segments_fit_the_model(small_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Longer ones are refused before anything is read; at the limit everything is read."""
    path = write(tmp_path / "long.wav", noise(75))
    (tmp_path / "long.jsonl").write_text(json.dumps({"id": "a", "audio": "long.wav", "text": "ab"}) + "\n")
    told = "--segments.max_seconds 90: the model takes 60 s at once; give 60 or less."
    for command in (["transcribe", "missing.wav", "--model", str(small_bundle)], ["eval", str(small_bundle), "@"]):
        words = [str(tmp_path / "long.jsonl") if word == "@" else word for word in command]
        assert main(["asr", *words, "--device", "cpu", "--segments.max_seconds", "90"]) == 2
        assert told in capsys.readouterr().err
        words = [str(path) if word == "missing.wav" else word for word in words]
        assert main(["asr", *words, "--device", "cpu", "--segments.max_seconds", "60"]) == 0
        assert capsys.readouterr().err == ""


def test_attention_that_jumps_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Words of recordings joined to one, of which attention loses its way, are in order."""
    parts = [
        soundfile.read(NUMBER.with_name(f"{n}.flac"))[0] for n in ("number", "date", "command", "address", "erase")
    ]
    path = write(tmp_path / "joined.wav", np.concatenate(parts))
    options = ["--device", "cpu", "--decoding.method", "attention", "--decoding.beam_size", "1", "--format", "json"]
    assert main(["asr", "transcribe", str(path), *options]) == 0
    row = json.loads(capsys.readouterr().out)
    for units in (row["tokens"], row["words"]):
        assert all(0 <= unit["start"] < unit["end"] <= soundfile.info(path).duration for unit in units)
        assert [unit["start"] for unit in units] == sorted(unit["start"] for unit in units)
