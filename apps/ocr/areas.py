"""Areas of a page that are no print on plain paper: dark bands, pictures, and what lies beyond the edges of the sheet.

Shapes: H rows, W columns of the page; N components.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from scriba.ocr.binarise import Mask
from scriba.ocr.boxes import Boxes, heights, shared, widths
from scriba.ocr.components import Components
from scriba.ocr.image import Grey

Flags = NDArray[np.bool_]
MAX_SPECKS = 10
"""Specks for each larger component above which a page is taken for noisy."""
MIN_EDGE, MAX_GRAIN = 0.12, 2.4
"""Steepness of the edges of print at least: of the usual one on the page, and times that of its paper."""
MIN_LIGHT_LETTERS = 3
"""Light letters beside each other in a dark area that make it a ground of print."""
MAX_BORDER = (0.12, 0.03)
"""Shares of columns and of rows of a scan beyond a border at most: the edge of a facing page lies beside a page."""


def without_noise(ink: Mask, found: Components) -> Mask:
    """Return the ink, without single pixels where these are most of what there is (salt and pepper)."""
    specks = int((found.areas < 5).sum())
    if specks < MAX_SPECKS * (len(found.areas) - specks) or specks < 1000:
        return ink
    return np.asarray(ndimage.uniform_filter(ink.astype(np.float32), 3) > 0.5)


def printed(page: Grey, found: Components) -> Flags:
    """Tell which components have edges as print has; shadows, folds and the grain of the paper are fainter (N)."""
    if not len(found.boxes):
        return np.zeros(0, np.bool_)
    ink = found.labels > 0
    inner = np.zeros_like(ink)
    inner[1:-1, 1:-1] = ink[:-2, 1:-1] & ink[2:, 1:-1] & ink[1:-1, :-2] & ink[1:-1, 2:]
    rows, columns = np.nonzero(ink & ~inner)
    steepness = _steepness(page, rows, columns)
    owner = found.labels[rows, columns] - 1
    lengths = np.bincount(owner, minlength=len(found.boxes))
    edges = np.bincount(owner, steepness, len(found.boxes)) / np.maximum(lengths, 1)
    usual, strongest = np.percentile(steepness, (75, 98))
    everywhere = _steepness(page, *(places.ravel() for places in np.mgrid[: len(page) : 4, : page.shape[1] : 4]))
    grain = min(MAX_GRAIN * float(np.median(everywhere)), 0.5 * strongest)
    return np.asarray(edges > max(MIN_EDGE * usual, grain))


def _steepness(page: Grey, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return how steep a page is at some pixels (Sobel)."""
    padded = np.pad(page, 1, mode="edge").astype(np.int16)
    width = padded.shape[1]
    places, flat = (rows + 1) * width + columns + 1, padded.ravel()
    steps = (-width - 1, -width, 1 - width, -1, 1, width - 1, width, width + 1)
    a, b, c, d, e, f, g, h = (flat[places + step] for step in steps)
    return np.hypot((c + 2 * e + h - a - 2 * d - f).astype(np.float32), f + 2 * g + h - a - 2 * b - c)


def dark_bands(found: Components, size: float) -> Mask | None:
    """Return the areas of dark bands with light print in them, or None where there are none (H, W).

    Such a band is a component that fills its box but for holes, which are letters. A frame around the sheet, which has
    one large hole, is none.
    """
    wide, tall = widths(found.boxes), heights(found.boxes)
    bands = (wide > 4 * size) & (tall > 1.4 * size) & (found.areas > 0.5 * wide * tall)
    mask: Mask | None = None
    for i in np.flatnonzero(bands):
        left, top, right, bottom = found.boxes[i]
        band = found.labels[top:bottom, left:right] == i + 1
        filled = ndimage.binary_fill_holes(band)
        area = int(filled.sum())
        if not 0.01 * area < area - found.areas[i]:
            continue
        if area < 0.85 * band.size or _largest(filled & ~band) > 0.2 * area:
            filled = _around_light_letters(band, filled & ~band, size)
        if filled.any():
            mask = np.zeros(found.labels.shape, np.bool_) if mask is None else mask
            mask[top:bottom, left:right] |= filled
    return mask


