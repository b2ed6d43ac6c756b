"""synth:lines: lines of text set in the fonts of this machine and degraded, made on the fly.

`synth:lines:train:5000:code=2,address=1` makes only lines of these kinds (`datasets/phrases.py`), by these shares.
"""

import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from PIL.ImageFont import FreeTypeFont

from scriba.core.example import Example
from scriba.datasets.degrade import degrade
from scriba.datasets.fonts import Face, faces
from scriba.datasets.phrases import KINDS, phrase
from scriba.datasets.prose import as_read, black_letter, sentence
from scriba.datasets.screen import render_screen
from scriba.datasets.synthetic import Recipe, chance, pick

SCREEN_SHARE = 0.1
"""Share of lines as screens show them; of what is mostly seen there, half."""
ON_SCREENS = ("code", "dialog", "address", "file")
BLACK_LETTER_SHARE = 0.09
"""Share of Fraktur lines, where there is such a font."""
TYPED_SHARE = 0.15
"""Share of typewritten lines, where there is a font with letters of equal width."""
SMALL_CAPITALS_SHARE = 0.25
"""Share of lines with a word of capitals whose letters after the first are set smaller."""
EMPHASIS_SHARE = 0.06
"""Share of lines with a word or more in another face of the family, as an italic in roman."""
GAP_SHARE = 0.04
"""Share of lines with a space as wide as between a page's number and its heading."""
MARKED_SHARE = 0.05
"""Share of lines with words that are underlined or struck out."""
EDGE_SHARE = 0.04
"""Share of lines between the upright rules of a table or form."""
NEIGHBOURS_SHARE = 0.2
"""Share of lines with parts of those above and below."""
MAX_LETTERS = 90
Letters = Iterable[tuple[str, FreeTypeFont, float]]
"""Letters, their faces in their sizes, and the pixels from each to the next."""


def make_example(id: str, rng: np.random.Generator, split: str, shares: Mapping[str, float] | None = None) -> Example:
    """Render a line in a face of the split; it also depends on the fonts of this machine."""
    kind, face, text = compose(rng, faces(split), shares)
    if not face.black_letter and chance(rng, 0.5 if kind in ON_SCREENS else SCREEN_SHARE):
        image = render_screen(text, face, rng)
    else:
        family = [other for other in faces(split) if other.family == face.family and other.draws(text)] or [face]
        image = render(text, face, rng, emphasis=pick(rng, family))
        image = degrade(image, rng, rng.uniform(0, 1.3))  # from clean to badly worn
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return Example(id, buffer.getvalue(), as_read(text), {"font": face.family, "kind": kind})


def compose(
    rng: np.random.Generator, choice: Sequence[Face], shares: Mapping[str, float] | None = None
) -> tuple[str, Face, str]:
    """Draw a kind, a text, and a face that has its characters, families first; what none has is left out."""
    broken = [face for face in choice if face.black_letter and face.draws("ſ")]
    if broken and shares is None and chance(rng, BLACK_LETTER_SHARE):
        return "black letter", *fitted(rng, broken, black_letter(sentence(rng, "de")))
    kind, text = phrase(rng, shares)
    plain = [face for face in choice if not face.black_letter] or choice
    typed = [face for face in plain if face.equal_widths]
    return kind, *fitted(rng, typed if typed and chance(rng, TYPED_SHARE) else plain, text)


def fitted(rng: np.random.Generator, choice: Sequence[Face], text: str) -> tuple[Face, str]:
    """Draw a face, families first, preferably one that has every character of a text; return what it can draw of it."""
    for _ in range(4):
        family = pick(rng, sorted({face.family for face in choice}))
        face = pick(rng, [face for face in choice if face.family == family])
        if face.draws(text):
            break
    text = text if face.draws("⸗") else text.replace("⸗", "-")
    text = "".join(c for c in text if face.draws(c))[:MAX_LETTERS]
    return face, " ".join(text.split()) or "1"


class Hand(NamedTuple):
    """How letters are set: pixels added after each, deviation of the baseline in pixels, unevenness of ink (0 to 1)."""

    spacing: float = 0.0
    jitter: float = 0.0
    unevenness: float = 0.0


def draw_hand(rng: np.random.Generator, size: float, capitals: bool = False) -> Hand:
    """Draw how a press sets a line: mostly just so, headings of capitals often widely spaced."""
    spacing = rng.normal(0, 0.03) if chance(rng, 0.3) else 0.0
    if capitals and chance(rng, 0.25):
        spacing = rng.uniform(0.05, 0.5)
    jitter = rng.uniform(0, 0.05) if chance(rng, 0.15) else 0.0
    return Hand(size * spacing, size * jitter, 0.3 if jitter else 0.0)


def draw_fonts(text: str, font: FreeTypeFont, emphasis: Face, rng: np.random.Generator) -> Sequence[FreeTypeFont]:
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


