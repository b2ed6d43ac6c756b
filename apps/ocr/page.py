"""Pages: finding the lines of print on them, by classical image analysis.

Ink is told from paper by Sauvola's local threshold, the page is turned upright, connected components are joined
into runs of print across gaps of less than a few letters, and the runs into lines, columns after columns.
Coordinates are pixels of the upright page.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from scriba.ocr.image import Grey

Mask = NDArray[np.bool_]
Labels = NDArray[np.int32]
ANALYSIS_SIZE = 2400
"""Larger pages are analysed at about this many pixels along their longer side."""
MAX_SKEW = 5.0
"""Degrees."""
MIN_SKEW_WIDTH = 200
"""Columns of print in which an angle shows, when a page has half a million pixels."""


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


def find_lines(page: Grey) -> list[PageLine]:
    """Return the lines of print on a page in reading order; none on an empty one."""
    shrink = max(1, round(max(page.shape) / ANALYSIS_SIZE))
    ink = binarise(_shrunk(page, shrink))
    labels, boxes = components(ink)
    if not boxes:
        return []
    size = letter_size(boxes)
    lines = reading_order(group_runs(boxes, size), boxes, size)
    return [_cut(page, labels, line, boxes, shrink, size) for line in lines]


def upright(page: Grey) -> tuple[Grey, float]:
    """Turn a page so that its lines run level, where they are askew by more than a quarter of a degree.

    Returns:
        The page and by how many degrees it was turned against the clock.
    """
    angle = skew(binarise(_shrunk(page, max(1, round(math.sqrt(page.size) / 670)))))
    if abs(angle) < 0.25:
        return page, 0.0
    paper = int(np.percentile(page, 80))
    return np.asarray(Image.fromarray(page).rotate(angle, Image.Resampling.BICUBIC, fillcolor=paper)), angle


def binarise(page: Grey, share: float = 0.2) -> Mask:
    """Return where there is ink: darker than the surroundings by Sauvola & Pietikäinen's local threshold (2000).

    Args:
        page: Grey pixels.
        share: The constant k of the paper.
    """
    values = page.astype(np.float32)
    if float(np.median(values)) < 0.5 * (float(values.min()) + float(values.max())):
        values = 255 - values  # light print on dark
    window = max(15, min(page.shape) // 20) | 1
    mean = ndimage.uniform_filter(values, window, mode="nearest")
    variance = ndimage.uniform_filter(values * values, window, mode="nearest") - mean * mean
    deviation = np.sqrt(np.maximum(variance, 0))
    threshold = mean * (1 + share * (deviation / 128 - 1))
    return (values < threshold) & (deviation > 6)


def skew(ink: Mask) -> float:
    """Return by how many degrees the lines rise to the right: where the profile of rows is sharpest."""
    rows, columns = np.nonzero(ink)
    if len(rows) < 50 or np.ptp(columns) < MIN_SKEW_WIDTH:
        return 0.0

    def sharpness(degrees: float) -> tuple[float, float]:
        level = np.round(rows + math.tan(math.radians(degrees)) * columns).astype(np.int64)
        profile = np.bincount(level - level.min()).astype(np.float64)
        return float((np.diff(profile) ** 2).sum()), -abs(degrees)

    coarse = max(np.arange(-MAX_SKEW, MAX_SKEW + 0.1, 0.5), key=sharpness)
    return -float(max(np.arange(coarse - 0.5, coarse + 0.51, 0.1), key=sharpness))


def components(ink: Mask) -> tuple[Labels, list[Box]]:
    """Return the connected components of the ink, labelled from 1, and their boxes."""
    labels, _ = ndimage.label(ink, structure=np.ones((3, 3)))
    return labels, [
        Box(columns.start, rows.start, columns.stop, rows.stop) for rows, columns in ndimage.find_objects(labels)
    ]


def letter_size(boxes: Sequence[Box]) -> float:
    """Return the usual height of a letter: the median of components that are no specks."""
    heights = np.array(
        [box.height for box in boxes if box.height > 3 and box.width > 1] or [box.height for box in boxes]
    )
    letters = heights[heights > 0.4 * np.percentile(heights, 75)]
    return float(np.median(letters))


Group = list[int]
"""Components of one line, by index."""


def group_runs(boxes: Sequence[Box], size: float) -> list[Group]:
    """Join components into runs of print that go along a line without a gap of more than a few letters.

    Letters first, from left to right: each joins the run whose last letters it continues. Then marks (dots, commas,
    accents), each to the nearest run. Specks, rules and pictures are left out.
    """
    letters = [i for i, b in enumerate(boxes) if 0.45 * size <= b.height <= 3.5 * size and b.width <= 30 * size]
    runs: list[Group] = []
    ends: list[End] = []
    for i in sorted(letters, key=lambda i: boxes[i].left):
        box = boxes[i]
        ends = [end for end in ends if box.left - end.right <= 1.5 * size]  # the others never go on
        shares = [end.shared(box) for end in ends]
        best = max(range(len(ends)), key=shares.__getitem__, default=-1)
        if best >= 0 and shares[best] > 0.35:
            run = ends.pop(best).run
        else:
            runs.append(run := [])
        run.append(i)
        ends.append(End.of(run, boxes))
    left, top, right, bottom = np.array([_extent(boxes, run) for run in runs], np.float64).reshape(-1, 4).T
    marks = [b for b in enumerate(boxes) if b[1].height < 0.45 * size and max(b[1].width, b[1].height) > 0.08 * size]
    for i, box in marks if runs else []:
        across = np.maximum(0, np.maximum(left - box.right, box.left - right))
        along = np.maximum(0, np.maximum(top - box.bottom, box.top - bottom))
        distances = 0.5 * across + along
        nearest = int(distances.argmin())
        if box.width <= 6 * size and distances[nearest] < 0.8 * size:
            runs[nearest].append(i)
    return [run for run in runs if _extent(boxes, run).height >= 0.45 * size]


class End(NamedTuple):
    """Where a run of print ends that may go on: the right edge of its last letters, their usual top and bottom."""

    right: int
    top: float
    bottom: float
    run: Group

    @classmethod
    def of(cls, run: Group, boxes: Sequence[Box]) -> End:
        """Return the end of a run."""
        last = [boxes[i] for i in run[-6:]]
        return cls(max(b.right for b in last), median(b.top for b in last), median(b.bottom for b in last), run)

    def shared(self, box: Box) -> float:
        """Return how much of the height of the smaller a box and the last letters share."""
        return (min(self.bottom, box.bottom) - max(self.top, box.top)) / min(self.bottom - self.top, box.height)


def _extent(boxes: Sequence[Box], group: Group) -> Box:
    members = [boxes[i] for i in group]
    return Box(
        min(b.left for b in members),
        min(b.top for b in members),
        max(b.right for b in members),
        max(b.bottom for b in members),
    )


def reading_order(runs: Sequence[Group], boxes: Sequence[Box], size: float) -> list[Group]:
    """Return the lines: runs of the same row joined, columns of text one after the other (recursive XY cut)."""
    extents = {id(run): _extent(boxes, run) for run in runs}

    def order(part: list[Group]) -> list[Group]:
        rows = join_rows(part, boxes)
        if len(rows) < 6:
            return rows
        if gutter := find_gutter([extents[id(run)] for run in part], size):
            left = [run for run in part if extents[id(run)].right <= gutter]
            return order(left) + order([run for run in part if extents[id(run)].left >= gutter])
        tops = [_extent(boxes, row) for row in rows]
        gaps = [(tops[i].top - max(box.bottom for box in tops[:i]), i) for i in range(1, len(rows))]
        for gap, i in sorted(gaps, reverse=True):  # the widest first: what parts a heading or footer from columns, say
            if gap <= 0.8 * size:
                break
            below = [run for run in part if extents[id(run)].top >= tops[i].top]
            if 0 < len(below) < len(part):
                lower = {id(run) for run in below}
                return order([run for run in part if id(run) not in lower]) + order(below)
        return rows

    return order(list(runs))


def join_rows(runs: Sequence[Group], boxes: Sequence[Box]) -> list[Group]:
    """Join the runs that lie side by side, and return the rows from top to bottom."""
    rows: list[tuple[Box, Group]] = []
    for run in sorted(runs, key=lambda run: -_extent(boxes, run).width):
        box = _extent(boxes, run)
        for i, (row, members) in enumerate(rows):
            shared = min(row.bottom, box.bottom) - max(row.top, box.top)
            if shared > 0.5 * min(row.height, box.height):
                rows[i] = (_extent(boxes, members + run), members + run)
                break
        else:
            rows.append((box, list(run)))
    return [members for _, members in sorted(rows, key=lambda row: row[0].top + row[0].bottom)]


def find_gutter(extents: Sequence[Box], size: float) -> int | None:
    """Return a column that no run crosses, between two columns of running text, or None."""
    left, right = min(b.left for b in extents), max(b.right for b in extents)
    covered = np.zeros(right - left + 1, np.bool_)
    for box in extents:
        covered[box.left - left : box.right - left] = True
    empty, _ = ndimage.label(~covered[:-1])
    for (gap,) in ndimage.find_objects(empty):
        if gap.stop - gap.start < size:
            continue
        middle = left + (gap.start + gap.stop) // 2
        sides = [b for b in extents if b.right <= middle], [b for b in extents if b.left >= middle]
        if all(_is_column(side, right - left) for side in sides):
            return int(middle)
    return None


def _is_column(extents: Sequence[Box], whole: int) -> bool:
    """Tell running text from the figures that stand at the right of a table or receipt."""
    width = max(b.right for b in extents) - min(b.left for b in extents)
    return len(extents) >= 4 and width > 0.25 * whole and float(np.median([b.width for b in extents])) > 0.4 * width


def _shrunk(page: Grey, factor: int) -> Grey:
    return page if factor == 1 else np.asarray(Image.fromarray(page).reduce(factor))


def _cut(page: Grey, labels: Labels, line: Group, boxes: Sequence[Box], shrink: int, size: float) -> PageLine:
    """Cut a line out of the page and paint over the ink of other lines."""
    extent, margin = _extent(boxes, line), round(0.3 * size)
    left, top = max(0, extent.left - margin), max(0, extent.top - margin)
    part = labels[top : extent.bottom + margin, left : extent.right + margin]
    foreign = (part > 0) & ~np.isin(part, np.array(line) + 1)
    tall = [i + 1 for i, b in enumerate(boxes) if b.height > 3.5 * size and i not in line]
    foreign &= ~np.isin(part, tall)  # rules and letters grown together with those of other lines stay
    foreign = ndimage.binary_dilation(foreign, iterations=1) & ~np.isin(part, np.array(line) + 1)
    foreign = foreign.repeat(shrink, 0).repeat(shrink, 1)
    box = Box(*(shrink * value for value in (left, top, left + part.shape[1], top + part.shape[0])))
    pixels = page[box.top : box.bottom, box.left : box.right].copy()
    foreign = foreign[: pixels.shape[0], : pixels.shape[1]]
    pixels[foreign] = int(np.percentile(pixels, 80))
    return PageLine(Box(*(shrink * v for v in extent)), pixels, box.left)
