"""Coloured stamps and highlighting over black print, taken off the page: what they cover is read.

Shapes: H rows, W columns of the page.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from scriba.ocr.boxes import Boxes

Pixels = NDArray[np.uint8]
MIN_SIDE = 400
"""Pixels: on smaller pictures nothing is looked for."""
ENOUGH = 800_000
"""Pixels of a page on which stamps are looked for; of larger ones a reduced copy is taken."""
MIN_CHROMA = 0.1
"""Share of the paper's light that the lightest channel of coloured ink has more than its darkest."""
MAX_NEUTRAL = 0.6
"""Share of the paper's light that black print leaves at most."""
SIDES = (0.025, 0.4)
"""Shares of the sides of a page that a stamp extends over, at least and at most: coloured forms are larger."""
REACH = 0.015
"""Share of the shorter side of a page that parts of a stamp are from the middle between them at most."""
MAX_FILLED = 0.4
"""Share of its box that its ink covers at most; pictures cover more."""
MIN_TOUCHED, MIN_SHARE = 4, 0.1
"""Letters under a stamp that its ink touches, and their share of those in its box: coloured words touch no others."""


def without_stamps(colours: Pixels, grey: Pixels) -> Pixels:
    """Return the grey pixels of a page without the coloured ink that lies over black print.

    Ink takes a share of the paper's light from each channel. Where a stamp is, what the channel shows that it takes
    least from is taken instead of the brightness; coloured words and pictures beside print stay.

    Args:
        colours: Pixels (H, W, 3).
        grey: Their brightness (H, W).
    """
    if min(grey.shape) < MIN_SIDE:
        return grey
    step = max(1, round((grey.size / ENOUGH) ** 0.5))
    found = _stamps(_light(colours[::step, ::step]))
    if not len(found):
        return grey
    result = grey.copy()
    for left, top, right, bottom in found * step:
        place = slice(max(0, top - 2 * step), bottom + 2 * step), slice(max(0, left - 2 * step), right + 2 * step)
        light = _light(colours[place])
        lightest, darkest = light.max(-1), light.min(-1)
        inked = lightest - darkest > 0.4 * MIN_CHROMA
        stamp = lightest - darkest > MIN_CHROMA
        usual = float(np.median(lightest[stamp])) if stamp.any() else 1.0
        paper = np.percentile(grey[place], 90)
        lifted = np.clip(paper * lightest / max(usual, 0.3), 0, paper).astype(np.uint8)
        result[place] = np.where(inked, np.maximum(lifted, grey[place]), grey[place])
    return result


def _light(colours: Pixels) -> NDArray[np.float32]:
    """Return the share of the paper's light that is left in each channel."""
    paper = np.percentile(colours.reshape(-1, 3)[::7], 80, axis=0)
    return (colours / np.maximum(paper, 1)).astype(np.float32)


def _stamps(light: NDArray[np.float32]) -> Boxes:
    """Return the boxes of coloured ink that lies over black print."""
    lightest, darkest = light.max(-1), light.min(-1)
    coloured = (lightest - darkest > MIN_CHROMA) & (darkest < 0.9)
    coloured = ndimage.binary_opening(coloured, np.ones((2, 2)))  # edges of letters on screens are coloured
    neutral = (lightest < MAX_NEUTRAL) & ~coloured
    if not coloured.any() or not neutral.any():
        return np.zeros((0, 4), np.int64)
    reach = max(3, round(REACH * min(coloured.shape)))
    regions, _ = ndimage.label(ndimage.maximum_filter(coloured, 2 * reach + 1))
    letters, _ = ndimage.label(neutral)
    boxes = []
    for number, place in enumerate(ndimage.find_objects(regions), start=1):
        ink = coloured[place] & (regions[place] == number)
        sides = [length / side for length, side in zip(ink.shape, coloured.shape, strict=True)]
        if not all(SIDES[0] < share < SIDES[1] for share in sides) or ink.mean() > MAX_FILLED:
            continue
        touched = np.unique(letters[place][ndimage.binary_dilation(ink, iterations=2)])
        count = len(np.setdiff1d(touched, 0))
        if count >= max(MIN_TOUCHED, MIN_SHARE * len(np.setdiff1d(letters[place], 0))):
            rows, columns = place
            boxes.append((columns.start, rows.start, columns.stop, rows.stop))
    return np.array(boxes, np.int64).reshape(-1, 4)
