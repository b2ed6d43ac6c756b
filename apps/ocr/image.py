"""Pictures of any kind as grey pixels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scriba.core.errors import InputError
from scriba.core.pictures import on_white, open_pages, open_picture

Grey = NDArray[np.uint8]
"""Grey pixels (height, width), 0 black."""


def read_pages(source: Path | bytes, name: str) -> Iterator[Grey | InputError]:
    """Yield the pages of a file, or why one cannot be read: every one of a TIFF, the first picture of anything else.

    Raises:
        InputError: The file is missing, damaged or no picture.
    """
    return (page if isinstance(page, InputError) else to_grey(page) for page in open_pages(source, name))


def read_grey(source: Path | bytes, name: str) -> Grey:
    """Read one picture; of several pages, the first.

    Raises:
        InputError: The file is missing, damaged, too large or no picture.
    """
    return to_grey(open_picture(source, name))


def to_grey(image: Image.Image) -> Grey:
    """Return the pixels of a picture of any mode as grey on white paper."""
    if image.mode[0] in "IF":  # 16 or 32 bits or floats, of which Pillow's conversion would only clip the bright end
        values = np.nan_to_num(np.asarray(image, np.float32), posinf=0.0, neginf=0.0)
        low, high = float(values.min()), float(values.max())
        return ((values - low) * (255 / max(high - low, 1e-9))).astype(np.uint8)
    return np.asarray(on_white(image).convert("L"))
