"""Files of other programs: as many samples are read as FFmpeg decodes, and what they say is heard to its end."""

from __future__ import annotations

import random
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
import torchaudio.functional as AF
from media import noise, write

import scriba
from scriba.asr.audio import read_blocks, read_waveform, resample
from scriba.core.errors import InputError
from scriba.core.example import Example, Samples

SPEECH = Path(__file__).resolve().parent.parent / "scripts" / "examples" / "speech"
NUMBER = SPEECH / "number.flac"
ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
sox = pytest.mark.skipif(shutil.which("sox") is None, reason="sox is not installed")
KINDS = ("pcm", "adpcm", "sox", "mp3", "bare", "joined", "ogg", "opus", "chain", "flac", "flow", "other")
FILES = 8 * len(KINDS)
PLAIN = ("u8", "s16le", "s24le", "s32le", "f32le", "f64le", "alaw", "mulaw")
BLOCK = 2048
"""Samples by which versions of FFmpeg differ where Ogg files were put after each other: a block of Vorbis."""


def by(program: str, *words: str | Path) -> bytes:
    quiet = ["-v", "error", "-y"] if program == "ffmpeg" else []
    return subprocess.run([program, *quiet, *map(str, words)], capture_output=True, check=True).stdout


def encode(folder: Path, number: int) -> Path:
    """Make a file of one kind after the other with random settings, by ffmpeg or sox."""
    rng = random.Random(number)
    source, seconds = rng.choice(sorted(SPEECH.glob("*.flac"))), f"{rng.uniform(0.3, 1.5):.3f}"
    rate, channels = rng.choice(["8000", "11025", "16000", "22050", "44100", "48000"]), rng.choice("12")
    base = ["-t", seconds, "-i", source, "-ar", rate, "-ac", channels]
    mp3 = rng.choice([["-b:a", "32k"], ["-b:a", "64k"], ["-q:a", "2"], ["-q:a", "8"]])
    path = folder / f"{number}"
    match KINDS[number % len(KINDS)]:
        case "pcm":
            by("ffmpeg", *base, "-c:a", f"pcm_{rng.choice(PLAIN)}", path := path.with_suffix(".wav"))
        case "adpcm":
            by("ffmpeg", *base, "-c:a", rng.choice(["adpcm_ms", "adpcm_ima_wav"]), path := path.with_suffix(".wav"))
        case "sox":
            bits, kind = rng.choice(["8", "16", "24", "32"]), rng.choice([".wav", ".aiff", ".au", ".flac"])
            bits = "16" if kind == ".flac" else bits
            by(
                "sox",
                "-D",
                source,
                "-r",
                rate,
                "-c",
                channels,
                "-b",
                bits,
                path := path.with_suffix(kind),
                "trim",
                "0",
                seconds,
            )
        case "mp3":
            by("ffmpeg", *base, *mp3, path := path.with_suffix(".mp3"))
        case "bare":
            by(
                "ffmpeg",
                *base,
                *mp3,
                "-write_xing",
                "0",
                "-id3v2_version",
                rng.choice("034"),
                path := path.with_suffix(".mp3"),
            )
        case "joined":
            path = path.with_suffix(".mp3")
            path.write_bytes(b"".join(by("ffmpeg", *base, *mp3, "-f", "mp3", "-") for _ in range(rng.randint(2, 3))))
        case "ogg":
            by("ffmpeg", *base, "-c:a", "libvorbis", path := path.with_suffix(".ogg"))
        case "opus":
            by("ffmpeg", *base[:4], "-ar", "48000", "-c:a", "libopus", path := path.with_suffix(".opus"))
        case "chain":
            path = path.with_suffix(".chain.ogg")
            path.write_bytes(by("ffmpeg", *base, "-c:a", "libvorbis", "-f", "ogg", "-") * 2)
        case "flac":
            by("ffmpeg", *base, "-sample_fmt", rng.choice(["s16", "s32"]), path := path.with_suffix(".flac"))
        case "flow":
            (path := path.with_suffix(".flac")).write_bytes(by("ffmpeg", *base, "-f", "flac", "-"))
        case "other":
            by(
                "ffmpeg",
                *base,
                path := path.with_suffix(rng.choice([".m4a", ".mka", ".wma", ".w64", ".caf", ".aiff", ".wv"])),
            )
    return path


def decoded_by_ffmpeg(path: Path) -> int:
    return len(by("ffmpeg", "-i", path, "-map", "0:a:0", "-ac", "1", "-f", "u8", "-"))


def decoded(path: Path) -> int:
    return sum(len(block) for block, _ in read_blocks(path, str(path)))


@ffmpeg
@sox
def test_as_many_samples_as_ffmpeg_decodes(tmp_path: Path) -> None:
    """Eight files of each kind: wav of all kinds, mp3 with and without a header, joined, ogg, opus, flac and others."""
    with ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(lambda number: encode(tmp_path, number), range(FILES)))
        counts = pool.map(decoded_by_ffmpeg, paths)
        wrong = {
            path.name: (count, decoded(path))
            for path, count in zip(paths, counts, strict=True)
            if abs(count - decoded(path)) > (BLOCK if path.name.endswith(".chain.ogg") else 0)
        }
    assert not wrong and len({path.suffix for path in paths}) >= 8


