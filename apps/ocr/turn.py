"""Turning a page upright: by the angle at which letters stand on the fewest and fullest lines."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image
from scipy.spatial import KDTree

from scriba.ocr.binarise import is_dark
from scriba.ocr.boxes import Boxes, heights, shared, widths
from scriba.ocr.components import Components, letter_size
from scriba.ocr.image import Grey

MAX_SKEW = 16.0
"""Degrees."""
MIN_SKEW = 0.2
"""Degrees below which a page stays as it is."""
MIN_LETTERS, MIN_SPAN = 12, 12.0
"""Letters, and their extent in letter sizes, in which an angle shows."""
MIN_VERTICAL = 4.0
"""Letters with their nearest neighbour above or below, for one with it beside, where lines run down the page."""
MAX_ASKED, SURE = 4, 0.9
"""Lines that are read to tell top from bottom, and the confidence that settles it."""


def angle_of(found: Components) -> float:
    """Return by how many degrees a page has to be turned against the clock so that its lines run level, or 0.

    That is its skew, and a quarter where lines run along the other side.
    """
    letters = letters_of(found)
    quarter = 90.0 if run_down(letters) else 0.0
    angle = quarter + skew(sideways(letters) if quarter else letters)
    return angle if abs(angle) >= MIN_SKEW else 0.0


def turned(page: Grey, angle: float) -> Grey:
    """Return a page turned by an angle against the clock, on paper where its corners were not."""
    if angle % 90 == 0:
        return np.ascontiguousarray(np.rot90(page, round(angle / 90)))
    paper = int(np.percentile(page[::2, ::2], 80 if not is_dark(page) else 20))
    image = Image.fromarray(page).rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=paper)
    return np.asarray(image)


def turned_place(
    x: float, y: float, size: tuple[int, int], turned_size: tuple[int, int], angle: float
) -> tuple[float, float]:
    """Return where a point of a picture lies after it was turned about its centre; the way back has the angle negated.

    Args:
        x: Column of its edges of pixels, to the right.
        y: Row, down.
        size: Columns and rows of the picture.
        turned_size: Those of the turned one.
        angle: Degrees against the clock.
    """
    sine, cosine = math.sin(math.radians(angle)), math.cos(math.radians(angle))
    dx, dy = x - size[0] / 2, y - size[1] / 2
    return turned_size[0] / 2 + cosine * dx + sine * dy, turned_size[1] / 2 - sine * dx + cosine * dy


def upside_down(lines: Sequence[Grey], confidence: Callable[[list[Grey]], float]) -> bool:
    """Tell whether lines stand on their heads.

    Latin letters rise above the others more often than they go below; where that does not tell (capitals, figures, few
    letters) it is asked which way some of the lines are read with more confidence.

    Args:
        lines: Pictures of level lines.
        confidence: How sure a reader is of pictures of lines, on average.
    """
    above, below = np.sum([overshoot(line) for line in lines], 0) if lines else (1.0, 0.0)
    if above > 1.5 * below:
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


def run_down(letters: Boxes) -> bool:
    """Tell whether lines run down the page: nearly all letters have their nearest neighbour above or below."""
    if len(letters) < MIN_LETTERS:
        return False
    centres = 0.5 * (letters[:, :2] + letters[:, 2:])
    near = letters[KDTree(centres).query(centres, k=7)[1][:, 1:]]
    across, along = (np.maximum(0, -shared(letters[:, None], near, axis)) for axis in (0, 1))
    best = np.hypot(across, along).argmin(1)[:, None]
    across, along = (np.take_along_axis(gaps, best, 1) for gaps in (across, along))
    return bool((along > across).sum() > MIN_VERTICAL * (across > along).sum())


def sideways(boxes: Boxes) -> Boxes:
    """Return boxes as they lie on the page turned by a quarter against the clock, about the left upper corner."""
    return np.column_stack([boxes[:, 1], -boxes[:, 2], boxes[:, 3], -boxes[:, 0]])


def skew(letters: Boxes) -> float:
    """Return by how many degrees the page has to be turned against the clock to make its lines level.

    That is where the feet of its letters, looked at along the lines, are in the fewest places. Few letters tell no
    angle.
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
