"""Lines given by their outline on an upright page, and their pictures cut out of it.

Coordinates are those of the edges of pixels, x to the right and y down.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from PIL import Image, ImageDraw

from scriba.ocr.binarise import binarise, is_dark
from scriba.ocr.boxes import Box, Boxes, as_box, heights, hulls, widths
from scriba.ocr.components import components
from scriba.ocr.cut import SEVERAL, PageLine, Sheet, cut_line
from scriba.ocr.image import Grey

Polygon = tuple[tuple[int, int], ...]
"""Corners in their order around; of a box: left top, right top, right bottom and left bottom, as the text runs."""
OWN, SHARED = 0.5, 0.15
"""Shares of a component inside of an outline from which it is that line's, and from which it may be if it is tall."""


def corners(box: Box) -> Polygon:
    """Return the corners of a box."""
    return (box.left, box.top), (box.right, box.top), (box.right, box.bottom), (box.left, box.bottom)


def around(points: Iterable[tuple[int, int]]) -> Box:
    """Return the smallest box around points."""
    columns, rows = zip(*points, strict=True)
    return Box(min(columns), min(rows), max(columns), max(rows))


def within(box: Box, page: Grey) -> Box:
    """Return what of a box lies on a page; it has no columns or rows where nothing does."""
    (height, width), (left, top, right, bottom) = page.shape, box
    return Box(min(max(left, 0), width), min(max(top, 0), height), min(right, width), min(bottom, height))


def cut_outline(page: Grey, outline: Sequence[tuple[int, int]]) -> PageLine:
    """Return the line that an outline of the page is around.

    Ink of which most lies inside is the line's, all of it, so that an outline may be a little tight. All other is
    painted over, and the line is straightened, as with lines that are found.

    Args:
        page: The upright page.
        outline: Corners around the line, some of which lies on the page.
    """
    box = within(around(outline), page)
    reach = box.height // 2 + 2
    place = within(Box(box.left - reach, box.top - reach, box.right + reach, box.bottom + reach), page)
    part = page[place.top : place.bottom, place.left : place.right]
    if is_dark(part):
        part = 255 - part
    found = components(binarise(part))
    drawn = Image.new("1", part.shape[::-1])
    ImageDraw.Draw(drawn).polygon([(x - place.left, y - place.top) for x, y in outline], fill=1)
    inside = np.bincount(found.labels[np.asarray(drawn)], minlength=len(found.areas) + 1)[1:] / found.areas
    owner = np.where(inside > OWN, 0, -1)
    owner[(inside > SHARED) & (owner < 0) & (heights(found.boxes) > box.height)] = SEVERAL
    letters = usual(found.boxes[owner == 0])
    if not len(letters):
        return PageLine(box, page[box.top : box.bottom, box.left : box.right], box.left)
    sheet = Sheet(part, 1, found.labels, owner, np.zeros(part.shape, np.bool_))
    line = cut_line(sheet, 0, letters, as_box(hulls(found.boxes, owner, 1)[0]))
    return replace(line, box=box, left=place.left + line.left)


def usual(boxes: Boxes) -> Boxes:
    """Return those of a line's components that may be letters: near the usual height, each counting by its width."""
    if not len(boxes):
        return boxes
    tall, order = heights(boxes), np.argsort(heights(boxes))
    counts = widths(boxes)[order].cumsum()
    size = tall[order][np.searchsorted(counts, 0.5 * counts[-1])]
    return boxes[(tall > 0.5 * size) & (tall < 3 * size)]
