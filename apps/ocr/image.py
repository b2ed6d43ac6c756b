"""Pictures of any kind as grey pixels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scriba.core.errors import InputError
from scriba.core.pictures import open_pages, open_picture, plain

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
    return np.asarray(plain(image).convert("L"))
