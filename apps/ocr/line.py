"""One line of print as the encoder sees it: ink on empty paper, upright, at a fixed height.

Shapes: W columns, F rows (the height).
"""

import math
from dataclasses import dataclass
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scriba.core.errors import InputError, TooLong
from scriba.core.ranges import Range
from scriba.ocr.image import Grey

MIN_CONTRAST = 12
"""Grey levels between paper and ink below which there is nothing to read."""
MAX_APART = 0.5
"""Heights of a line that dots and accents may be away from its letters."""
MIN_MARK = 0.1
"""Heights of a line along a square with as much ink as a dot apart from it has, at least; less is a speck."""


@dataclass(frozen=True)
class LineConfig:
    """Preparation of a line image.

    Args:
        height: Rows of the prepared line; its width follows, in proportion.
        margin: Empty margin that is kept on each side, as a share of the height of the ink.
        deslant: Straighten slanted print (italics, handwriting) by shearing.
        max_columns: Widest prepared line that is accepted.
    """

    height: Annotated[int, Range(1, 1024)] = 32
    margin: Annotated[float, Range(0, 10)] = 0.35
    deslant: bool = False
    max_columns: Annotated[int, Range(1, 1_000_000)] = 16384


class Line(NamedTuple):
    """A prepared line.

    Attributes:
        ink_WF: Ink from 0 (paper) to 1, columns first.
        left: Column of the picture at which the first column lies.
        scale: Columns of the picture in one prepared column.
    """

    ink_WF: NDArray[np.float32]
    left: float
    scale: float


def prepare_line(pixels: Grey, config: LineConfig, name: str) -> Line:
    """Normalise polarity and contrast, remove empty margins, and scale to the height.

    Raises:
        InputError: The picture is empty, or far wider than high.
    """
    counts = histogram(pixels)
    if light_on_dark(counts):
        pixels, counts = 255 - pixels, counts[::-1]
    table = ink_table(counts, name)
    dark = pixels < np.count_nonzero(table > 127)  # lighter greys have less ink
    top, bottom, left, right = text_box(dark, config.margin)
    cut = pixels[top:bottom, left:right]
    if cut.shape != pixels.shape:  # paper beyond the margins has no say in contrast
        table = ink_table(histogram(cut), name)
    ink = np.take(table, cut)
    if config.deslant:
        ink = deslanted(ink)
    height, width = ink.shape
    columns = max(1, round(width * config.height / height))
    if columns > config.max_columns:
        raise TooLong(
            f"{name}: {width} x {height} pixels are longer than {config.max_columns / config.height:.0f} times the "
            "height; cut the line into parts."
        )
    scaled = Image.fromarray(ink).resize((columns, config.height), Image.Resampling.BILINEAR)
    return Line(np.ascontiguousarray(np.asarray(scaled).T, np.float32) / np.float32(255), left, width / columns)


def grey_range(counts: NDArray[np.int64]) -> tuple[int, int]:
    """Return the greys of the darkest and lightest hundredth of a histogram; of all, where these hardly differ."""
    shares = counts.cumsum() / counts.sum()
    low, high = (int(np.searchsorted(shares, share)) for share in (0.01, 0.99))
    if high - low < MIN_CONTRAST:
        present = np.flatnonzero(counts)
        low, high = int(present[0]), int(present[-1])
    return low, high


def histogram(pixels: Grey) -> NDArray[np.int64]:
    """Return how often each of the 256 greys occurs."""
    return np.array(Image.fromarray(pixels).histogram())  # a quarter of the time of NumPy's bincount


def light_on_dark(counts: NDArray[np.int64]) -> bool:
    """Tell from its histogram whether most of a picture is dark."""
    low, high = grey_range(counts)
    return bool(counts[: (low + high) // 2 + 1].sum() > 0.6 * counts.sum())


def ink_table(counts: NDArray[np.int64], name: str) -> NDArray[np.uint8]:
    """Return the ink of each grey of a picture on light paper: of the darkest hundredth 255, of the paper 0.

    Args:
        counts: Its histogram.
        name: What to call it.

    Raises:
        InputError: There is nothing to read.
    """
    low, high = grey_range(counts)
    if high - low < MIN_CONTRAST:
        raise InputError(f"{name}: the picture is of one colour; there is nothing to read.")
    paper = max(int(np.searchsorted(counts.cumsum(), 0.75 * counts.sum())), low + MIN_CONTRAST)
    return np.clip(255 * (paper - np.arange(256)) / (paper - low), 0, 255).astype(np.uint8)


def text_box(dark: NDArray[np.bool_], margin: float) -> tuple[int, int, int, int]:
    """Return top, bottom, left and right of the ink, with a margin around it where the picture has one.

    Specks above and below, apart from the line and with hardly any ink, have no say.
    """
    inks = dark.sum(1)
    rows, columns = np.flatnonzero(inks), np.flatnonzero(dark.any(0))
    ends = np.flatnonzero(np.diff(rows) > 1)
    firsts, lasts = rows[np.concatenate([[0], ends + 1])], rows[np.concatenate([ends, [-1]])] + 1
    total = np.add.reduceat(inks, firsts)
    main = int(total.argmax())
    height = lasts[main] - firsts[main]
    gaps = np.maximum(firsts[main] - lasts, firsts - lasts[main])
    kept = (gaps <= MAX_APART * height) & (total > (MIN_MARK * height) ** 2) | (total > 0.2 * total[main])
    kept[main] = True
    top, bottom = int(firsts[kept][0]), int(lasts[kept][-1])
    keep = math.ceil(margin * (bottom - top))
    left = max(0, int(columns[0]) - keep)
    return max(0, top - keep), min(len(dark), bottom + keep), left, min(dark.shape[1], int(columns[-1]) + 1 + keep)


def deslanted(ink: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Shear so that upright strokes stand upright: where the sums of columns vary most (Vinciarelli & Luettin 2001)."""
    image = Image.fromarray(ink)
    height, width = ink.shape
    candidates = []
    for slant in np.linspace(-0.8, 0.8, 17):
        transform = (1.0, float(slant), float(-slant * height / 2), 0.0, 1.0, 0.0)
        sheared = np.asarray(
            image.transform((width, height), Image.Transform.AFFINE, transform, Image.Resampling.BILINEAR)
        )
        candidates.append((float((sheared.sum(0, np.float64) ** 2).sum()), -abs(float(slant)), sheared))
    return max(candidates, key=lambda candidate: candidate[:2])[2]
