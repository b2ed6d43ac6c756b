"""Places on the picture as it was given, from places on the page that was made of it by turning it upright.

The picture as given is the one that is shown: turned as its EXIF data says. Coordinates are those of the edges of
pixels, x to the right and y down, so that (0, 0) and (width, height) are corners.
"""

import math
from collections.abc import Iterable

from scriba.core.search import TextSpan
from scriba.ocr.page import Box
from scriba.ocr.reader import Page, ReadLine

Polygon = tuple[tuple[int, int], ...]
"""Corners in their order around; of a box: left top, right top, right bottom and left bottom, as the text runs."""


def original_size(page: Page) -> tuple[int, int]:
    """Return width and height of the picture as given, which a turn by about 90 degrees either way has swapped."""
    return (page.height, page.width) if round(page.angle / 90) % 2 else (page.width, page.height)


def to_original(x: float, y: float, page: Page) -> tuple[float, float]:
    """Return where a point of the page lies in the picture as given: turned back about the centre."""
    width, height = original_size(page)
    sine, cosine = math.sin(math.radians(page.angle)), math.cos(math.radians(page.angle))
    dx, dy = x - page.width / 2, y - page.height / 2
    return width / 2 + cosine * dx - sine * dy, height / 2 + sine * dx + cosine * dy


def outline(box: Box, page: Page) -> Polygon:
    """Return the corners of a box of the page in the picture as given, as far as they lie in it."""
    width, height = original_size(page)
    places = (to_original(x, y, page) for x, y in corners(box))
    return tuple((min(max(round(x), 0), width), min(max(round(y), 0), height)) for x, y in places)


def given_box(box: Box, page: Page) -> Box:
    """Return the smallest upright box around a box of the page, in the picture as given."""
    return around(outline(box, page))


def corners(box: Box) -> Polygon:
    """Return the corners of a box."""
    return (box.left, box.top), (box.right, box.top), (box.right, box.bottom), (box.left, box.bottom)


def all_lines(page: Page) -> Box:
    """Return the smallest box around the lines of a page, of which there are some, in the picture as given."""
    return around(place for line in page.lines for place in outline(line.box, page))


def around(points: Iterable[tuple[int, int]]) -> Box:
    """Return the smallest box around points."""
    columns, rows = zip(*points, strict=True)
    return Box(min(columns), min(rows), max(columns), max(rows))


def text_angle(page: Page) -> float:
    """Return by how many degrees, of -180 to 180, text runs against the clock in the picture as given."""
    return (180 - page.angle) % 360 - 180


def word_box(word: TextSpan, line: ReadLine) -> Box:
    """Return where a word lies on the upright page: its columns, over the height of the line."""
    if word.start is None or word.end is None:
        return line.box
    left = min(max(round(word.start), line.box.left), line.box.right - 1)
    right = min(max(round(word.end), left + 1), line.box.right)
    return Box(left, line.box.top, right, line.box.bottom)
