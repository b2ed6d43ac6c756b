"""Pages: finding the lines of print on them, by classical image analysis.

Ink is told from paper, rules are taken out, connected components are joined into runs of print that no gutter parts,
and the runs into lines in reading order. Coordinates are pixels of the upright page.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from scriba.ocr.areas import dark_bands, inside, pictures, printed, sheet_of, without_noise
from scriba.ocr.binarise import Mask, binarise, is_light_on_dark
from scriba.ocr.boxes import Box, as_box, heights, hulls, widths
from scriba.ocr.components import Components, components, letter_size, only, underlined
from scriba.ocr.cut import SEVERAL, PageLine, Sheet, cut_line
from scriba.ocr.gutters import find_gutters
from scriba.ocr.image import Grey
from scriba.ocr.order import WORD_SPACE, Print, reading_order, rows_of_cells, rows_of_pieces, rows_of_words
from scriba.ocr.rules import Rules, find_rules
from scriba.ocr.runs import find_runs, local_sizes, nearest_letters
from scriba.ocr.turn import angle_of, turned

__all__ = ["Box", "PageLine", "find_lines", "upright", "upright_lines"]
ANALYSIS_SIZE = 2400
"""Larger pages are analysed at about this many pixels along their longer side."""
FINE_SIZE = 9.0
"""Rows of letters below which a page is analysed at a larger size."""
MIN_SIZE = 4.0
"""Rows of letters below which nothing can be read."""
LARGE = 0.35
"""Letter sizes of marks, as hyphens, that no gutter runs through: columns have specks between them."""


@dataclass(frozen=True)
class Scan:
    """A page with the components of its ink.

    Attributes:
        page: Dark print on light paper.
        shrink: Pixels of the page along one of the picture that was analysed.
        small: That picture.
        ink: Where there is ink on it.
        found: Its components.
    """

    page: Grey
    shrink: int
    small: Grey
    ink: Mask
    found: Components


def find_lines(page: Grey) -> list[PageLine]:
    """Return the lines of print on an upright page in reading order; none on an empty one."""
    return _lines_of(_scan(page))


def upright(page: Grey) -> tuple[Grey, float]:
    """Turn a page so that its lines run level.

    Returns:
        The page, larger where its corners need the room, and by how many degrees it was turned against the clock.
    """
    angle = angle_of(_scan(page).found)
    return (turned(page, angle), angle) if angle else (page, 0.0)


def upright_lines(page: Grey) -> tuple[Grey, list[PageLine], float]:
    """Do both at once: return a page turned upright, the lines on it, and the angle it was turned by."""
    scan = _scan(page)
    if angle := angle_of(scan.found):
        page = turned(page, angle)
        scan = _scan(page)
    return page, _lines_of(scan), angle


def _scan(page: Grey) -> Scan:
    """Find the ink of a page: of a large one at a fraction of its size, if its letters are large, too."""
    if is_light_on_dark(page):
        page = 255 - page
    for shrink in range(math.ceil(max(page.shape) / ANALYSIS_SIZE), 0, -1):
        small = page if shrink == 1 else np.asarray(Image.fromarray(page).reduce(shrink))
        ink = binarise(small)
        found = components(ink)
        clean = without_noise(ink, found)
        found = found if clean is ink else components(clean)
        found = only(found, printed(small, found))
        if letter_size(found) > FINE_SIZE:
            break
    return Scan(page, shrink, small, found.labels > 0, found)


def _lines_of(scan: Scan) -> list[PageLine]:
    page, ink, found = scan.page, scan.ink, scan.found
    if underlined(found):  # letters are seen only without the rules that they hang together by
        loose = find_rules(ink, ink.shape[1] / 48)
        found = components(ink & ~loose.mask)
    size = letter_size(found)
    if size < MIN_SIZE:
        return []
    removed = np.zeros_like(ink)
    if (band := dark_bands(found, size)) is not None:
        ink, page = ink ^ band, page.copy()
        large = band.repeat(scan.shrink, 0).repeat(scan.shrink, 1)[: page.shape[0], : page.shape[1]]
        part = page[: large.shape[0], : large.shape[1]]
        part[large] = 255 - part[large]
        removed = ndimage.binary_dilation(band, iterations=2) & ~ndimage.binary_erosion(band, iterations=2)
    rules = find_rules(ink, size)
    removed |= rules.mask
    if removed.any():
        found = components(ink & ~removed)
        if band is not None:
            row, column = (found.boxes[:, [1, 0]] + found.boxes[:, [3, 2]]).T // 2
            found = only(found, printed(scan.small, found) | ~band[row, column])
        size = letter_size(found)
    sheet = Sheet(page, scan.shrink, found.labels, np.full(len(found.boxes), -1), removed)
    return _lines(sheet, found, rules, size) if size >= MIN_SIZE else []


def _lines(sheet: Sheet, found: Components, rules: Rules, size: float) -> list[PageLine]:
    """Return the lines that the components of a page make."""
    boxes, owner = found.boxes, sheet.lines
    printed = inside(boxes, sheet_of(found)[None]) & ~inside(boxes, pictures(found, size))
    pieces = inside(boxes, rules.upright + np.array([-2, 0, 2, 0])) & (widths(boxes) < 0.5 * size)  # of worn rules
    letters = np.flatnonzero(_letters(found, size) & printed & ~pieces)
    if not len(letters):
        return []
    usual = local_sizes(boxes[letters])
    tall, wide = heights(boxes[letters]), widths(boxes[letters])
    letters = letters[(tall > 0.7 * usual) | (tall > 0.5 * usual) & (wide > 0.55 * usual)]  # the others are commas
    is_mark = _marks(found, size) & printed & ~pieces
    is_mark[letters] = False
    marks = np.flatnonzero(is_mark)
    uprights = rules.upright[heights(rules.upright) > 4 * size]
    large = marks[np.maximum(heights(boxes[marks]), widths(boxes[marks])) > LARGE * size]  # the others may be dirt
    gutters = find_gutters(boxes[np.r_[letters, large]], uprights, found.labels.shape, size)
    line = find_runs(boxes[letters], gutters)
    runs = Print(hulls(boxes[letters], line, int(line.max()) + 1), _medians(heights(boxes[letters]), line), rules.level)
    stray = (widths(runs.boxes) < 0.75 * size) & (heights(runs.boxes) < 0.75 * size)  # marks far from any letter
    if stray.all():
        return []
    letters, line = letters[~stray[line]], (np.cumsum(~stray) - 1)[line[~stray[line]]]
    runs = Print(runs.boxes[~stray], runs.sizes[~stray], runs.rules)
    for rows in (rows_of_pieces, rows_of_words, partial(rows_of_cells, reach=WORD_SPACE), rows_of_cells):
        groups = rows(runs, gutters)
        runs, line = runs.joined(groups), groups[line]
    owner[letters] = line
    nearest = nearest_letters(boxes[marks], boxes[letters], 0.9)
    owner[marks[nearest >= 0]] = line[nearest[nearest >= 0]]
    owner[_tall(found, size) & (owner < 0) & printed] = SEVERAL
    extents = hulls(boxes, owner, len(runs.boxes))
    return [
        cut_line(sheet, int(i), boxes[letters[line == i]], as_box(extents[i])) for i in reading_order(runs, gutters)
    ]


def _letters(found: Components, size: float) -> Mask:
    tall, wide = heights(found.boxes), widths(found.boxes)
    fits = (tall > 0.45 * size) & (tall < 24 * size) & (wide < 30 * size) & (wide < 16 * tall) & (tall > 3)
    return fits & (tall < 12 * wide) & (found.areas > 0.02 * tall * wide)


def _marks(found: Components, size: float) -> Mask:
    tall, wide = heights(found.boxes), widths(found.boxes)
    return (np.maximum(tall, wide) > 0.1 * size) & (tall < 4 * size) & (wide < 6 * size)


def _tall(found: Components, size: float) -> Mask:
    tall, wide = heights(found.boxes), widths(found.boxes)
    return (tall > 1.6 * size) & (tall < 8 * size) & (wide < 30 * size)


def _medians(values: NDArray[np.int64], groups: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the median of each group."""
    order = np.lexsort((values, groups))
    starts = np.searchsorted(groups[order], np.arange(groups.max() + 2))
    middle = (starts[:-1] + starts[1:] - 1) // 2
    return values[order][middle].astype(np.float64)
