"""synth:lines: lines of text set in the fonts of this machine and degraded, made on the fly."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from scriba.core.example import Example
from scriba.datasets.degrade import degrade
from scriba.datasets.fonts import Face, faces
from scriba.datasets.phrases import black_letter, chance, phrase, sentence
from scriba.datasets.synthetic import Recipe

BLACK_LETTER_SHARE = 0.12
"""Share of Fraktur lines, where there is such a font."""
TYPED_SHARE = 0.2
"""Share of typewritten lines, where there is a font with letters of equal width."""
SMALL_CAPITALS_SHARE = 0.25
"""Share of lines with a word of capitals whose letters after the first are set smaller."""
EMPHASIS_SHARE = 0.06
"""Share of lines with a word or more in another face of the family, as an italic in roman."""
GAP_SHARE = 0.04
"""Share of lines with a space as wide as between a page's number and its heading."""
NEIGHBOURS_SHARE = 0.2
"""Share of lines with parts of those above and below."""
MAX_LETTERS = 90


def make_example(id: str, rng: np.random.Generator, split: str) -> Example:
    """Render a line in a face of the split; it also depends on the fonts of this machine."""
    face, text = compose(rng, faces(split))
    family = [other for other in faces(split) if other.family == face.family and other.draws(text)] or [face]
    image = render(text, face, rng, emphasis=family[int(rng.integers(len(family)))])
    buffer = io.BytesIO()
    amount = rng.uniform(0, 1.3)  # from clean to badly worn
    degrade(image, rng, amount).save(buffer, "PNG", compress_level=1)
    return Example(id, buffer.getvalue(), text, {"font": face.family})


def compose(rng: np.random.Generator, choice: Sequence[Face]) -> tuple[Face, str]:
    """Draw a face, families first, and a text of which it has every character."""
    broken = [face for face in choice if face.black_letter and face.draws("ſ")]
    plain = [face for face in choice if not face.black_letter] or choice
    typed = [face for face in plain if face.equal_widths]
    wants_broken = bool(broken) and chance(rng, BLACK_LETTER_SHARE)
    wants_typed = bool(typed) and not wants_broken and chance(rng, TYPED_SHARE)
    pool = broken if wants_broken else typed if wants_typed else plain
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


class Hand(NamedTuple):
    """How letters are set; lengths are in pixels.

    Attributes:
        spacing: Added after each letter.
        jitter: Standard deviation of the baseline.
        unevenness: How much the ink of letters differs, from 0 to 1.
    """

    spacing: float = 0.0
    jitter: float = 0.0
    unevenness: float = 0.0


class Letter(NamedTuple):
    """A letter in its place.

    Attributes:
        text: The letter.
        font: Its face in its size.
        step: Pixels to the next letter.
    """

    text: str
    font: ImageFont.FreeTypeFont
    step: float


def draw_hand(rng: np.random.Generator, size: float, capitals: bool = False) -> Hand:
    """Draw how a press sets a line: mostly just so, headings of capitals often widely spaced."""
    spacing = rng.normal(0, 0.03) if chance(rng, 0.3) else 0.0
    if capitals and chance(rng, 0.25):
        spacing = rng.uniform(0.05, 0.5)
    jitter = rng.uniform(0, 0.05) if chance(rng, 0.15) else 0.0
    return Hand(size * spacing, size * jitter, 0.3 if jitter else 0.0)


def draw_typist(rng: np.random.Generator, size: float) -> Hand:
    """Draw how a typewriter sets a line: every letter by itself, struck harder or weaker than its neighbours."""
    return Hand(size * rng.normal(0.02, 0.03), size * rng.uniform(0.0, 0.04), rng.uniform(0.1, 1.0))


def draw_fonts(
    text: str, font: ImageFont.FreeTypeFont, emphasis: Face, rng: np.random.Generator
) -> Sequence[ImageFont.FreeTypeFont]:
    """Draw the font of every letter: small capitals and emphasised words differ from the rest."""
    fonts = [font] * len(text)
    capitals = [word for word in re.finditer(r"\w{2,}", text) if word.group().isupper()]
    if capitals and chance(rng, SMALL_CAPITALS_SHARE):
        small = font.font_variant(size=round(font.size * rng.uniform(0.7, 0.85)))
        for word in capitals:
            fonts[word.start() + 1 : word.end()] = [small] * (len(word.group()) - 1)
    words = list(re.finditer(r"\S+", text))
    if words and chance(rng, EMPHASIS_SHARE):
        first = int(rng.integers(len(words)))
        last = min(first + int(rng.integers(3)), len(words) - 1)
        start, end = words[first].start(), words[last].end()
        fonts[start:end] = [ImageFont.truetype(str(emphasis.path), font.size)] * (end - start)
    return fonts


