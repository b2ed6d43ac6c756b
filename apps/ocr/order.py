"""Reading order: cells of a table joined to rows, lines stacked to blocks, and blocks sorted as they are read.

Shapes: N lines or runs of print.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from scriba.ocr.areas import inside
from scriba.ocr.boxes import Boxes, heights, hulls, shared, widths
from scriba.ocr.gutters import Gutters

Flags = NDArray[np.bool_]
SHORT_CELL = 9.0
"""Letter sizes: columns whose usual run is narrower hold figures or single words, and are read row by row."""
RUNNING = 20.0
"""Letter sizes along lines of running text, at least."""
MAX_SPACE = 10.0
"""Letter sizes between two words of a line that no gutter parts."""
PIECE = 4.0
"""Letter sizes: narrower runs that lie within a line are pieces of it."""
WORD_SPACE = 1.6
"""Letter sizes between two words, at most, where a gutter seems to part them."""
MAX_NOTE_GAP = 2.5
"""Letter sizes between a word and a line that others are aligned with, where they belong together."""
MAX_OVERLAP = 0.8
"""Letter sizes that two runs of a line may overlap by: the halves of a broken letter, slanted letters."""
MAX_UNEVEN = 0.28
"""Letter sizes by which rows of a table are out of line with running text at most (standard deviation)."""
MIN_ALIGNED = 0.7
"""Share of the runs of the emptier of two columns that stand in a row with one of the other, in a table."""


@dataclass(frozen=True)
class Print:
    """Runs of print that are to be sorted.

    Attributes:
        boxes: Where they lie (N, 4).
        sizes: The usual height of their letters (N).
        rules: Level rules of the page.
    """

    boxes: Boxes
    sizes: NDArray[np.float64]
    rules: Boxes

    def joined(self, groups: NDArray[np.int64]) -> "Print":
        """Return the print with runs of one group made one."""
        count = int(groups.max()) + 1
        sizes = np.array([np.median(self.sizes[groups == i]) for i in range(count)])
        return Print(hulls(self.boxes, groups, count), sizes, self.rules)


def rows_of_pieces(runs: Print, gutters: Gutters) -> NDArray[np.int64]:
    """Return for each run its row, from 0: alone, or with the wider one that it is a piece of, as it lies within it."""
    boxes, wide = runs.boxes, widths(runs.boxes)
    middle = 0.5 * (boxes[:, None, :2] + boxes[:, None, 2:])
    within = (middle >= boxes[None, :, :2]).all(2) & (middle <= boxes[None, :, 2:]).all(2)
    within &= (wide[:, None] < PIECE * runs.sizes[:, None]) & (wide[None] > 2 * wide[:, None])
    within &= runs.sizes[:, None] < 1.6 * runs.sizes[None]
    away = np.abs(_middle(boxes)[:, None] - _middle(boxes)[None])
    piece = np.flatnonzero(within.any(1))
    return _groups(_pairs(piece, np.where(within, away, np.inf)[piece].argmin(1), len(boxes)))


def rows_of_words(runs: Print, gutters: Gutters) -> NDArray[np.int64]:
    """Return for each run its row, from 0: alone, or with others beside it that no gutter parts from it."""
    left, right = _neighbours(runs)
    a, b = runs.boxes[left], runs.boxes[right]
    size = np.maximum(runs.sizes[left], runs.sizes[right])
    low, high = np.maximum(a[:, 1], b[:, 1]), np.minimum(a[:, 3], b[:, 3])
    near = b[:, 0] - a[:, 2] < MAX_SPACE * size
    near &= ~gutters.part(a[:, 2], b[:, 0], 0.5 * (low + high), size) | _in_block(runs, a, b, size)
    near &= ~gutters.ruled(a[:, 2], b[:, 0], 0.5 * (low + high))
    near &= (b[:, 0] - a[:, 2] < MAX_NOTE_GAP * size) | ~_aligned(runs, right[widths(a) < PIECE * size])[right]
    return _groups(_pairs(left[near], right[near], len(runs.boxes)))


def _aligned(runs: Print, numbered: NDArray[np.int64]) -> Flags:
    """Tell which runs begin in one column with two others just above or below: wide ones, lines of a block.

    Args:
        runs: All.
        numbered: Those with something narrow on their left, as the numbers of lines, which do not count.
    """
    boxes, size = runs.boxes, runs.sizes[:, None]
    away = -shared(boxes[None], boxes[:, None], 1)
    near = (away > -0.3 * size) & (away < 5 * size) & (np.abs(boxes[None, :, 0] - boxes[:, None, 0]) < 0.5 * size)
    lines = widths(boxes) > RUNNING * runs.sizes
    lines[numbered] = False
    return np.asarray((near & lines).sum(1) >= 2)


def _in_block(runs: Print, a: Boxes, b: Boxes, size: NDArray[np.float64]) -> Flags:
    """Tell which gaps are between two words of a line that has another, wide one just above or below.

    There, a gutter of columns above or below meets a gap by chance.
    """
    margin = 3 * size[:, None]
    wide = (runs.boxes[None, :, 0] < a[:, 2:3] - margin) & (runs.boxes[None, :, 2] > b[:, :1] + margin)
    away = -shared(runs.boxes[None], a[:, None], 1)
    close = (away > -0.3 * size[:, None]) & (away < 2 * size[:, None])
    alike = np.abs(runs.sizes[None] - size[:, None]) < 0.25 * size[:, None]
    return (b[:, 0] - a[:, 2] < WORD_SPACE * size) & (wide & close & alike).any(1)


def rows_of_cells(runs: Print, gutters: Gutters, reach: float = math.inf) -> NDArray[np.int64]:
    """Return for each run its row, from 0: alone, or with others of a table, list, form or receipt.

    Args:
        runs: What is in the cells.
        gutters: Gutters of the page.
        reach: Letter sizes between two cells at most, and no rule; by default any.
    """
    boxes, sizes = runs.boxes, runs.sizes
    column = _groups(_below(runs, 5.0, across_rules=True))
    left, right = _neighbours(runs)
    near = boxes[right, 0] - boxes[left, 2] < reach * np.minimum(sizes[left], sizes[right])
    if math.isfinite(reach):
        near &= ~gutters.ruled(boxes[left, 2], boxes[right, 0], _middle(boxes[left]))
    left, right = left[near], right[near]
    size = np.array([np.median(sizes[column == i]) for i in range(column.max() + 1)])
    ruled = gutters.ruled(boxes[left, 2], boxes[right, 0], _middle(boxes[left]))
    several = _in_cells(runs, column, _pairs(left[ruled], right[ruled], len(boxes)))
    celled = (several[left] | several[right]) & ruled
    left, right = left[~celled], right[~celled]
    joined = np.zeros(len(left), np.bool_)
    pairs = np.column_stack([column[left], column[right]])
    for a, b in np.unique(pairs, axis=0):
        mine = (pairs == (a, b)).all(1)
        low, high = (op(boxes[np.r_[left[mine], right[mine]], side]) for op, side in ((np.min, 1), (np.max, 3)))
        inside = (boxes[:, 3] > low) & (boxes[:, 1] < high)
        emptier = min(((column == c) & inside).sum() for c in (a, b))
        ratio = size[a] / size[b]
        if mine.sum() == 1 and (np.isin(column, (a, b)).sum() > 4 or not 0.6 < ratio < 1.6):
            continue  # a word of a column that stands apart, or of a heading
        usual = min(float(np.median(widths(boxes)[side[mine]])) for side in (left, right))
        short = usual < SHORT_CELL * min(size[a], size[b])
        joined[mine] = short and mine.sum() >= MIN_ALIGNED * emptier and not _beside_text(runs, left[mine], right[mine])
    return _groups(_pairs(left[joined], right[joined], len(boxes)))


def _beside_text(runs: Print, left: NDArray[np.int64], right: NDArray[np.int64]) -> bool:
    """Tell whether pairs of two columns are items of a list and lines of a text beside it, which meet by chance."""
    size = float(np.median(runs.sizes[right]))
    text = max(float(np.median(widths(runs.boxes)[side])) for side in (left, right)) > RUNNING * size
    places = np.argsort(_middle(runs.boxes[left]))
    away = (_middle(runs.boxes[left]) - _middle(runs.boxes[right]))[places]
    return text and len(away) > 2 and float(np.sqrt(0.5 * np.mean(np.diff(away) ** 2))) > MAX_UNEVEN * size


def reading_order(lines: Print, gutters: Gutters) -> NDArray[np.int64]:
    """Return the lines in the order in which they are read.

    Lines are stacked to blocks. A block is read before what lies below it, and before what lies beside it on the right
    (Breuel 2003); rules between blocks keep what is above them before what is below. Where that leaves a choice, the
    column goes on.
    """
    block = _groups(_below(lines, 1.8, across_rules=False))
    blocks = hulls(_stretched(lines, gutters), block, int(block.max()) + 1)
    size = float(np.median(lines.sizes))
    long = widths(lines.rules)
    bars = lines.rules[(long > 12 * size) | (long > 6 * size) & ~inside(lines.rules, blocks)]  # the others are dashes
    trim = np.array([1, 0, -1, 0]) * round(size)
    nodes = np.concatenate([blocks, bars + trim])
    order = _sorted(nodes, _before(nodes, size), size)
    places = [np.flatnonzero(block == i) for i in order if i < len(blocks)]
    return np.concatenate([place[np.argsort(lines.boxes[place][:, [1, 3]].sum(1), kind="stable")] for place in places])


def _neighbours(runs: Print) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the runs that have another on their right, and the nearest of these."""
    boxes, tall = runs.boxes, heights(runs.boxes)
    level = shared(boxes[:, None], boxes[None], 1) > 0.5 * np.minimum(tall[:, None], tall[None])
    gap = (boxes[None, :, 0] - boxes[:, None, 2]).astype(np.float64)
    level &= (gap > -MAX_OVERLAP * runs.sizes[:, None]) & (boxes[None, :, 0] > boxes[:, None, 0])
    level &= _alike(runs.sizes, 2.0) | _alike(tall, 1.3)  # of a quoted word, half of the letters may be marks
    gap = np.where(level, gap, np.inf)
    left = np.flatnonzero(level.any(1))
    right = gap[left].argmin(1)
    nearest = gap.min(0)[right] >= gap[left, right]  # of two runs beside one, the nearer
    return left[nearest], right[nearest]


