"""Picture files of any kind, opened safely: one sentence for what cannot be read."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import ExifTags, Image, ImageCms, ImageOps, UnidentifiedImageError

from scriba.core.errors import InputError
from scriba.core.files.opening import opened

MAX_PIXELS = 80_000_000
"""Largest picture that is read: A4 at 600 dots per inch has 35 million pixels."""
Image.init()
FORMATS: tuple[str, ...] = ("PNG", "JPEG", "MPO", "TIFF", "GIF", "WEBP", "BMP", "PPM", "JPEG2000", "AVIF", "PCX", "TGA")
FORMATS = tuple(name for name in FORMATS if name in Image.OPEN)
"""What is opened: not what Pillow hands on to other programs, such as PostScript."""


def open_pages(source: Path | bytes, name: str) -> Iterator[Image.Image | InputError]:
    """Yield the pages of a file, decoded and upright, or why one cannot be read.

    Every page of a TIFF, the first picture of anything else.

    Raises:
        InputError: The file is missing, damaged or no picture.
    """
    with opened(source, name) as file:
        if not file.read(1):
            raise InputError(f"{name}: is empty (0 bytes); save or copy it again.")
        file.seek(0)
        with explained(name), warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # what is too large is refused below
            image = Image.open(file, formats=FORMATS)
        yield from _pages(image, name)


def _pages(image: Image.Image, name: str) -> Iterator[Image.Image | InputError]:
    with image:
        with explained(name):
            count = getattr(image, "n_frames", 1) if image.format == "TIFF" else 1
        for number in range(count):
            where = page_name(name, number + 1)
            try:
                with explained(where):
                    if number:
                        image.seek(number)
                    page = decoded(image, where)
            except InputError as error:
                yield error
                continue
            yield page


def open_picture(source: Path | bytes, name: str) -> Image.Image:
    """Return one picture, decoded and upright; of several pages, the first.

    Raises:
        InputError: The file is missing, damaged, too large or no picture.
    """
    page = next(iter(open_pages(source, name)))
    if isinstance(page, InputError):
        raise page
    return page


def decoded(image: Image.Image, name: str) -> Image.Image:
    """Return an opened picture with its pixels, turned as its EXIF data says.

    Raises:
        InputError: It has too many pixels.
    """
    if image.width * image.height > MAX_PIXELS:
        raise InputError(
            f"{name}: {image.width} x {image.height} pixels are too many; scale it down below {MAX_PIXELS:,}."
        )
    return ImageOps.exif_transpose(image)


def picture_size(path: Path) -> tuple[int, int]:
    """Return the width and height that a picture has when it is turned as its EXIF data says, without decoding it.

    Raises:
        InputError: The file is missing, damaged or no picture.
    """
    with opened(path, str(path)) as file, explained(str(path)), warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        image = Image.open(file, formats=FORMATS)
        late = image.format == "PNG" and "exif" not in image.info  # it would be looked for behind the pixels
        lies = not late and image.getexif().get(ExifTags.Base.Orientation, 1) in (5, 6, 7, 8)
        return (image.height, image.width) if lies else image.size


def converted(image: Image.Image, mode: Literal["L", "RGB"], name: str) -> Image.Image:
    """Return a picture of any kind in grey or in colours, on white paper where it is transparent.

    Raises:
        InputError: Its pixels cannot be told.
    """
    with explained(name):
        return plain(image).convert(mode)


def plain(image: Image.Image) -> Image.Image:
    """Return a picture of eight bits a channel without transparency: what shows through is white paper."""
    if image.mode == "LAB":
        profiles = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        coloured = ImageCms.profileToProfile(image, *profiles, outputMode="RGB")
        assert coloured is not None
        return coloured
    if image.mode[0] in "IF":  # 16 or 32 bits or floats, of which Pillow's conversion would only clip the bright end
        values = np.nan_to_num(np.asarray(image, np.float32), posinf=0.0, neginf=0.0)
        low, high = float(values.min()), float(values.max())
        return Image.fromarray(((values - low) * (255 / max(high - low, 1e-9))).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        coloured = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", coloured.size, "white"), coloured)
    return image


def page_name(file: str, number: int) -> str:
    """Return what messages call a page; the first one has the name of its file."""
    return f"{file}, page {number}" if number > 1 else file


@contextmanager
def explained(name: str) -> Iterator[None]:
    """Turn what Pillow raises into one sentence."""
    try:
        yield
    except UnidentifiedImageError as error:
        raise InputError(f"{name}: is not a picture that can be read; save it as PNG, JPEG or TIFF.") from error
    except Image.DecompressionBombError as error:
        raise InputError(f"{name}: has too many pixels; scale it down below {MAX_PIXELS:,}.") from error
    except InputError:
        raise
    except Exception as error:  # Pillow raises anything on damaged files, and on what it has no conversion for
        raise InputError(f"{name}: the picture is damaged or truncated ({error}); save it again.") from error
