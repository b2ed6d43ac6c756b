"""Rules: straight thin lines of tables, forms, underlines and ruled paper, taken out of the ink.

Letters that cross a rule keep the pixels they share with it, so that they stay whole.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from scriba.ocr.binarise import Mask
from scriba.ocr.boxes import Boxes

MIN_LENGTH = 3.2
"""Letter sizes: longer than a dash."""
MAX_THICKNESS, LONG = 0.3, 12.0
"""Letter sizes: thinner than the strokes of a headline, and longer than any of them."""


class Limits(NamedTuple):
    """What tells rules from other ink.

    Attributes:
        thickness: Letter sizes of a long rule at most.
        touched: Share of a rule that is not long where strokes touch it: more have letters' feet and stems.
    """

    thickness: float
    touched: float


LEVEL, UPRIGHT = Limits(1.0, 0.4), Limits(MAX_THICKNESS, 0.15)
"""A thick upright bar is the fold of a book or the border of a scan."""
MAX_WORN = 8.0
"""Letter sizes between two pieces of one rule."""


@dataclass(frozen=True)
class Rules:
    """The rules of a page.

    Attributes:
        level: Those along the lines (N, 4).
        upright: Those across (N, 4).
        mask: The pixels that were taken out of the ink (H, W).
    """

    level: Boxes
    upright: Boxes
    mask: Mask


def find_rules(ink: Mask, size: float) -> Rules:
    """Return the rules in the ink of a page whose letters are about so high."""
    level, level_mask = _level_rules(ink, size, LEVEL)
    across, across_mask = _level_rules(np.ascontiguousarray(ink.T), size, UPRIGHT)
    upright = _continued(across, size)[:, [1, 0, 3, 2]]
    return Rules(level, upright, level_mask | across_mask.T)


def _level_rules(ink: Mask, size: float, limits: Limits) -> tuple[Boxes, Mask]:
    """Return boxes and pixels of the level rules; what letters cross stays out of the mask."""
    mask = np.zeros_like(ink)
    long = long_runs(ink, round(MIN_LENGTH * size))
    if not long.any():
        return np.zeros((0, 4), np.int64), mask
    labels, _ = ndimage.label(long, structure=np.ones((3, 3)))
    boxes = []
    for number, (rows, columns) in enumerate(ndimage.find_objects(labels), start=1):
        one = labels[rows, columns] == number
        length, thickness = one.shape[1], float(one.sum(0).mean())
        most = max(4.0, (MAX_THICKNESS if length < LONG * size else limits.thickness) * size)
        if thickness > most or length < 8 * thickness:
            continue
        top, bottom = max(0, rows.start - 1), min(len(ink), rows.stop + 1)
        part = np.zeros((bottom - top, one.shape[1]), np.bool_)
        part[rows.start - top : rows.stop - top] = one
        others = ink[top:bottom, columns] & ~part
        if length < LONG * size and _touched(ink, (rows, columns), others, size) > limits.touched:
            continue
        boxes.append((columns.start, rows.start, columns.stop, rows.stop))
        above = np.logical_or.accumulate(others, 0)
        below = np.logical_or.accumulate(others[::-1], 0)[::-1]
        mask[top:bottom, columns] |= part & ~(above & below)
    return np.array(boxes, np.int64).reshape(-1, 4), mask


def _touched(ink: Mask, place: tuple[slice, slice], others: Mask, size: float) -> float:
    """Return the share of a level rule that strokes of letters stand on or hang from.

    Args:
        ink: The ink of the page.
        place: Rows and columns of the rule.
        others: Ink that touches it (its rows and one more on both sides, its columns).
        size: The usual height of letters.
    """
    rows, columns = place
    reach = max(2, round(0.25 * size))
    above, below = max(0, rows.start - reach), min(len(ink) - 1, rows.stop - 1 + reach)
    strokes = others[: len(others) // 2 + 1].any(0) & ink[above, columns]
    strokes |= others[len(others) // 2 :].any(0) & ink[below, columns]
    return float(strokes.mean())


def _continued(rules: Boxes, size: float) -> Boxes:
    """Return level rules with those joined that go on in the same rows after a gap: worn ones come in pieces."""
    joined: list[NDArray[np.int64]] = []
    for rule in rules[np.argsort(rules[:, 0])]:
        for other in joined:
            if rule[0] - other[2] < MAX_WORN * size and min(rule[3], other[3]) - max(rule[1], other[1]) >= -1:
                other[1:] = min(rule[1], other[1]), max(rule[2], other[2]), max(rule[3], other[3])
                break
        else:
            joined.append(rule.copy())
    return np.array(joined, np.int64).reshape(-1, 4)


def long_runs(ink: Mask, length: int, bridge: int = 2) -> Mask:
    """Return the pixels in runs along rows of at least this length; gaps of up to `bridge` do not end one."""
    height, width = ink.shape
    padded = np.zeros((height, width + bridge + 1), np.int8)
    padded[:, :width] = ink
    steps = np.diff(padded.ravel(), prepend=np.int8(0))
    starts, stops = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
    if not len(starts):
        return np.zeros_like(ink)
    parted = starts[1:] - stops[:-1] > bridge  # rows are further apart, by the padding
    firsts, lasts = starts[np.concatenate([[True], parted])], stops[np.concatenate([parted, [True]])]
    ink_before = np.concatenate([[0], np.cumsum(stops - starts)])
    solid = ink_before[np.searchsorted(stops, lasts, "right")] - ink_before[np.searchsorted(starts, firsts)]
    kept = (lasts - firsts >= length) & (solid > 0.85 * (lasts - firsts))  # letters in a row are no rule
    edges = np.zeros(padded.size + 1, np.int32)
    edges[firsts[kept]] += 1
    edges[lasts[kept]] -= 1
    inside: NDArray[np.int32] = edges[:-1].cumsum().reshape(padded.shape)[:, :width]
    return (inside > 0) & ink