def _in_cells(runs: Print, column: NDArray[np.int64], beside: coo_array) -> Flags:
    """Tell which runs stand below or above others in a cell, of a column that rules divide into cells, or of a row.

    Args:
        runs: All.
        column: The column of each.
        beside: Pairs with an upright rule between them.
    """
    cell = _groups(_below(runs, 1.8, across_rules=False))
    cells = np.array([len(np.unique(cell[column == i])) for i in range(column.max() + 1)])
    stacked = np.bincount(cell)[cell] > 1
    row = _groups(beside)
    celled = np.bincount(row, stacked & (cells[column] > 1)) > 0
    return stacked & celled[row]


def _middle(boxes: Boxes) -> NDArray[np.float64]:
    return np.asarray(0.5 * (boxes[:, 1] + boxes[:, 3]), np.float64)


def _alike(sizes: NDArray[np.float64] | NDArray[np.int64], ratio: float) -> Flags:
    return np.maximum(sizes[:, None], sizes[None]) < ratio * np.minimum(sizes[:, None], sizes[None])


def _below(lines: Print, reach: float, across_rules: bool) -> Flags:
    """Tell which line goes on with which below it: one with one, of one size, `reach` sizes apart at most."""
    boxes, sizes = lines.boxes, lines.sizes
    narrower = np.minimum(widths(boxes)[:, None], widths(boxes)[None])
    under = shared(boxes[:, None], boxes[None], 0) > 0.4 * narrower
    middle = boxes[:, 1] + boxes[:, 3]
    under &= middle[None] > middle[:, None] + np.minimum(sizes[:, None], sizes[None])
    gap = np.where(under, boxes[None, :, 1] - boxes[:, None, 3], np.inf)
    close = gap < reach * np.minimum(sizes[:, None], sizes[None])
    after = _only(gap, boxes, axis=1) & _only(gap.T, boxes, axis=1).T & close
    after &= _alike(sizes, 1.6) | _alike(heights(boxes), 1.3)  # of a short word most letters may be tall
    if not across_rules:
        for i, j in np.argwhere(after):
            rules = lines.rules
            bars = rules[(rules[:, 1] > boxes[i, 3] - sizes[i]) & (rules[:, 3] < boxes[j, 1] + sizes[j])]
            after[i, j] = not (shared(bars, boxes[i], 0) > 0.8 * narrower[i, j]).any()
    return after


