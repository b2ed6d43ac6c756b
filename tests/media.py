"""Sounds and pictures that tests make."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image, ImageDraw, ImageFont

RATE = 16000


def noise(seconds: float, rate: int = RATE, channels: int | None = None) -> np.ndarray:
    shape = round(seconds * rate) if channels is None else (round(seconds * rate), channels)
    return (0.1 * np.random.default_rng(0).standard_normal(shape)).astype(np.float32)


def write(path: Path, samples: np.ndarray, rate: int = RATE, **options: str) -> Path:
    soundfile.write(path, samples, rate, **options)
    return path


def cut(path: Path, share: float) -> Path:
    """Cut off the end of a file."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def bad_files(folder: Path) -> dict[Path, str]:
    """Make one file of each unusable kind; returns them with a word their message must have."""
    (folder / "empty.wav").write_bytes(b"")
    (folder / "words.wav").write_text("this is no sound at all\n" * 50)
    (folder / "folder.wav").mkdir()
    holes = noise(1)
    holes[5000] = np.nan
    return {
        folder / "missing.wav": "no such file",
        folder / "empty.wav": "empty",
        folder / "words.wav": "cannot be read as audio",
        folder / "folder.wav": "folder",
        cut(write(folder / "cut.wav", noise(1)), 0.5): "truncated",
        cut(write(folder / "cut.flac", noise(1)), 0.5): "truncated",
        cut(write(folder / "cut.mp3", noise(1)), 0.5): "truncated",
        write(folder / "none.wav", noise(0)): "no samples",
        write(folder / "blip.wav", noise(0.01)): "ms",
        write(folder / "nan.wav", holes, subtype="FLOAT"): "NaN",
    }


def print_line(text: str = "Hello, world", size: int = 30) -> Image.Image:
    """Black text on white, with unequal margins."""
    image = Image.new("L", (size * len(text), 3 * size), 255)
    ImageDraw.Draw(image).text((size, size // 2), text, fill=0, font=ImageFont.load_default(size))
    return image


def file_of(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
