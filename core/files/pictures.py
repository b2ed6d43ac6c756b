"""Picture files of any kind, opened safely: one sentence for what cannot be read.

What ends early is read as far as it goes where there is someone to tell of it (`note`), and refused elsewhere: nobody
should train or be scored on half a picture.
"""

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms, ImageFile, ImageOps, UnidentifiedImageError

from scriba.core.errors import InputError
from scriba.core.files.kinds import SIZE, is_pdf, what_else
from scriba.core.files.opening import opened

Note = Callable[[str], None]
"""Takes a sentence on a picture that is read, but not as it was meant."""

MAX_PIXELS = 80_000_000
"""Largest picture that is read: A4 at 600 dots per inch has 35 million pixels."""
Image.init()
FORMATS: tuple[str, ...] = ("PNG", "JPEG", "MPO", "TIFF", "GIF", "WEBP", "BMP", "PPM", "JPEG2000", "AVIF", "PCX", "TGA")
FORMATS = tuple(name for name in FORMATS if name in Image.OPEN)
"""What is opened: not what Pillow hands on to other programs, such as PostScript."""
ANIMATED = ("GIF", "WEBP", "PNG", "AVIF")
OUTLIERS = 1e-4
"""Share of the pixels, at least one, that have no say in where black and white lie: hot and dead ones."""
LEAST_ROWS = 0.1
"""Share of the rows of a picture that have to be there."""
BLOCK = 16
"""Rows that a JPEG stores together."""


def open_pages(source: Path | bytes, name: str, note: Note | None = None) -> Iterator[Image.Image | InputError]:
    """Yield the pages of a file, decoded and upright, or why one cannot be read.

    Every page of a TIFF or PDF, the first picture of anything else.

    Args:
        source: The file, or its bytes.
        name: What messages call it.
        note: Takes what is to be told of pictures that end early, which are refused otherwise, and of animations.

    Raises:
        InputError: The file is missing, damaged or no picture.
    """
    with opened(source, name) as file:
        if not (head := file.read(SIZE)):
            raise InputError(f"{name}: is empty (0 bytes); save or copy it again.")
        file.seek(0)
        if is_pdf(head):
            from scriba.core.files.pdf import pdf_pages  # slow to import

            yield from pdf_pages(file, name, MAX_PIXELS)
            return
        with explained(name, head), warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # what is too large is refused below
            image = Image.open(file, formats=FORMATS)
        yield from _pages(image, name, note)


def _pages(image: Image.Image, name: str, note: Note | None) -> Iterator[Image.Image | InputError]:
    with image:
        with explained(name):
            count = getattr(image, "n_frames", 1) if image.format == "TIFF" else 1
            if note and image.format in ANIMATED and getattr(image, "is_animated", False):
                note(f"{name}: is an animation; its first picture is read.")
        for number in range(count):
            where = page_name(name, number + 1)
            try:
                with explained(where):
                    if number:
                        image.seek(number)
                    page = decoded(image, where, note)
            except InputError as error:
                yield error
                continue
            yield page


def open_picture(source: Path | bytes, name: str, note: Note | None = None) -> Image.Image:
    """Return one picture, decoded and upright; of several pages, the first; arguments as for `open_pages`.

    Raises:
        InputError: The file is missing, damaged, too large or no picture.
    """
    page = next(iter(open_pages(source, name, note)))
    if isinstance(page, InputError):
        raise page
    return page


def decoded(image: Image.Image, name: str, note: Note | None = None) -> Image.Image:
    """Return an opened picture with its pixels, turned as its EXIF data says.

    Args:
        image: The picture.
        name: What messages call it.
        note: Takes what is to be told of a picture that ends early; None refuses it.

    Raises:
        InputError: It has too many pixels.
    """
    if image.width * image.height > MAX_PIXELS:
        raise InputError(
            f"{name}: {image.width} x {image.height} pixels are too many; scale it down below {MAX_PIXELS:,}."
        )
    try:
        image.load()
    except Exception:
        rest = None if note is None else what_is_there(image)
        if note is None or rest is None:
            raise
        note(f"{name}: the picture is damaged or ends early; what is there of it is read.")
        image = rest
    return ImageOps.exif_transpose(image)


def what_is_there(image: Image.Image) -> Image.Image | None:
    """Return a picture that failed to load, with white paper for the rows that are missing; None where few are there.

    What Pillow has decoded before it fails stays in the picture, between rows of zeros. A JPEG is given its end marker,
    as without it the last rows are not decoded; grey is what the decoder then makes of what is missing.
    """
    missing, block = 0, 1
    try:
        if image.format in ("JPEG", "MPO"):
            missing, block = 128, BLOCK
            assert isinstance(image, ImageFile.ImageFile) and image.fp is not None
            image.fp.seek(0)
            image = Image.open(io.BytesIO(image.fp.read() + b"\xff\xd9"), formats=("JPEG",))
        else:
            image.tile = []  # type: ignore[attr-defined]
        image.load()
    except Exception:  # as in `explained`
        return None
    pixels = np.array(plain(image).convert("RGB"))
    empty = (np.asarray(image).reshape(*pixels.shape[:2], -1) == missing).all(2)
    there = np.flatnonzero(~empty.all(1))
    if len(there) < LEAST_ROWS * len(pixels):
        return None
    empty[there[0] : max(0, there[-1] + 1 - block)] = False  # the last block may be there in part
    pixels[empty] = 255
    result = Image.fromarray(pixels)
    result.info = {key: value for key, value in image.info.items() if key == "exif"}
    return result


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
        return Image.fromarray(stretched(np.asarray(image)))
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        coloured = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", coloured.size, "white"), coloured)
    return image


def stretched(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Return numbers of any range as eight bits, the smallest black and the largest white, but for a few outliers.

    What is no number is white.
    """
    values = values.astype(np.float32)
    known = values[np.isfinite(values)]
    if not known.size:
        return np.full(values.shape, 255, np.uint8)
    few = min(max(1, int(OUTLIERS * known.size)), known.size - 1)
    known = np.partition(known, [0, few, known.size - 1 - few, known.size - 1])
    low, high = known[few], known[-1 - few]
    if low >= high:  # on empty paper a dot is all there is
        low, high = known[0], known[-1]
    values = np.clip(np.nan_to_num(values, nan=high, posinf=high, neginf=low), low, high) - low
    return np.round(values * (255 / max(float(high) - float(low), 1e-30))).astype(np.uint8)


def page_name(file: str, number: int) -> str:
    """Return what messages call a page; the first one has the name of its file."""
    return f"{file}, page {number}" if number > 1 else file


@contextmanager
def explained(name: str, head: bytes = b"") -> Iterator[None]:
    """Turn what Pillow raises into one sentence.

    Args:
        name: What it calls the picture.
        head: How the file begins.
    """
    try:
        yield
    except UnidentifiedImageError as error:
        raise InputError(f"{name}: {what_else(head)}") from error
    except Image.DecompressionBombError as error:
        raise InputError(f"{name}: has too many pixels; scale it down below {MAX_PIXELS:,}.") from error
    except InputError:
        raise
    except Exception as error:  # Pillow raises anything on damaged files, and on what it has no conversion for
        raise InputError(f"{name}: the picture is damaged or truncated ({error}); save it again.") from error
