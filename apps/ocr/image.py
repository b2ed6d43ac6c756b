"""Pictures of any kind as grey pixels."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from scriba.core.errors import InputError
from scriba.core.files import Note, converted, open_pages, open_picture, page_name
from scriba.ocr.stamps import without_stamps

Grey = NDArray[np.uint8]
"""Grey pixels (height, width), 0 black."""
BRIGHTNESS = np.array([0.299, 0.587, 0.114])
"""Shares of red, green and blue in grey (ITU-R BT.601, as Pillow takes them)."""
MIN_GAIN = 2.0
"""Times as much contrast as brightness has that another mixture of colours must have to be taken."""


def read_pages(source: Path | bytes, name: str, note: Note | None = None) -> Iterator[Grey | InputError]:
    """Yield the pages of a file, or why one cannot be read: every one of a TIFF or PDF, the first picture of all else.

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
    """Return the pixels of a picture of any mode as grey: brightness, or what else of its colours shows the print.

    Raises:
        InputError: They cannot be told.
    """
    image = on_paper(image)
    if image.mode in ("RGB", "P", "CMYK", "YCbCr", "HSV", "LAB"):
        colours = converted(image, "RGB", name)
        if (mixed := contrasting(np.asarray(colours))) is not None:
            return mixed
        return without_stamps(np.asarray(colours), np.asarray(converted(colours, "L", name)))
    return np.asarray(converted(image, "L", name))


def on_paper(image: Image.Image) -> Image.Image:
    """Put light print on a transparent ground on black; everything else is left to stand on white."""
    if image.mode not in ("RGBA", "LA", "PA") and "transparency" not in image.info:
        return image
    layers = np.asarray(image.convert("RGBA").reduce(2), np.float32)
    opaque = layers[..., 3] / 255
    if opaque.mean() > 0.5 or (layers[..., :3].mean(-1) * opaque).sum() < 160 * max(float(opaque.sum()), 1.0):
        return image
    coloured = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", coloured.size, "black"), coloured).convert("RGB")


def contrasting(colours: NDArray[np.uint8]) -> Grey | None:
    """Return the mixture of channels in which a picture varies most, where brightness shows less than half of that.

    Yellow print on white and red print on green of the same brightness are seen in it. The mixture is the first
    principal component of what differs from the surroundings.

    Args:
        colours: Pixels (height, width, 3).
    """
    step = max(1, round((colours.shape[0] * colours.shape[1] / 400_000) ** 0.5))
    some = colours[::step, ::step].astype(np.float32)
    fine = (some - ndimage.uniform_filter(some, (31, 31, 1), mode="nearest")).reshape(-1, 3)
    spread = fine.T @ fine / max(len(fine), 1)
    mixture = np.linalg.eigh(spread)[1][:, -1]
    mixture /= np.abs(mixture).sum()
    if mixture @ spread @ mixture < MIN_GAIN**2 * (BRIGHTNESS @ spread @ BRIGHTNESS) + 1:
        return None
    values = colours @ (mixture * (1 if mixture.sum() >= 0 else -1)).astype(np.float32)
    low, high = np.percentile(values[::step, ::step], (0.1, 99.9))
    return np.clip((values - low) * (255 / max(high - low, 1e-6)), 0, 255).astype(np.uint8)
