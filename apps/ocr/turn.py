"""Turning a page upright: by the angle at which letters stand on the fewest and fullest lines."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.spatial import KDTree

from scriba.ocr.binarise import binarise, is_dark
from scriba.ocr.boxes import Boxes, heights, shared, widths
from scriba.ocr.components import Components, components, letter_size
from scriba.ocr.image import Grey

MAX_SKEW = 16.0
"""Degrees."""
MIN_SKEW = 0.2
"""Degrees below which a page stays as it is."""
MIN_LETTERS, MIN_SPAN = 12, 12.0
"""Letters, and their extent in letter sizes, in which an angle shows."""
MAX_ASKED, SURE = 4, 0.9
"""Lines that are read to tell top from bottom, and the confidence that settles it."""
ANALYSIS_PIXELS = 1_500_000
"""Of a page whose angle is looked for."""


def upright(page: Grey) -> tuple[Grey, float]:
    """Turn a page so that its lines run level: by its skew, and by a quarter where lines run along the other side.

    Returns:
        The page, larger where its corners need the room, and by how many degrees it was turned against the clock.
    """
    factor = max(1, round(math.sqrt(page.size / ANALYSIS_PIXELS)))
    small = page if factor == 1 else np.asarray(Image.fromarray(page).reduce(factor))
    found = components(binarise(255 - small if is_dark(small) else small))
    letters = letters_of(found)
    sideways = is_sideways(letters)
    level = np.column_stack([letters[:, [1, 3]], -letters[:, [2, 0]]])[:, [0, 2, 1, 3]] if sideways else letters
    angle = 90.0 * sideways + skew(level)
    return (turned(page, angle), angle) if abs(angle) >= MIN_SKEW else (page, 0.0)


def turned(page: Grey, angle: float) -> Grey:
    """Return a page turned by an angle against the clock, on paper where its corners were not."""
    if angle % 90 == 0:
        return np.ascontiguousarray(np.rot90(page, round(angle / 90)))
    paper = int(np.percentile(page[::2, ::2], 80 if not is_dark(page) else 20))
    image = Image.fromarray(page).rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=paper)
    return np.asarray(image)


def upside_down(lines: Sequence[Grey], confidence: Callable[[list[Grey]], float]) -> bool:
    """Tell whether lines stand on their heads.

    Latin letters rise above the others more often than they go below; where that does not tell (capitals, figures, few
    letters) it is asked which way some of the lines are read with more confidence.

    Args:
        lines: Pictures of level lines.
        confidence: How sure a reader is of pictures of lines, on average.
    """
    above, below = np.sum([overshoot(line) for line in lines], 0) if lines else (1.0, 0.0)
    if above > 2 * below:
        return False
    some = sorted(lines, key=lambda line: -line.shape[1])[:MAX_ASKED]
    upright = confidence(some)
    return upright < SURE and confidence([np.ascontiguousarray(line[::-1, ::-1]) for line in some]) > upright + 0.1


def overshoot(line: Grey) -> tuple[float, float]:
    """Return how much ink a line has above and below the rows of its small letters."""
    rows = (np.percentile(line, 80) - line.astype(np.float32)).clip(0).sum(1)
    body = np.flatnonzero(rows > 0.5 * np.percentile(rows, 90))
    if not len(body):
        return 0.0, 0.0
    return float(rows[: body[0]].sum()), float(rows[body[-1] + 1 :].sum())


def letters_of(found: Components) -> Boxes:
    """Return the boxes of what may be letters."""
    size = letter_size(found)
    tall, wide = heights(found.boxes), widths(found.boxes)
    fits = (tall > 0.4 * size) & (wide > 0.2 * size) & (tall < 3 * size) & (wide < 8 * size)
    return found.boxes[fits & (tall > 3)]


def skew(letters: Boxes) -> float:
    """Return by how many degrees the page has to be turned against the clock to make its lines level.

    That is where the feet of its letters, looked at along the lines, are in the fewest places.
    """
    size = float(np.median(heights(letters))) if len(letters) else 0.0
    feet = letters[:, 3].astype(np.float64)
    middle = 0.5 * (letters[:, 0] + letters[:, 2])
    if len(letters) < MIN_LETTERS or np.ptp(middle) < MIN_SPAN * size:
        return 0.0

    def sharpness(degrees: float, step: float) -> tuple[float, float]:
        level = feet + math.tan(math.radians(degrees)) * middle
        counts = np.bincount(((level - level.min()) / step).astype(np.int64))
        return float((np.convolve(counts, (1, 1)) ** 2).sum()), -abs(degrees)

    coarse = max(np.arange(-MAX_SKEW, MAX_SKEW + 0.1, 0.25), key=lambda degrees: sharpness(degrees, size / 3))
    fine = max(np.arange(coarse - 0.3, coarse + 0.31, 0.05), key=lambda degrees: sharpness(degrees, size / 8))
    return -float(fine)


def is_sideways(letters: Boxes) -> bool:
    """Tell whether lines run down the page: most letters have their nearest neighbour above or below."""
    if len(letters) < MIN_LETTERS:
        return False
    found = KDTree(0.5 * (letters[:, :2] + letters[:, 2:])).query(0.5 * (letters[:, :2] + letters[:, 2:]), k=7)[1][
        :, 1:
    ]
    near = letters[np.minimum(found, len(letters) - 1)]
    across, along = (np.maximum(0, -shared(letters[:, None], near, axis)) for axis in (0, 1))
    best = np.hypot(across, along).argmin(1)
    rows = np.arange(len(letters))
    above = along[rows, best] > across[rows, best]
    beside: NDArray[np.bool_] = across[rows, best] > along[rows, best]
    return bool(above.sum() > 1.5 * beside.sum())
