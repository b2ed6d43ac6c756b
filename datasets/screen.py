"""Lines of text as screens show them: small letters, grey or subpixel anti-aliasing or none, light on dark."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from scriba.datasets.fonts import Face
from scriba.datasets.synthetic import chance, pick

Shares = NDArray[np.float64]
SIZES = (6, 7, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13, 14, 14, 15, 16, 18)
"""Pixels of an em."""
FILTER = np.array([1, 2, 3, 2, 1]) / 9
"""Over thirds of pixels: what keeps coloured fringes faint."""
LUMA = np.array([0.299, 0.587, 0.114])
"""Shares of red, green and blue in grey."""


def render_screen(text: str, face: Face, rng: np.random.Generator) -> Image.Image:
    """Set a text as a screen does: grey pixels, sometimes light on dark, magnified or compressed."""
    size = pick(rng, SIZES)
    way = rng.random()
    shares = _subpixels(text, face, size, rng) if way < 0.35 else _pixels(text, face, size, rng, grey=way < 0.85)
    ink, paper = rng.uniform(0, 110), rng.uniform(190, 255)
    if chance(rng, 0.25):
        ink, paper = rng.uniform(150, 255), rng.uniform(0, 80)
    image = Image.fromarray(np.clip(paper + (ink - paper) * shares, 0, 255).astype(np.uint8))
    if chance(rng, 0.3):
        scale = rng.uniform(0.85, 3.0)
        how = pick(rng, (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.NEAREST))
        image = image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))), how)
    if chance(rng, 0.2):
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=int(rng.integers(40, 95)))
        image = Image.open(buffer).convert("L")
    return image


def _pixels(text: str, face: Face, size: int, rng: np.random.Generator, grey: bool) -> Shares:
    """Return the share of ink of every pixel, from hinted letters."""
    font = ImageFont.truetype(str(face.path), size)
    left, top, right, bottom = font.getbbox(text, anchor="ls")
    before, above, after, below = rng.integers(1, 7, 4)
    image = Image.new("L", (int(right - left + before + after), int(bottom - top + above + below)))
    draw = ImageDraw.Draw(image)
    draw.fontmode = "L" if grey else "1"
    draw.text((before - left, above - top), text, fill=255, font=font, anchor="ls")
    return np.asarray(image, np.float64) / 255


def _subpixels(text: str, face: Face, size: int, rng: np.random.Generator) -> Shares:
    """Return the share of ink of every pixel whose three colours are lit by thirds of it."""
    thirds = _pixels(text, face, 3 * size, rng, grey=True)
    rows, columns = (-(-side // 3) for side in thirds.shape)
    padded = np.zeros((3 * rows, 3 * columns))
    padded[: thirds.shape[0], : thirds.shape[1]] = thirds
    rows_of_thirds = padded.reshape(rows, 3, -1).mean(1)
    filtered = np.apply_along_axis(np.convolve, 1, rows_of_thirds, FILTER, "same")
    return filtered.reshape(rows, columns, 3) @ LUMA
