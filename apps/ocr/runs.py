"""Runs of print: letters that stand one after the other, whatever their size and wherever the line bends.

Shapes: N letters.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from scriba.ocr.boxes import Boxes, heights, shared, widths
from scriba.ocr.gutters import Gutters

Groups = NDArray[np.int64]
"""The run of each letter, from 0; -1 for none (N)."""
NEIGHBOURS = 12
MAX_GAP = 4.0
"""Letter heights between two words of a line, where no gutter parts them."""
MAX_RATIO = 2.6
"""Of the heights of neighbours."""


def find_runs(letters: Boxes, gutters: Gutters) -> Groups:
    """Return the runs: each letter goes on with its nearest neighbour to the right, if that one has none nearer."""
    count = len(letters)
    if count == 0:
        return np.zeros(0, np.int64)
    height, middle = heights(letters), 0.5 * (letters[:, 1] + letters[:, 3])
    tree = KDTree(np.column_stack([letters[:, 0], 4 * middle]))  # rows count more than columns
    k = min(NEIGHBOURS, count)
    found = tree.query(np.column_stack([letters[:, 2], 4 * middle]), k=np.arange(1, k + 1))[1]
    first, second = np.arange(count).repeat(k), found.ravel()
    a, b = letters[first], letters[second]
    low, high = np.minimum(height[first], height[second]), np.maximum(height[first], height[second])
    gap = b[:, 0] - a[:, 2]
    fits = (b[:, 0] > a[:, 0]) & (shared(a, b, 1) > 0.4 * low) & (high < MAX_RATIO * low)
    usual = local_sizes(letters)  # of single letters some are tall, or two that touch
    size = np.minimum(high, np.maximum(usual[first], usual[second]))
    fits &= (gap > -0.8 * np.minimum(widths(a), widths(b))) & (gap < MAX_GAP * size)
    cost = np.where(fits, np.maximum(gap, 0) + 0.5 * np.abs(middle[first] - middle[second]), np.inf)
    apart = np.flatnonzero(fits & (gap > 0.4 * high))
    parted = gutters.part(a[apart, 2], b[apart, 0], 0.5 * (middle[first] + middle[second])[apart], size[apart])
    cost[apart[parted]] = np.inf
    mine = cost.reshape(count, k).argmin(1)
    best, price = found[np.arange(count), mine], cost.reshape(count, k).min(1)
    cheapest = np.full(count, np.inf)
    np.minimum.at(cheapest, best, price)
    linked = np.flatnonzero(np.isfinite(price) & (price <= cheapest[best]))
    graph = coo_array((np.ones(len(linked)), (linked, best[linked])), (count, count))
    return connected_components(graph, directed=False)[1].astype(np.int64)


def local_sizes(letters: Boxes) -> NDArray[np.float64]:
    """Return the usual height of the letters around each letter, most of all of those in its line."""
    points = np.column_stack([letters[:, 0], 2.0 * (letters[:, 1] + letters[:, 3])])
    k = min(NEIGHBOURS, len(letters))
    return np.asarray(np.median(heights(letters)[KDTree(points).query(points, k=np.arange(1, k + 1))[1]], axis=1))


def nearest_letters(marks: Boxes, letters: Boxes, reach: float) -> NDArray[np.int64]:
    """Return for each mark (dot, comma, accent) the letter it belongs to, or -1.

    Args:
        marks: Boxes of marks.
        letters: Boxes of letters.
        reach: Heights of the letter that a mark may be away from it.
    """
    if not len(marks) or not len(letters):
        return np.full(len(marks), -1)
    centres = 0.5 * (letters[:, :2] + letters[:, 2:])
    k = min(NEIGHBOURS, len(letters))
    found = KDTree(centres).query(0.5 * (marks[:, :2] + marks[:, 2:]), k=np.arange(1, k + 1))[1]
    near = letters[found]
    across = np.maximum(0, -shared(marks[:, None], near, 0))
    along = np.maximum(0, -shared(marks[:, None], near, 1))
    distance = (across + 1.2 * along) / heights(letters)[found]
    best = distance.argmin(1)
    rows = np.arange(len(marks))
    return np.where(distance[rows, best] < reach, found[rows, best], -1)