@ffmpeg
@pytest.mark.parametrize(
    "words",
    [
        ["-ar", "44100", "-ac", "2", "-c:a", "libmp3lame", "-q:a", "4", "-f", "mp3"],
        ["-b:a", "64k", "-write_xing", "0", "-f", "mp3"],
        ["-c:a", "aac", "-f", "adts"],
        ["-f", "webm", "-c:a", "libopus"],
        ["-f", "asf", "-c:a", "wmav2"],
        ["-f", "matroska", "-c:a", "libvorbis"],
    ],
)
def test_all_that_is_said_is_read(words: list[str]) -> None:
    """An mp3 whose header is missing, or which went through a pipe, and what telephones and browsers record."""
    model = scriba.load("asr-an4-en", device="cpu")
    assert model.transcribe(by("ffmpeg", "-i", NUMBER, *words, "-")).text == "four one seven nine two"


@ffmpeg
def test_files_put_after_each_other_are_read_to_the_end(tmp_path: Path) -> None:
    model = scriba.load("asr-an4-en", device="cpu")
    for kind in ("mp3", "ogg"):
        data = b"".join(by("ffmpeg", "-i", SPEECH / f"{name}.flac", "-f", kind, "-") for name in ("number", "date"))
        text = model.transcribe(data).text
        assert text.startswith("four one seven nine two") and text.endswith("nineteen sixty four"), text


@ffmpeg
def test_a_film_has_sound_and_a_picture_has_none(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    by("ffmpeg", "-f", "lavfi", "-i", "testsrc=d=2:s=64x64", "-i", NUMBER, "-c:v", "mpeg4", film)
    assert scriba.load("asr-an4-en", device="cpu").transcribe(film).text == "four one seven nine two"
    by("ffmpeg", "-i", film, "-an", tmp_path / "silent.mp4")
    with pytest.raises(InputError, match="holds no sound"):
        decoded(tmp_path / "silent.mp4")
    film.write_bytes(film.read_bytes()[:20000])
    with pytest.raises(InputError, match=r"film\.mp4: (cannot be read as audio .*truncated|is truncated)"):
        decoded(film)


def test_a_recorder_that_stopped_all_at_once(tmp_path: Path) -> None:
    """A WAV whose header was never filled in is read to the end of the file."""
    path = write(tmp_path / "x.wav", noise(1))
    whole = bytearray(path.read_bytes())
    for size in (b"\0\0\0\0", b"\xff\xff\xff\xff"):
        whole[4:8] = whole[40:44] = size
        path.write_bytes(whole)
        assert decoded(path) == 16000


@pytest.mark.parametrize(
    "data",
    [
        b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n%s\n#EXT-X-ENDLIST\n",
        b"ffconcat version 1.0\nfile '%s'\n",
        b"v=0\nc=IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n",
        b"RIFF" + b"\xff" * 200,
        b"\xff\xfb" + b"\0" * 500,
        b"OggS" + b"\0" * 500,
        b"ID3\x03\x00\x00\x7f\x7f\x7f\x7f",
        b"\x1aE\xdf\xa3" + b"\x42" * 300,
    ],
)
def test_what_names_other_files_opens_none(data: bytes) -> None:
    """Playlists are no recordings: nothing that they name is read; and rubbish of every kind is told."""
    with pytest.raises(InputError, match=r"cannot be read as audio|has no samples|truncated"):
        list(read_blocks(data.replace(b"%s", str(NUMBER).encode()), "x"))


@pytest.mark.parametrize("rate", [1, 2, 999, 2_000_000])
def test_rates_of_nothing_are_refused(tmp_path: Path, rate: int) -> None:
    path = write(tmp_path / "x.wav", noise(1), rate)
    with pytest.raises(InputError, match=f"has {rate} samples a second"):
        decoded(path)
    with pytest.raises(InputError, match="samples a second"):
        list(read_blocks(Samples(noise(1), rate), "x"))


@pytest.mark.parametrize("rate", [1000, 1001, 7999, 8000, 16001, 22254, 44099, 44100, 48001, 96000, 191_999, 999_983])
def test_odd_rates_need_no_large_filters(rate: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tone keeps its pitch and its length at any rate; a filter has at most a million entries."""
    sizes: list[int] = []
    original = AF.resample
    monkeypatch.setattr(AF, "resample", lambda x, a, b: sizes.append(a * b) or original(x, a, b))
    tone = torch.sin(2 * np.pi * 300 * torch.arange(2 * rate) / rate)
    heard = resample(tone, rate, 16000)
    assert len(heard) == pytest.approx(32000, rel=1e-3, abs=2) and max(sizes, default=0) <= 1_000_000
    middle = heard[8000:24000]
    assert int(torch.fft.rfft(middle).abs().argmax()) == pytest.approx(300, abs=1)
    assert float(middle.abs().max()) == pytest.approx(1, abs=0.05)


def test_common_rates_are_exact() -> None:
    """Where the ratio is simple it is taken as it is: the same samples as torchaudio gives."""
    wave = torch.from_numpy(noise(1, 48000))
    for rate in (8000, 11025, 22050, 24000, 32000, 44100, 48000, 96000):
        assert torch.equal(resample(wave, rate, 16000), AF.resample(wave, rate, 16000))


def test_an_absurd_number_of_channels_takes_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    soundfile.write(path, np.zeros((8000, 1000), np.float32), 16000, format="WAV", subtype="PCM_U8")
    assert len(read_waveform(Example("x", path, ""), 16000, 60)) == 8000
