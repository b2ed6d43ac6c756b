"""Ink told from paper, whatever the light, the strength of the print and its polarity."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from scriba.ocr.image import Grey

Mask = NDArray[np.bool_]
Values = NDArray[np.float32]
AROUND = 31
"""Rows and columns of what is about a stroke."""
BLOCK = 4
"""Local statistics are taken of blocks of this many rows and columns: a sixteenth of the work."""
MIN_DEVIATION = 2.5
"""Grey levels that a neighbourhood varies by, at least, where there is print."""

MIN_SHARE = 0.05
"""Of the deviation of the strongest print on a page that there is, at least, where there is print."""
GRAIN = 3.5
"""Times the deviation of the page's emptiest neighbourhoods that ink is darker than paper: paper has a texture."""


def is_dark(page: Grey) -> bool:
    """Tell whether most of a page is nearer to its darkest than to its lightest grey: light print on dark."""
    low, middle, high = np.percentile(page[::2, ::2], (1, 50, 99))
    return bool(middle < 0.5 * (low + high))


def is_light_on_dark(page: Grey) -> bool:
    """Tell whether most of the print on a page is light: what is around strokes has most of the area about them.

    A dark page may yet have dark print, on a light sheet or in a window on the screen.
    """
    if not is_dark(page):
        return False
    low, high, mean = (
        f(page, AROUND).astype(np.float32)
        for f in (ndimage.minimum_filter, ndimage.maximum_filter, ndimage.uniform_filter)
    )
    contrasted = high - low > 0.5 * np.percentile(high - low, 98)
    return bool(np.median((mean - 0.5 * (low + high))[contrasted]) < 0)


def binarise(page: Grey, strictness: float = 0.4) -> Mask:
    """Return where there is dark ink on lighter paper.

    The threshold is that of Wolf & Jolion (2004): below the local mean by a share of the local contrast, the more the
    less its surroundings vary; darkest grey and largest deviation are those of the neighbourhood, not of the page, so
    that light print, shadows and dark corners do not depend on what is elsewhere.

    Args:
        page: Grey pixels (H, W).
        strictness: How far below the mean of an even neighbourhood ink begins.
    """
    window = max(25, min(page.shape) // 20)
    around = max(3, round(window / BLOCK)) | 1
    blocks = _blocks(page)
    means = blocks.mean(1)
    mean = ndimage.uniform_filter(means, around, mode="nearest")
    square = ndimage.uniform_filter(np.square(blocks).mean(1), around, mode="nearest")
    deviation = np.sqrt(np.maximum(square - mean * mean, 0))
    darkest = ndimage.minimum_filter(blocks.min(1), around, mode="nearest")
    largest = np.maximum(ndimage.maximum_filter(deviation, around, mode="nearest"), 1e-3)
    threshold = mean - strictness * (1 - deviation / largest) * (mean - darkest) - 0.2 * deviation
    lightest = ndimage.maximum_filter(means, around, mode="nearest")
    grain = np.minimum(GRAIN * np.percentile(deviation, 10), 0.5 * (lightest - darkest))
    threshold = np.minimum(threshold, lightest - grain)
    least = max(MIN_DEVIATION, 1.3 * noise(page), MIN_SHARE * float(np.percentile(deviation, 98)))
    low, high = np.percentile(means, (1, 95))
    if high - low > 60:  # within bands and borders all is ink, and print on them is lighter
        solid = (deviation < least) & (means < low + 0.25 * (high - low))
        light_print = (darkest < low + 0.15 * (high - low)) & (mean < 0.5 * (darkest + lightest))
        threshold = np.where(light_print, np.maximum(threshold, low + 0.4 * (high - low)), threshold)
    else:
        solid = np.zeros_like(means, np.bool_)
    threshold = np.where(solid, 256, np.where(deviation < least, -1, threshold))
    spread = threshold.repeat(BLOCK, 0).repeat(BLOCK, 1)[: page.shape[0], : page.shape[1]]
    return np.asarray(page < spread)


def noise(page: Grey) -> float:
    """Return the standard deviation of the noise of the paper.

    Taken of second differences (Immerkær 1996) over one pixel and, as cameras and compression blur it, over three. The
    lower quartile of the latter is that of the paper, however much print there is.
    """
    values = page[::2].astype(np.float32) if page.shape[0] > 600 else page.astype(np.float32)
    if values.shape[1] < 8:
        return 0.0
    near, far = (np.abs(values[:, d:-d] - 0.5 * (values[:, : -2 * d] + values[:, 2 * d :])) for d in (1, 3))
    return float(max(np.median(near) / 0.6745, np.percentile(far[::2], 25) / 0.3186)) / 1.2247


def _blocks(page: Grey) -> Values:
    """Return the pixels of each block of a page (rows of blocks, pixels of a block, columns of blocks)."""
    pad = [(0, -side % BLOCK) for side in page.shape]
    padded = np.pad(page, pad, mode="edge").astype(np.float32)
    rows, columns = padded.shape[0] // BLOCK, padded.shape[1] // BLOCK
    cells = padded.reshape(rows, BLOCK, columns, BLOCK).transpose(0, 1, 3, 2)
    return cells.reshape(rows, BLOCK * BLOCK, columns)
