"""Pages: finding the lines of print on them, by classical image analysis.

Ink is told from paper, rules are taken out, connected components are joined into runs of print that no gutter parts,
and the runs into lines in reading order. Coordinates are pixels of the upright page.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scriba.ocr.binarise import Mask, binarise, is_dark
from scriba.ocr.boxes import Box, as_box, heights, hulls, widths
from scriba.ocr.components import Components, components, letter_size
from scriba.ocr.cut import SEVERAL, PageLine, Sheet, cut_line
from scriba.ocr.gutters import find_gutters
from scriba.ocr.image import Grey
from scriba.ocr.order import Print, reading_order, rows_of_cells, rows_of_words
from scriba.ocr.rules import find_rules
from scriba.ocr.runs import find_runs, local_sizes, nearest_letters
from scriba.ocr.turn import upright

__all__ = ["Box", "PageLine", "find_lines", "upright"]
ANALYSIS_SIZE = 2400
"""Larger pages are analysed at about this many pixels along their longer side."""
MIN_SIZE = 4.0
"""Rows of letters below which nothing can be read."""


def find_lines(page: Grey) -> list[PageLine]:
    """Return the lines of print on a page in reading order; none on an empty one."""
    if is_dark(page):
        page = 255 - page
    shrink = max(1, round(max(page.shape) / ANALYSIS_SIZE))
    small = page if shrink == 1 else np.asarray(Image.fromarray(page).reduce(shrink))
    ink = binarise(small)
    found = components(ink)
    size = letter_size(found)
    if size < MIN_SIZE:
        return []
    rules = find_rules(ink, size)
    if rules.mask.any():
        found = components(ink & ~rules.mask)
        size = letter_size(found)
        if size < MIN_SIZE:
            return []
    boxes = found.boxes
    letters = np.flatnonzero(_letters(found, size))
    if not len(letters):
        return []
    usual = local_sizes(boxes[letters])
    tall, wide = heights(boxes[letters]), widths(boxes[letters])
    letters = letters[(tall > 0.7 * usual) | (tall > 0.5 * usual) & (wide > 0.55 * usual)]  # the others are commas
    is_mark = _marks(found, size)
    is_mark[letters] = False
    marks = np.flatnonzero(is_mark)
    uprights = rules.upright[heights(rules.upright) > 3 * size]
    gutters = find_gutters(boxes[np.r_[letters, marks]], uprights, found.labels.shape, size)
    run = find_runs(boxes[letters], gutters)
    prints = Print(hulls(boxes[letters], run, int(run.max()) + 1), _medians(heights(boxes[letters]), run), rules.level)
    line = run
    for row in (rows_of_words, partial(rows_of_cells, reach=1.6), rows_of_cells):
        groups = row(prints, gutters)
        prints, line = prints.joined(groups), groups[line]
    owner = np.full(len(boxes), -1)
    owner[letters] = line
    nearest = nearest_letters(boxes[marks], boxes[letters], 0.9)
    owner[marks[nearest >= 0]] = line[nearest[nearest >= 0]]
    owner[_tall(found, size) & (owner < 0)] = SEVERAL
    sheet = Sheet(page, shrink, found.labels, owner, rules.mask)
    extents = hulls(boxes, owner, len(prints.boxes))
    return [cut_line(sheet, int(i), boxes[letters[line == i]], as_box(extents[i])) for i in reading_order(prints)]


def _letters(found: Components, size: float) -> Mask:
    tall, wide = heights(found.boxes), widths(found.boxes)
    fits = (tall > 0.45 * size) & (tall < 14 * size) & (wide < 30 * size) & (wide < 16 * tall) & (tall > 3)
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
