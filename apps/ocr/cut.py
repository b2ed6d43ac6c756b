"""Cutting lines out of a page: straightened where they bend, and with what is not theirs painted over."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from scriba.ocr.binarise import Mask
from scriba.ocr.boxes import Box, Boxes, heights
from scriba.ocr.components import Labels
from scriba.ocr.image import Grey

Falls = NDArray[np.float64]
SEVERAL = -2
"""What may belong to several lines: letters of two lines that have grown together."""
MARGIN = 0.3
"""Letter heights of paper around a line."""
MIN_BEND = 0.12
"""Letter heights that the feet of a line's letters rise or fall by before it is straightened."""


@dataclass(frozen=True)
class PageLine:
    """A line of print on a page.

    Attributes:
        box: Where it lies.
        pixels: Its picture, with a margin, and with what belongs to other lines painted over with paper.
        left: Column of the page at which the picture begins.
    """

    box: Box
    pixels: Grey
    left: int = 0


@dataclass(frozen=True)
class Sheet:
    """A page with the components on it, from which lines are cut.

    Attributes:
        page: Its pixels.
        shrink: Pixels of the page along one of the picture that was analysed.
        labels: Components of the picture that was analysed, from 1.
        lines: The line of each component, from 0; -1 for what is in no line, SEVERAL.
        removed: Rules that were taken out of the ink.
    """

    page: Grey
    shrink: int
    labels: Labels
    lines: NDArray[np.int64]
    removed: Mask


def cut_line(sheet: Sheet, number: int, letters: Boxes, extent: Box) -> PageLine:
    """Return a line.

    Args:
        sheet: The page.
        number: The line.
        letters: Boxes of its letters, in pixels of the picture that was analysed.
        extent: The box around all that belongs to it.
    """
    size, s = float(np.median(heights(letters))), sheet.shrink
    margin = round(MARGIN * size) + 1
    height, width = sheet.labels.shape
    left, right = max(0, extent.left - margin), min(width, extent.right + margin)
    top, bottom = extent.top, extent.bottom
    fall = fall_of(letters, size, np.arange(left, right))
    if fall.any():
        own = fall[(letters[:, 0] + letters[:, 2]) // 2 - left]
        top, bottom = int((letters[:, 1] - own).min()), int(np.ceil((letters[:, 3] - own).max()))
    else:
        top, bottom = max(margin, top), min(height - margin, bottom)
    rows = np.arange(top - margin, bottom + margin)
    columns = np.arange(left, right)[None]
    places = np.clip(np.round(rows[:, None] + fall).astype(np.int64), 0, height - 1)
    part = sheet.labels[places, columns]
    owner = np.concatenate([[SEVERAL], sheet.lines])[part]
    foreign = (owner != number) & (owner != SEVERAL) | sheet.removed[places, columns]
    pixels = _straightened(sheet.page, s * rows[0], s * len(rows), s * left, s, fall)
    if foreign.any():
        foreign = ndimage.binary_dilation(foreign, np.ones((3, 3))) & (owner != number)
        foreign = foreign.repeat(s, 0).repeat(s, 1)[:, : pixels.shape[1]]
        pixels[foreign] = int(np.percentile(pixels[::2, ::2], 80))
    page_height, page_width = sheet.page.shape
    right, bottom = min(s * extent.right, page_width), min(s * extent.bottom, page_height)
    return PageLine(Box(s * extent.left, s * extent.top, right, bottom), pixels, s * left)


def _straightened(page: Grey, top: int, count: int, left: int, step: int, fall: Falls) -> Grey:
    """Return rows of a page of which each column begins so much further down.

    Args:
        page: The page.
        top: The first row.
        count: Rows.
        left: The first column.
        step: Columns of the page for one value of `fall`.
        fall: How far further down, in units of `step`.
    """
    right = min(page.shape[1], left + step * len(fall))
    if not fall.any():
        rows = np.clip(np.arange(top, top + count), 0, len(page) - 1)
        return page[rows, left:right]
    fine = step * np.interp(np.arange(right - left) / step, np.arange(len(fall)), fall)
    places = np.clip(np.arange(top, top + count)[:, None] + fine, 0, len(page) - 1.001)
    above = places.astype(np.int64)
    share = (places - above).astype(np.float32)
    columns = np.arange(left, right)[None]
    return np.round(page[above, columns] * (1 - share) + page[above + 1, columns] * share).astype(np.uint8)


def fall_of(letters: Boxes, size: float, columns: NDArray[np.int64]) -> Falls:
    """Return how far below their usual row the feet of letters are at each column; 0 for a line that is straight.

    A cubic through the feet; letters with a tail, which stand below it, are left out.
    """
    middle, feet = 0.5 * (letters[:, 0] + letters[:, 2]), letters[:, 3].astype(np.float64)
    straight = np.zeros(len(columns))
    if len(letters) < 8 or np.ptp(middle) < 8 * size:
        return straight
    kept = np.ones(len(letters), np.bool_)
    for limit in (0.4, 0.2):
        curve = np.polynomial.Polynomial.fit(middle[kept], feet[kept], 1 if len(letters) < 16 else 3)
        away = feet - curve(middle)
        kept = np.abs(away - np.median(away[kept])) < limit * size + 1
        if kept.sum() < 0.5 * len(letters):
            return straight
    if np.abs(away).sum() > 0.5 * np.abs(feet - np.median(feet)).sum():  # tails at one end of a line are no bend
        return straight
    fall = np.asarray(curve(np.clip(columns, middle.min(), middle.max())))
    return straight if np.ptp(fall) < max(2.0, MIN_BEND * size) else fall - np.median(fall)
