"""Image files of any kind as grey pixels."""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from scriba.core.errors import InputError

Grey = NDArray[np.uint8]
"""Grey pixels (height, width), 0 black."""
MAX_PIXELS = 80_000_000
"""Largest picture that is read: A4 at 600 dots per inch has 35 million pixels."""
Image.init()
FORMATS: tuple[str, ...] = ("PNG", "JPEG", "MPO", "TIFF", "GIF", "WEBP", "BMP", "PPM", "JPEG2000", "AVIF", "PCX", "TGA")
FORMATS = tuple(name for name in FORMATS if name in Image.OPEN)
"""What is opened: not what Pillow hands on to other programs, such as PostScript."""


def read_pages(source: Path | bytes, name: str) -> Iterator[Grey | InputError]:
    """Yield the pages of a file, or why one cannot be read: every one of a TIFF, the first picture of anything else.

    Raises:
        InputError: The file is missing, damaged, too large or no picture.
    """
    with _explained(name), warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # to_grey refuses what is too large
        image = Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=FORMATS)
    with image:
        with _explained(name):
            count = getattr(image, "n_frames", 1) if image.format == "TIFF" else 1
        for number in range(count):
            where = page_name(name, number + 1)
            try:
                with _explained(where):
                    if number:
                        image.seek(number)
                    page = to_grey(image, where)
            except InputError as error:
                yield error
                continue
            yield page


def page_name(file: str, number: int) -> str:
    """Return what messages call a page; the first one has the name of its file."""
    return f"{file}, page {number}" if number > 1 else file


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """Turn what Pillow raises into one sentence."""
    try:
        yield
    except FileNotFoundError as error:
        raise InputError(f"{name}: no such file; check the path.") from error
    except IsADirectoryError as error:
        raise InputError(f"{name}: is a folder; name the pictures in it.") from error
    except PermissionError as error:
        raise InputError(f"{name}: may not be read; check its permissions.") from error
    except UnidentifiedImageError as error:
        raise InputError(f"{name}: is not a picture that can be read; save it as PNG, JPEG or TIFF.") from error
    except Image.DecompressionBombError as error:
        raise InputError(f"{name}: has too many pixels; scale it down below {MAX_PIXELS:,}.") from error
    except (OSError, SyntaxError, ValueError, EOFError, TypeError, RuntimeError, AttributeError, struct.error) as error:
        raise InputError(f"{name}: the picture is damaged or truncated ({error}); save it again.") from error


def read_grey(source: Path | bytes, name: str) -> Grey:
    """Read one picture; of several pages, the first.

    Raises:
        InputError: The file is missing, damaged, too large or no picture.
    """
    page = next(iter(read_pages(source, name)))
    if isinstance(page, InputError):
        raise page
    return page


def to_grey(image: Image.Image, name: str) -> Grey:
    """Return the pixels of an image of any mode, upright, as grey on white paper.

    Raises:
        InputError: It has too many pixels.
    """
    if image.width * image.height > MAX_PIXELS:
        raise InputError(
            f"{name}: {image.width} x {image.height} pixels are too many; scale it down below {MAX_PIXELS:,}."
        )
    image = ImageOps.exif_transpose(image)
    if image.mode[0] in "IF":  # 16 or 32 bits or floats, of which Pillow's conversion would only clip the bright end
        values = np.nan_to_num(np.asarray(image, np.float32), posinf=0.0, neginf=0.0)
        low, high = float(values.min()), float(values.max())
        return ((values - low) * (255 / max(high - low, 1e-9))).astype(np.uint8)
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        coloured = image.convert("RGBA")
        paper = Image.new("RGBA", coloured.size, "white")
        image = Image.alpha_composite(paper, coloured)
    return np.asarray(image.convert("L"))
