"""Every kind of unusable audio gives one sentence that names the file; every usable kind is read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from media import RATE, bad_files, noise, write

import scriba
from scriba.asr import APP
from scriba.asr.audio import read_waveform
from scriba.asr.transcribe import main as transcribe
from scriba.core.errors import InputError
from scriba.core.example import Example, Samples

EXAMPLES = Path(__file__).resolve().parent.parent / "scripts" / "examples" / "speech"


def test_each_bad_file_is_told_and_the_rest_is_done(
    small_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A batch with every kind of bad file: a sentence for each, exit status 1, and the good files recognised."""
    bad = bad_files(tmp_path)
    good = [write(tmp_path / "good.wav", noise(1)), write(tmp_path / "stereo.flac", noise(1, 48000, 2), 48000)]
    files = [str(good[0]), *map(str, bad), str(good[1])]
    status = transcribe([*files, "--model", str(small_bundle), "--format", "json", "--device", "cpu"])
    captured = capsys.readouterr()
    assert status == 1
    done = [json.loads(line) for line in captured.out.splitlines()]
    assert [row["file"] for row in done] == [str(path) for path in good]
    assert [row["duration"] for row in done] == pytest.approx([1.0, 1.0], abs=0.02)
    told = [line for line in captured.err.splitlines() if line.startswith("scriba: ")]
    assert len(told) == len(bad)
    for line, (path, word) in zip(told, bad.items(), strict=True):
        assert str(path) in line and word in line and line.endswith("."), line
    assert "Traceback" not in captured.err


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
@pytest.mark.parametrize("channels", [None, 2])
def test_formats_rates_and_channels_give_the_same_sound(tmp_path: Path, suffix: str, channels: int | None) -> None:
    """A tone stays a tone of its pitch in every format, at 48 kHz stereo as at 16 kHz mono, from disk or memory."""
    rate = RATE if channels is None else 48000
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate).astype(np.float32)
    path = write(tmp_path / f"tone.{suffix}", tone if channels is None else np.stack([tone] * channels, 1), rate)
    for source in (path, path.read_bytes()):
        wave = read_waveform(Example("tone", source, ""), RATE, max_seconds=10)
        spectrum = torch.fft.rfft(wave[2000 : 2000 + RATE // 2]).abs()
        assert wave.ndim == 1 and abs(int(spectrum.argmax()) * 2 - 440) <= 2


def test_stream_with_unknown_length_is_read(tmp_path: Path) -> None:
    """A WAV written to a pipe has a huge length in its header; it is read to its end."""
    path = write(tmp_path / "pipe.wav", noise(1))
    data = bytearray(path.read_bytes())
    data[4:8] = data[40:44] = b"\xff\xff\xff\xff"
    assert len(read_waveform(Example("pipe", bytes(data), ""), RATE, 10)) == RATE


def test_too_long_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    """An hour of audio costs no memory: the header is enough to refuse it, and the message tells the remedy."""
    path = write(tmp_path / "hour.flac", np.zeros(3600 * 1000, np.float32), rate=1000)
    with pytest.raises(InputError, match=r"lasts 3600 s, longer than the 60 s that the model takes at once; cut it"):
        read_waveform(Example("hour", path, ""), RATE, 60)


def test_samples_are_named_by_their_id() -> None:
    """Where there is no file, the message names the example."""
    with pytest.raises(InputError, match=r"^mine: has no samples"):
        read_waveform(Example("mine", Samples(np.zeros(0, np.float32), RATE), ""), RATE, 60)


def test_silence_and_clicks_have_finite_features() -> None:
    """Digital silence, one click and full scale must not divide by zero."""
    inputs = APP.inputs(APP.configure())
    for values in (np.zeros(RATE), np.eye(1, RATE, 7)[0], np.ones(RATE), np.full(900, 1e-9)):
        features = inputs.prepare(Example("x", Samples(values.astype(np.float32), RATE), ""))
        assert torch.isfinite(features).all()


def test_long_recordings(small_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An hour of silence says nothing; where a part cannot be used, the others are written and the part is told."""
    hour = write(tmp_path / "hour.flac", np.zeros(3600 * 1000, np.float32), rate=1000)
    loud_and_silent = np.concatenate([noise(2), np.zeros(RATE)] * 110).astype(np.float32)
    loud_and_silent[-RATE - 5000] = np.nan
    broken = write(tmp_path / "broken.wav", loud_and_silent, subtype="FLOAT")
    status = transcribe([str(hour), str(broken), "--model", str(small_bundle), "--format", "json", "--device", "cpu"])
    captured = capsys.readouterr()
    assert status == 1 and f"scriba: {broken}: has NaN" in captured.err
    rows = {row["file"]: row for row in map(json.loads, captured.out.splitlines())}
    assert rows[str(hour)]["text"] == "" and rows[str(hour)]["duration"] == 3600
    if str(broken) in rows:
        assert all(0 <= word["start"] < word["end"] <= 300 for word in rows[str(broken)]["words"])


def test_speech_in_the_middle_of_silence() -> None:
    """A long recording of which one part alone is speech has its words where they are said."""
    samples, rate = soundfile.read(EXAMPLES / "spelled.flac", dtype="float32")
    model = scriba.load("asr-an4-en", device="cpu")
    alone = model.transcribe(samples, rate)
    silence = np.zeros(30 * rate, np.float32)
    found = model.transcribe(np.concatenate([silence, samples, silence]), rate)
    assert found.text and len(found.words) >= len(alone.words) - 2
    assert all(29.5 < word.start < word.end < 30.5 + len(samples) / rate for word in found.words)


def test_output_folder_holds_one_file_for_each_input(small_bundle: Path, tmp_path: Path) -> None:
    """--out writes NAME.FORMAT for each input, in every format, and subtitles of two files never share a stream."""
    files = [str(write(tmp_path / f"{name}.wav", noise(0.5))) for name in "ab"]
    options = ["--model", str(small_bundle), "--device", "cpu"]
    for format in ("txt", "json", "srt", "vtt", "tsv"):
        assert transcribe([*files, *options, "--format", format, "--out", str(tmp_path / "out")]) == 0
        assert {p.name for p in (tmp_path / "out").glob(f"*.{format}")} == {f"a.{format}", f"b.{format}"}
    assert transcribe([*files, *options, "--format", "srt"]) == 2


def test_reader_that_goes_away_is_no_error(small_bundle: Path, tmp_path: Path) -> None:
    """`scriba asr transcribe … | head -1` ends quietly."""
    path = write(tmp_path / "a.wav", noise(0.5))
    files = " ".join([str(path)] * 40)
    command = f"{sys.executable} -m scriba.asr.transcribe {files} --model {small_bundle} --batch_size 1 --device cpu"
    done = subprocess.run(["bash", "-c", f"{command} | head -1"], capture_output=True, text=True, timeout=120)
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""
