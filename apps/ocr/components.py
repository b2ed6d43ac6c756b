"""Connected components of ink, and how large the letters among them are.

Shapes: H rows, W columns of the page; N components.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from scriba.ocr.binarise import Mask
from scriba.ocr.boxes import Boxes, heights, widths

Labels = NDArray[np.int32]
MAX_COMPONENTS = 60_000
"""More than a page of print has; beyond, the smallest are left out."""


@dataclass(frozen=True)
class Components:
    """Connected components of the ink of a page.

    Attributes:
        labels: Of each pixel the component, from 1; 0 where there is none (H, W).
        boxes: Where they lie (N, 4).
        areas: Their pixels (N).
    """

    labels: Labels
    boxes: Boxes
    areas: NDArray[np.int64]


def components(ink: Mask) -> Components:
    """Return the connected components of ink; diagonal neighbours are connected."""
    labels, count = ndimage.label(ink, structure=np.ones((3, 3)))
    areas = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    if count > MAX_COMPONENTS:  # noise: single pixels go first
        kept = areas > np.partition(areas, -MAX_COMPONENTS)[-MAX_COMPONENTS]
        numbers = np.concatenate([[0], np.where(kept, kept.cumsum(), 0)]).astype(np.int32)
        labels, areas = numbers[labels], areas[kept]
    places = ndimage.find_objects(labels)
    rows = [(columns.start, rows.start, columns.stop, rows.stop) for rows, columns in places]
    return Components(labels, np.array(rows, np.int64).reshape(-1, 4), areas)


def only(found: Components, kept: Mask) -> Components:
    """Return some of the components."""
    numbers = np.concatenate([[0], np.where(kept, kept.cumsum(), 0)]).astype(np.int32)
    return Components(numbers[found.labels], found.boxes[kept], found.areas[kept])


def letter_size(found: Components) -> float:
    """Return the usual height of a letter: the median, each component counting for its width; 0 where there is none.

    Specks are many but narrow, and pictures and rules are no letters.
    """
    tall, wide = heights(found.boxes), widths(found.boxes)
    letters = (tall > 3) & (wide > 1) & (wide < 12 * tall) & (tall < 12 * wide)
    letters &= tall < found.labels.shape[0] / 4 + 20
    if not letters.any():
        return 0.0
    order = np.argsort(tall[letters])
    counts = np.minimum(wide, 3 * tall)[letters][order].cumsum()
    return float(tall[letters][order][np.searchsorted(counts, 0.5 * counts[-1])])


def underlined(found: Components) -> bool:
    """Tell whether much of the ink is in components as long as lines: print that hangs together by rules."""
    tall, wide = heights(found.boxes), widths(found.boxes)
    long = (wide > 8 * tall) & (wide > found.labels.shape[1] / 8)
    return bool(found.areas[long].sum() > 0.3 * found.areas.sum())
