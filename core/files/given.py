"""Pictures as Python callers have them: paths, bytes, open files, Pillow's pictures and arrays."""

import io
import os
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from scriba.core.errors import InputError
from scriba.core.files.pictures import explained, stretched

Picture = str | Path | bytes | BinaryIO | Image.Image | NDArray[Any]
"""A path, the bytes of a file, an open file, a picture of Pillow's or an array.

Arrays are (rows, columns) of grey, or have two to four channels last (grey and opacity, colours, colours and opacity).
They are bool, of 8 bits, floats from 0 to 1, or of other numbers, of which the smallest is black and the largest white.
"""
STORED = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "LAB", "I;16", "I", "F")
"""Modes of Pillow's that are kept as they are."""
NAME = "image"


def given(picture: Picture) -> tuple[Path | bytes, str]:
    """Return a picture as a file or as the bytes of one, and what messages call it.

    Raises:
        InputError: It is none.
    """
    if isinstance(picture, str | os.PathLike):
        return Path(picture), str(picture)
    if isinstance(picture, bytes | bytearray | memoryview):
        return bytes(picture), NAME
    if isinstance(picture, np.ndarray):
        return stored(Image.fromarray(eight_bits(picture)), NAME), NAME
    if isinstance(picture, Image.Image):
        name = str(getattr(picture, "filename", "") or NAME)
        return stored(picture, name), name
    data = picture.read() if hasattr(picture, "read") else None
    if not isinstance(data, bytes):
        raise InputError(
            f"{NAME}: {type(picture).__name__} is no picture; give a path, the bytes of a file, a file opened in "
            "binary mode, a picture of Pillow's or an array of NumPy's."
        )
    return data, str(getattr(picture, "name", NAME))


def stored(image: Image.Image, name: str) -> bytes:
    """Return a picture as an uncompressed TIFF, turned as its EXIF data says.

    Raises:
        InputError: It is empty, or its file is damaged.
    """
    if not image.width or not image.height:
        raise InputError(f"{name}: the picture has no pixels; give another.")
    with explained(name):
        image = ImageOps.exif_transpose(image)
        if image.mode not in STORED or "transparency" in image.info:
            image = image.convert("RGBA")
        buffer = io.BytesIO()
        image.save(buffer, "TIFF", compression=None)
    return buffer.getvalue()


def eight_bits(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Return the pixels of an array, 0 black and 255 white.

    Raises:
        InputError: It has no picture's shape or type.
    """
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[..., 0]
    channels = values.shape[2] if values.ndim == 3 else 1
    if not values.size or values.ndim not in (2, 3) or channels not in (1, 2, 3, 4) or values.dtype.kind not in "buif":
        raise InputError(
            f"{NAME}: an array of {values.dtype} of shape {values.shape} is no picture; "
            "give numbers as (rows, columns) or (rows, columns, channels), with two to four channels."
        )
    if values.dtype == np.uint8:
        return np.ascontiguousarray(values)
    if values.dtype.kind == "b" or (values.dtype.kind == "f" and values.min() >= 0 and values.max() <= 1):
        return np.round(255 * values.astype(np.float32)).astype(np.uint8)
    return stretched(values)