def render(text: str, face: Face, rng: np.random.Generator, emphasis: Face | None = None) -> Image.Image:
    """Set a text in a face: random size, spacing, margins and ink; perhaps with parts of the lines around it.

    Emphasised words are set in the face `emphasis`.
    """
    font = ImageFont.truetype(str(face.path), int(rng.integers(20, 56)))
    if typed := face.equal_widths and chance(rng, 0.8):  # letters by themselves, struck harder or weaker
        hand = Hand(font.size * rng.normal(0.02, 0.03), font.size * rng.uniform(0.0, 0.04), rng.uniform(0.1, 1.0))
        text = text.replace(". ", ".  ") if chance(rng, 0.6) else text  # as typists were taught
    else:
        hand = draw_hand(rng, font.size, text.isupper())
    fonts = [font] * len(text) if typed else draw_fonts(text, font, emphasis or face, rng)
    spaces = [i for i, c in enumerate(text) if c == " "]
    gap = {pick(rng, spaces): rng.uniform(1, 8) * font.size} if spaces and chance(rng, GAP_SHARE) else {}
    by_letter = bool(text) and (hand != Hand() or set(fonts) != {font} or bool(gap))
    left, top, right, bottom = font.getbbox(text or " ", anchor="ls")
    ascent, descent = (-top, bottom) if chance(rng, 0.35) else font.getmetrics()
    ascent, descent = max(ascent, -top), max(descent, bottom)
    above, below = (rng.exponential(0.08, 2) * font.size).astype(int)
    start, end = (rng.exponential(0.3, 2) * font.size).astype(int) + 2
    length = right - min(left, 0)
    if by_letter:
        steps = [max(f.getlength(c) + hand.spacing, 1) for c, f in zip(text, fonts, strict=True)]  # without kerning
        for i, width in gap.items():
            steps[i] += width
        beyond = max(fonts[-1].getbbox(text[-1], anchor="ls")[2] - steps[-1], 0)  # the last letter's ink
        length = sum(steps) + beyond - min(left, 0)
    size = (int(start + length + end) + 1, int(above + ascent + descent + below) + 2)
    image = Image.new("L", size, 255)
    draw = ImageDraw.Draw(image)
    x, y = int(start - min(left, 0)), int(above + ascent) + 1
    if by_letter:
        _set(draw, zip(text, fonts, steps, strict=True), x, y, hand, rng)
    else:
        draw.text((x, y), text, fill=0, font=font, anchor="ls")
    if chance(rng, 0.08 if typed else MARKED_SHARE):
        places = np.cumsum([0, *steps]) if by_letter else [font.getlength(text[:i]) for i in range(len(text) + 1)]
        _mark(draw, text, x + np.asarray(places), y, font.size, rng)
    if chance(rng, EDGE_SHARE):
        for edge in rng.choice([0, image.width - 1, start // 2, image.width - 1 - end // 2], 2):
            draw.line((edge, 0, edge, image.height), fill=int(rng.integers(0, 120)), width=int(rng.integers(1, 4)))
    if chance(rng, NEIGHBOURS_SHARE):  # letters of the next and the last line reach into the picture
        leading = int(ascent + descent + rng.uniform(-0.25, 0.1) * font.size)
        for offset in (-leading, leading):
            other = "".join(rng.permutation(list(text)))
            draw.text((x - int(rng.integers(0, 40)), y + offset), other, fill=0, font=font, anchor="ls")
    return image


def _mark(
    draw: ImageDraw.ImageDraw, text: str, places: NDArray[np.float64], y: float, size: float, rng: np.random.Generator
) -> None:
    """Underline some words of a line, sometimes all, or strike some out; `places` are where its letters begin."""
    words = list(re.finditer(r"\S+", text))
    first = 0 if chance(rng, 0.4) else int(rng.integers(len(words)))
    last = len(words) - 1 if first == 0 else min(first + int(rng.integers(3)), len(words) - 1)
    y += size * (-rng.uniform(0.2, 0.3) if chance(rng, 0.2) else rng.uniform(0.03, 0.2))
    box = (places[words[first].start()], y, places[words[last].end()], y)
    draw.line(box, fill=int(rng.integers(0, 90)), width=max(1, round(size * rng.uniform(0.03, 0.08))))


def _set(draw: ImageDraw.ImageDraw, letters: Letters, x: float, y: float, hand: Hand, rng: np.random.Generator) -> None:
    """Draw letter by letter, with an unsteady baseline, uneven ink and, where it is struck hard, thicker strokes."""
    for text, font, step in letters:
        ink = int(min(rng.exponential(55 * hand.unevenness), 130))
        thick = rng.uniform(0, 0.04 * hand.unevenness) * font.size if chance(rng, 0.4) else 0.0
        at = (x, y + rng.normal(0, hand.jitter))
        draw.text(at, text, fill=ink, font=font, anchor="ls", stroke_width=thick, stroke_fill=ink)
        x += step


LINES = Recipe("lines", "image", {"train": 12000, "dev": 300, "test": 500}, make_example, tuple(KINDS))