def draw_gap(text: str, size: float, rng: np.random.Generator) -> Mapping[int, float]:
    """Draw the place of a space that is a wide gap, and the pixels that it is wider by; mostly there is none."""
    spaces = [i for i, c in enumerate(text) if c == " "]
    if not (spaces and chance(rng, GAP_SHARE)):
        return {}
    return {spaces[int(rng.integers(len(spaces)))]: rng.uniform(1, 8) * size}


def lay_out(
    text: str, fonts: Sequence[ImageFont.FreeTypeFont], spacing: float, gap: Mapping[int, float]
) -> Sequence[Letter]:
    """Place letter after letter, without kerning."""
    return [
        Letter(c, font, max(font.getlength(c) + spacing, 1) + gap.get(i, 0.0))
        for i, (c, font) in enumerate(zip(text, fonts, strict=True))
    ]


def render(text: str, face: Face, rng: np.random.Generator, emphasis: Face | None = None) -> Image.Image:
    """Set a text in a face: random size, spacing, margins and ink; perhaps with parts of the lines around it.

    Args:
        text: The line.
        face: Most of its letters'.
        rng: What is drawn from.
        emphasis: Face of emphasised words.
    """
    font = ImageFont.truetype(str(face.path), int(rng.integers(20, 56)))
    typed = face.equal_widths and chance(rng, 0.8)
    hand = draw_typist(rng, font.size) if typed else draw_hand(rng, font.size, text.isupper())
    if typed and chance(rng, 0.6):
        text = text.replace(". ", ".  ")  # as typists were taught
    fonts = [font] * len(text) if typed else draw_fonts(text, font, emphasis or face, rng)
    gap = draw_gap(text, font.size, rng)
    by_letter = bool(text) and (hand != Hand() or set(fonts) != {font} or bool(gap))
    left, top, right, bottom = font.getbbox(text or " ", anchor="ls")
    ascent, descent = (-top, bottom) if chance(rng, 0.35) else font.getmetrics()
    ascent, descent = max(ascent, -top), max(descent, bottom)
    above, below = (rng.exponential(0.08, 2) * font.size).astype(int)
    start, end = (rng.exponential(0.3, 2) * font.size).astype(int) + 2
    length = right - min(left, 0)
    if by_letter:
        letters = lay_out(text, fonts, hand.spacing, gap)
        last = letters[-1]  # it may reach beyond its step
        beyond = max(last.font.getbbox(last.text, anchor="ls")[2] - last.step, 0)
        length = sum(letter.step for letter in letters) + beyond - min(left, 0)
    size = (int(start + length + end) + 1, int(above + ascent + descent + below) + 2)
    image = Image.new("L", size, 255)
    draw = ImageDraw.Draw(image)
    x, y = int(start - min(left, 0)), int(above + ascent) + 1
    if by_letter:
        _set(draw, letters, (x, y), hand, rng)
    else:
        draw.text((x, y), text, fill=0, font=font, anchor="ls")
    if typed and chance(rng, 0.08):
        under = y + int(rng.uniform(0.05, 0.2) * font.size)
        draw.line((x, under, x + length, under), fill=int(rng.integers(0, 90)), width=max(1, round(font.size / 20)))
    if chance(rng, NEIGHBOURS_SHARE):  # letters of the next and the last line reach into the picture
        leading = int(ascent + descent + rng.uniform(-0.25, 0.1) * font.size)
        for offset in (-leading, leading):
            other = "".join(rng.permutation(list(text)))
            draw.text((x - int(rng.integers(0, 40)), y + offset), other, fill=0, font=font, anchor="ls")
    return image


def _set(
    draw: ImageDraw.ImageDraw,
    letters: Sequence[Letter],
    start: tuple[float, float],
    hand: Hand,
    rng: np.random.Generator,
) -> None:
    """Draw letter by letter, with an unsteady baseline, uneven ink and, where it is struck hard, thicker strokes."""
    x, y = start
    for text, font, step in letters:
        ink = int(min(rng.exponential(55 * hand.unevenness), 130))
        thick = rng.uniform(0, 0.04 * hand.unevenness) * font.size if chance(rng, 0.4) else 0.0
        at = (x, y + rng.normal(0, hand.jitter))
        draw.text(at, text, fill=ink, font=font, anchor="ls", stroke_width=thick, stroke_fill=ink)
        x += step


LINES = Recipe("lines", "image", {"train": 12000, "dev": 300, "test": 500}, make_example)