def _only(gap: NDArray[np.float64], boxes: Boxes, axis: int) -> Flags:
    """Tell which line is the nearest of another, where none lies beside it as near."""
    nearest = gap == gap.min(axis, keepdims=True)
    nearest &= np.isfinite(gap)
    best = gap.argmin(axis)
    beside = (shared(boxes[None], boxes[best][:, None], 1) > 0) & (shared(boxes[None], boxes[best][:, None], 0) <= 0)
    return nearest & ~(beside & np.isfinite(gap)).any(axis, keepdims=True)


def _stretched(lines: Print, gutters: Gutters) -> Boxes:
    """Return the boxes of lines, those of headings as wide as the columns that they part.

    A heading has larger letters than is usual, and columns beside it end just above and begin again just below.
    """
    boxes, old = lines.boxes.copy(), lines.boxes
    for i in np.flatnonzero(lines.sizes > 1.25 * np.median(lines.sizes)):
        box, near = old[i], 3 * lines.sizes[i]
        above = (old[:, 3] <= box[1] + 2) & (old[:, 3] > box[1] - near)
        below = (old[:, 1] >= box[3] - 2) & (old[:, 1] < box[3] + near)
        level = shared(old, box, 1) > 2
        for side, others in ((2, old[:, 0] >= box[2]), (0, old[:, 2] <= box[0])):
            if (others & level).any() or not (others & above).any() or not (others & below).any():
                continue
            reach = old[others & (above | below), side]
            ends = sorted((int(box[side]), int(reach.max() if side == 2 else reach.min())))
            first, last = (np.array([end]) for end in ends)
            if not gutters.ruled(first, last, _middle(box[None])).any():
                boxes[i, side] = ends[1] if side == 2 else ends[0]
    return boxes


