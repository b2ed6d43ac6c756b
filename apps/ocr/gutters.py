"""Gutters: the tall white strips between columns, and the upright rules there.

A strip of paper that is as tall as several lines and wider than the space between two letters parts columns; the gaps
between words, which meet by chance over a few lines, do not get so tall. All such strips together are the paper that
is left when it is opened by tall rectangles (the whitespace cover of Breuel 2002, as morphology on a coarse grid).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from scriba.ocr.boxes import Boxes

STRIPS = ((1.0, 15.0), (1.3, 12.0), (2.5, 10.0), (4.0, 8.0), (6.0, 5.5))
"""Width and height in letter sizes of what parts columns: the narrower, the taller."""
FLANK = 5.5
"""Letter sizes between lines, or headings, of a column at most: the paper there has print beside it, too."""
SCALES = (1, 2, 4)
"""Multiples of the usual letter size for which strips are looked for: headlines have wider gaps."""


@dataclass(frozen=True)
class Gutters:
    """What parts columns.

    Attributes:
        cell: Pixels of the page along one cell of the grid.
        sizes: Letter sizes of the scales.
        counts: For each scale, how many cells to the left of a place, in its row, belong to a gutter; last, to a rule.
    """

    cell: float
    sizes: tuple[float, ...]
    counts: tuple[NDArray[np.int32], ...]

    def part(self, left: NDArray, right: NDArray, middle: NDArray, size: NDArray) -> NDArray[np.bool_]:
        """Tell whether a gutter lies between two columns of the page.

        Args:
            left: The first column of each gap.
            right: The first column behind it.
            middle: Its row.
            size: The size of the letters beside it.
        """
        scale = np.floor(np.log2(np.maximum(size, 1) / self.sizes[0]) + 0.3)  # capitals are 1.5 times as high as most
        scale = np.clip(scale, 0, len(self.sizes) - 1).astype(int)
        return self._between(left, right, middle, scale)

    def ruled(self, left: NDArray, right: NDArray, middle: NDArray) -> NDArray[np.bool_]:
        """Tell whether an upright rule lies between two columns of the page."""
        return self._between(left, right, middle, np.full(len(left), len(self.sizes)))

    def _between(self, left: NDArray, right: NDArray, middle: NDArray, which: NDArray) -> NDArray[np.bool_]:
        rows, columns = (n - 1 for n in self.counts[0].shape)
        row = np.clip((middle / self.cell).astype(int), 0, rows)
        first = np.clip((left / self.cell).astype(int), 0, columns)
        last = np.clip(np.ceil(right / self.cell).astype(int), 0, columns)
        stack = np.stack(self.counts)
        return np.asarray(stack[which, row, last] > stack[which, row, first])


def find_gutters(boxes: Boxes, uprights: Boxes, shape: tuple[int, int], size: float) -> Gutters:
    """Return the gutters of a page.

    Args:
        boxes: Its letters and marks (N, 4).
        uprights: Its upright rules.
        shape: Rows and columns of the page.
        size: The usual height of its letters.
    """
    cell = max(1.0, size / 6)
    rows, columns = (int(np.ceil(side / cell)) + 1 for side in shape)
    low, high = np.floor(boxes / cell).astype(int), np.ceil(boxes / cell).astype(int)
    corners = np.zeros((rows + 1, columns + 1), np.int32)
    for row, column, sign in ((low[:, 1], low[:, 0], 1), (low[:, 1], high[:, 2], -1)):
        np.add.at(corners, (row, np.minimum(column, columns)), sign)
    for row, column, sign in ((high[:, 3], low[:, 0], -1), (high[:, 3], high[:, 2], 1)):
        np.add.at(corners, (np.minimum(row, rows), np.minimum(column, columns)), sign)
    covered = corners.cumsum(0).cumsum(1)[:rows, :columns] > 0
    paper = (~covered & _between(covered, round(FLANK * size / cell))).astype(np.uint8)
    barrier = np.zeros((rows, columns), np.bool_)
    for left, top, right, bottom in (uprights / cell).astype(int):
        barrier[top : bottom + 1, left : right + 1] = True
    counts = []
    for scale in SCALES:
        strips = barrier.copy()
        for width, height in STRIPS:
            shape_cells = (max(1, round(height * scale * size / cell)), max(1, round(width * scale * size / cell)))
            eroded = ndimage.minimum_filter(paper, shape_cells, mode="constant")
            strips |= ndimage.maximum_filter(eroded, shape_cells, origin=_mirrored(shape_cells)) > 0
        counts.append(_counted(strips))
    counts.append(_counted(barrier))
    return Gutters(cell, tuple(scale * size for scale in SCALES), tuple(counts))


def _counted(cells: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return how many cells are set to the left of each, and of the end of its row."""
    count = np.zeros((cells.shape[0], cells.shape[1] + 1), np.int32)
    np.cumsum(cells, axis=1, out=count[:, 1:])
    return count


def _between(covered: NDArray[np.bool_], reach: int) -> NDArray[np.bool_]:
    """Tell which cells have print on both sides, lines of print being closed to columns; margins have not."""
    filled = ndimage.maximum_filter1d(covered.astype(np.uint8), reach, axis=0)
    filled = ndimage.minimum_filter1d(filled, reach, axis=0, origin=-1 if reach % 2 == 0 else 0)
    before = np.maximum.accumulate(filled, 1)
    after = np.maximum.accumulate(filled[:, ::-1], 1)[:, ::-1]
    return np.asarray((before & after) > 0)


def _mirrored(shape: tuple[int, int]) -> tuple[int, ...]:
    """Return the origin of the second half of an opening: filters of an even size are not symmetric."""
    return tuple(-1 if side % 2 == 0 else 0 for side in shape)
