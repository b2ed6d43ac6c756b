"""Pictures of any kind as grey pixels."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scriba.core.errors import InputError
from scriba.core.files import Note, converted, open_pages, open_picture, page_name

Grey = NDArray[np.uint8]
"""Grey pixels (height, width), 0 black."""


def read_pages(source: Path | bytes, name: str, note: Note | None = None) -> Iterator[Grey | InputError]:
    """Yield the pages of a file, or why one cannot be read: every one of a TIFF, the first picture of anything else.

    Args:
        source: The file, or its bytes.
        name: What messages call it.
        note: Takes what is to be told of pictures that end early, which are refused otherwise.

    Raises:
        InputError: The file is missing, damaged or no picture.
    """
    for number, page in enumerate(open_pages(source, name, note), start=1):
        try:
            yield page if isinstance(page, InputError) else to_grey(page, page_name(name, number))
        except InputError as error:
            yield error


def read_grey(source: Path | bytes, name: str, note: Note | None = None) -> Grey:
    """Read one picture; of several pages, the first; arguments as for `read_pages`.

    Raises:
        InputError: The file is missing, damaged, too large or no picture.
    """
    return to_grey(open_picture(source, name, note), name)


def to_grey(image: Image.Image, name: str) -> Grey:
    """Return the pixels of a picture of any mode as grey on white paper.

    Raises:
        InputError: They cannot be told.
    """
    return np.asarray(converted(image, "L", name))
