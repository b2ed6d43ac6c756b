"""Pages of known lines for tests of the layout."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from scriba.ocr.page import PageLine

TEXT = "the quick brown fox that jumped over it, yes; lazily dogged judges of gypsum in every old city hold that book"
WORDS = TEXT.split(" ")


def set_text(
    image: Image.Image, place: tuple[int, int], width: int, count: int, size: int = 20, fill: int = 0, seed: int = 0
) -> list[tuple[int, int]]:
    """Set justified lines; returns where they begin."""
    draw, font, rng = ImageDraw.Draw(image), ImageFont.load_default(size), np.random.default_rng(seed)
    x, places = place[0], []
    for i in range(count):
        words = [str(rng.choice(WORDS))]
        while sum(font.getlength(w) for w in words) + len(words) * 0.3 * size < width:
            words.append(str(rng.choice(WORDS)))
        words = words[:-1]
        gap = (width - sum(font.getlength(w) for w in words)) / (len(words) - 1)
        y, at = place[1] + round(1.4 * size) * i, float(x)
        for word in words:
            draw.text((at, y), word, fill=fill, font=font)
            at += font.getlength(word) + gap
        places.append((x, y))
    return places


def paper(width: int = 1000, height: int = 900) -> Image.Image:
    return Image.new("L", (width, height), 255)


def places_of(lines: list[PageLine]) -> list[tuple[int, int]]:
    return [(line.box.left, line.box.top) for line in lines]


def assert_at(lines: list[PageLine], places: list[tuple[int, int]], size: int = 20) -> None:
    """Lines are found at these places, in this order, and none is higher than a line."""
    assert len(lines) == len(places), places_of(lines)
    for line, (x, y) in zip(lines, places, strict=True):
        assert abs(line.box.left - x) < 0.6 * size and -0.3 * size < line.box.top - y < 0.8 * size, (line.box, x, y)