def _before(nodes: Boxes, size: float) -> Flags:
    """Tell which block is read before which."""
    across, along = (shared(nodes[:, None], nodes[None], axis).astype(np.float64) for axis in (0, 1))
    wide, tall = (np.minimum(side[:, None], side[None]) for side in (widths(nodes), heights(nodes)))
    across = np.where(across > np.minimum(size, 0.5 * wide), across / np.maximum(wide, 1), 0)
    along = np.where(along > np.minimum(0.7 * size, 0.5 * tall), along / np.maximum(tall, 1), 0)
    middle = nodes[:, [1, 3]].sum(1)
    below = (across > 0) & (across >= along) & (middle[:, None] < middle[None])
    beside = (along > 0) & (along > across) & (nodes[:, None, 0] < nodes[None, :, 0])
    return below | beside


def _sorted(nodes: Boxes, before: Flags, size: float) -> list[int]:
    """Sort topologically.

    Of blocks that may come next it is the rest of the line, or else the one that goes on in the same column, or else
    the topmost.
    """
    left = before.sum(0)
    todo, order = np.ones(len(nodes), np.bool_), list[int]()
    column = np.zeros(4, np.int64)
    while todo.any():
        ready = np.flatnonzero(todo & (left <= left[todo].min()))
        some = [i for i in ready if order and _goes_on(nodes, column, int(i), todo)]
        rest = [i for i in ready if order and _same_line(nodes[order[-1]], nodes[i], size)]
        best = int(min(rest or some or ready, key=lambda i: (nodes[i, 1], nodes[i, 0])))
        order.append(best)
        todo[best] = False
        block = nodes[best]
        splits = todo & (shared(nodes, block, 1) > 0) & (shared(nodes, column, 0) > 0)
        ends = np.stack([column, block]) if some and not splits.any() else block[None]
        column = np.array([ends[:, 0].min(), block[1], ends[:, 2].max(), block[3]])
        left = left - before[best]
    return order


def _same_line(first: NDArray[np.int64], second: NDArray[np.int64], size: float) -> bool:
    """Tell whether two blocks are parts of one line that was not joined: one line high, one just after the other."""
    tall = [int(block[3] - block[1]) for block in (first, second)]
    level = max(tall) < 3 * size and shared(first, second, 1) > 0.5 * min(tall)
    return bool(level and 0 <= second[0] - first[2] < MAX_NOTE_GAP * size)


def _goes_on(nodes: Boxes, column: NDArray[np.int64], following: int, todo: Flags) -> bool:
    """Tell whether a block continues a column: nothing beside it reaches from there into other columns.

    Args:
        nodes: All blocks.
        column: Left and right of the column so far, top and bottom of its last block.
        following: The block.
        todo: Which blocks have not been read.
    """
    block = nodes[following]
    if block[1] < column[1] or shared(column, block, 0) < 0.7 * min(column[2] - column[0], block[2] - block[0]):
        return False
    left, right = min(column[0], block[0]), max(column[2], block[2])
    above = nodes[todo & (nodes[:, 3] <= block[1])]
    if (shared(above, column, 0) > 0.3 * widths(above)).any():
        return False
    if any(_alone(nodes, other, column, todo) for other in above[above[:, 1] >= column[3]]):
        return False
    beside = nodes[todo & (shared(nodes, block, 1) > 0) & (shared(nodes, column, 0) > 0)]
    outside = np.maximum(left - beside[:, 0], beside[:, 2] - right)
    return not (outside > 0.2 * widths(beside)).any()


def _alone(nodes: Boxes, block: NDArray[np.int64], column: NDArray[np.int64], todo: Flags) -> bool:
    """Tell whether a block beside a column is none of another column: what comes below it is as wide as both."""
    below = nodes[todo & (nodes[:, 1] >= block[3]) & (shared(nodes, block, 0) > 0)]
    return not len(below) or bool(shared(below[below[:, 1].argmin()], column, 0) > 0)


def _pairs(first: NDArray[np.int64], second: NDArray[np.int64], count: int) -> coo_array:
    return coo_array((np.ones(len(first)), (first, second)), (count, count))


def _groups(joined: Flags | coo_array) -> NDArray[np.int64]:
    """Number the groups of what is joined, directly or through others."""
    return connected_components(joined, directed=False)[1].astype(np.int64)
