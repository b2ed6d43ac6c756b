"""Rectangles on a page: one, or many as rows of an array.

Shapes: N rectangles, each left, top, right, bottom; right and bottom are the first column and row outside.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.int64]
"""Rectangles (N, 4)."""


class Box(NamedTuple):
    """A rectangle; right and bottom are the first column and row outside."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """Columns."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """Rows."""
        return self.bottom - self.top


def widths(boxes: Boxes) -> NDArray[np.int64]:
    """Return the columns of each box."""
    return boxes[:, 2] - boxes[:, 0]


def heights(boxes: Boxes) -> NDArray[np.int64]:
    """Return the rows of each box."""
    return boxes[:, 3] - boxes[:, 1]


def shared(first: Boxes, second: Boxes, axis: int) -> NDArray[np.int64]:
    """Return how many columns (axis 0) or rows (axis 1) two boxes have in common; negative for the gap between them.

    Args:
        first: Boxes (..., 4).
        second: Boxes that broadcast with them.
        axis: 0 for columns, 1 for rows.
    """
    low = np.maximum(first[..., axis], second[..., axis])
    return np.minimum(first[..., axis + 2], second[..., axis + 2]) - low


def hulls(boxes: Boxes, groups: NDArray[np.int64], count: int) -> Boxes:
    """Return the smallest box around each group of boxes.

    Args:
        boxes: Boxes (N, 4).
        groups: The group of each, from 0; -1 for none (N).
        count: Number of groups; each has a member.
    """
    big = np.iinfo(np.int64).max
    result = np.array([[big, big, -1, -1]], np.int64).repeat(count, 0)
    mine, members = groups[groups >= 0], boxes[groups >= 0]
    for side, gather in enumerate((np.minimum, np.minimum, np.maximum, np.maximum)):
        gather.at(result[:, side], mine, members[:, side])
    return result


def as_box(row: Sequence[int] | NDArray[np.int64]) -> Box:
    """Return one row of an array of boxes."""
    return Box(*(int(value) for value in row))
