"""synth:lines: lines of text set in the fonts of this machine and degraded, made on the fly."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from scriba.core.example import Example
from scriba.datasets.degrade import degrade
from scriba.datasets.fonts import Face, faces
from scriba.datasets.phrases import black_letter, chance, phrase, sentence
from scriba.datasets.synthetic import Recipe

BLACK_LETTER_SHARE = 0.12
"""Share of Fraktur lines, where there is such a font."""
MAX_LETTERS = 90


def make_example(id: str, rng: np.random.Generator, split: str) -> Example:
    """Render a line in a face of the split; it also depends on the fonts of this machine."""
    face, text = compose(rng, faces(split))
    buffer = io.BytesIO()
    degrade(render(text, face, rng), rng).save(buffer, "PNG", compress_level=1)
    return Example(id, buffer.getvalue(), text, {"font": face.family})


def compose(rng: np.random.Generator, choice: Sequence[Face]) -> tuple[Face, str]:
    """Draw a face, families first, and a text of which it has every character."""
    broken = [face for face in choice if face.black_letter and face.draws("ſ")]
    plain = [face for face in choice if not face.black_letter] or choice
    wants_broken = bool(broken) and chance(rng, BLACK_LETTER_SHARE)
    pool = broken if wants_broken else plain
    families = sorted({face.family for face in pool})
    family = families[int(rng.integers(len(families)))]
    members = [face for face in pool if face.family == family]
    face = members[int(rng.integers(len(members)))]
    text = sentence(rng, "de") if wants_broken else phrase(rng)
    if wants_broken:
        text = black_letter(text)
        text = text.replace("⸗", "⸗" if face.draws("⸗") else "-")
    text = "".join(c for c in text if face.draws(c))[:MAX_LETTERS]
    return face, " ".join(text.split()) or "1"


def render(text: str, face: Face, rng: np.random.Generator) -> Image.Image:
    """Set a text in a face: random size, spacing, margins and ink; perhaps with parts of the lines around it."""
    font = ImageFont.truetype(str(face.path), int(rng.integers(20, 56)))
    spacing = font.size * (rng.normal(0, 0.03) if chance(rng, 0.3) else 0.0)
    jitter = font.size * (rng.uniform(0, 0.05) if chance(rng, 0.15) else 0.0)
    left, top, right, bottom = font.getbbox(text or " ", anchor="ls")
    ascent, descent = (-top, bottom) if chance(rng, 0.35) else font.getmetrics()
    ascent, descent = max(ascent, -top), max(descent, bottom)
    above, below = (rng.exponential(0.08, 2) * font.size).astype(int)
    start, end = (rng.exponential(0.3, 2) * font.size).astype(int) + 2
    length = (right - min(left, 0)) if spacing == jitter == 0 else _place(None, text, font, 0, 0, spacing, jitter, rng)
    size = (int(start + length + end) + 1, int(above + ascent + descent + below) + 2)
    image = Image.new("L", size, 255)
    draw = ImageDraw.Draw(image)
    x, y = int(start - min(left, 0)), int(above + ascent) + 1
    if spacing == jitter == 0:
        draw.text((x, y), text, fill=0, font=font, anchor="ls")
    else:
        _place(draw, text, font, x, y, spacing, jitter, rng)
    if chance(rng, 0.18):  # letters of the next and the last line reach into the picture
        leading = int(ascent + descent + rng.uniform(-0.25, 0.1) * font.size)
        for offset in (-leading, leading):
            other = "".join(rng.permutation(list(text)))
            draw.text((x - int(rng.integers(0, 40)), y + offset), other, fill=0, font=font, anchor="ls")
    return image


def _place(
    draw: ImageDraw.ImageDraw | None,
    text: str,
    font: ImageFont.FreeTypeFont,
    x: float,
    y: float,
    spacing: float,
    jitter: float,
    rng: np.random.Generator,
) -> float:
    """Draw letter by letter with extra spacing and an unsteady baseline; return the width."""
    start = x
    for letter in text:
        if draw is not None:
            draw.text((x, y + rng.normal(0, jitter)), letter, fill=int(rng.integers(0, 60)), font=font, anchor="ls")
        x += max(font.getlength(letter) + spacing, 1)
    return x - start


LINES = Recipe("lines", "image", {"train": 12000, "dev": 300, "test": 500}, make_example)