def _around_light_letters(band: Mask, holes: Mask, size: float) -> Mask:
    """Return the parts of a dark area, as of a frame or screen around windows, in which rows of light letters stand.

    Those are holes as high as letters with the dark area all around them; the cells of a grid have its thin lines.
    """
    result = np.zeros_like(band)
    labels, _ = ndimage.label(holes, structure=np.ones((3, 3)))
    places = ndimage.find_objects(labels)
    boxes = np.array([(x.start, y.start, x.stop, y.stop) for y, x in places], np.int64).reshape(-1, 4)
    tall, wide = heights(boxes), widths(boxes)
    margin = max(2, round(0.5 * size))
    dark = []
    for i in np.flatnonzero((tall > 0.5 * size) & (tall < 3 * size) & (wide < 4 * size)):
        left, top, right, bottom = boxes[i]
        above, below = band[max(0, top - margin) : top, left:right], band[bottom : bottom + margin, left:right]
        if above.size and below.size and min(above.mean(), below.mean()) > 0.8:
            dark.append(boxes[i])
    for box in dark:
        row = [other for other in dark if abs(other[1] + other[3] - box[1] - box[3]) < size]
        row = [other for other in row if -shared(other, box, 0) < 3 * size]
        if len(row) >= MIN_LIGHT_LETTERS:
            left, top, right, bottom = box + np.array([-1, -1, 1, 1]) * 2 * margin
            result[max(0, top) : bottom, max(0, left) : right] = True
    return result & (band | holes)


def _largest(holes: Mask) -> int:
    """Return the pixels of the largest of some holes."""
    labels, _ = ndimage.label(holes)
    return int(np.bincount(labels.ravel())[1:].max(initial=0))


def sheet_of(found: Components) -> NDArray[np.int64]:
    """Return left, top, right and bottom of the sheet: within black borders of a scan and the fold to a facing page.

    Those are components that run along a whole side near it; further in they are rules.
    """
    sides = found.labels.shape[::-1]
    limits = np.array([0, 0, *sides], np.int64)
    for axis, side in enumerate(sides):
        low, high = found.boxes[:, axis], found.boxes[:, axis + 2]
        length = found.boxes[:, 3 - axis] - found.boxes[:, 1 - axis]
        bars = (length > 0.6 * sides[1 - axis]) & (high - low < 0.2 * side)
        limits[axis] = high[bars & (low < MAX_BORDER[axis] * side)].max(initial=0)
        limits[axis + 2] = low[bars & (high > (1 - MAX_BORDER[axis]) * side)].min(initial=side)
    return limits


def pictures(found: Components, size: float) -> Boxes:
    """Return boxes of pictures: around large components that have others within them, as no letter has."""
    wide, tall = widths(found.boxes), heights(found.boxes)
    large = np.flatnonzero((np.minimum(wide, tall) > 4 * size) & (found.areas > 0.2 * wide * tall) & ~_framing(found))
    boxes = [found.boxes[i] for i in large if _contains(found, int(i)) > 3]
    merged: list[NDArray[np.int64]] = []
    for box in sorted(boxes, key=lambda box: -(box[2] - box[0]) * (box[3] - box[1])):
        for other in merged:
            if min(shared(box, other, 0), shared(box, other, 1)) > -2 * size:
                other[:2], other[2:] = np.minimum(box[:2], other[:2]), np.maximum(box[2:], other[2:])
                break
        else:
            merged.append(box.copy())
    return np.array(merged, np.int64).reshape(-1, 4)


def _framing(found: Components) -> Flags:
    """Tell which components reach from one side of the page to the other: borders of a scan."""
    reach = found.boxes[:, 2:] - found.boxes[:, :2] >= np.array(found.labels.shape[::-1]) - 2
    return np.asarray(np.any(reach, 1))


def _contains(found: Components, number: int) -> int:
    box = found.boxes[number]
    within = (found.boxes[:, :2] >= box[:2]).all(1) & (found.boxes[:, 2:] <= box[2:]).all(1)
    return int(within.sum()) - 1


def inside(boxes: Boxes, areas: Boxes) -> Flags:
    """Tell which boxes have their centre in one of the areas (N)."""
    centre = 0.5 * (boxes[:, None, :2] + boxes[:, None, 2:])
    held = (centre >= areas[None, :, :2]) & (centre < areas[None, :, 2:])
    return np.asarray(np.all(held, 2).any(1))
