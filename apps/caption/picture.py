"""Picture files of any kind as square colour pixels."""

import math
import zlib
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from scriba.core.errors import InputError
from scriba.core.example import Example
from scriba.core.files import Note, converted, open_picture


def read_colours(source: Path | bytes, name: str, note: Note | None = None) -> Image.Image:
    """Read a picture of any mode as RGB on white, upright; of several pages, the first.

    Args:
        source: The file, or its bytes.
        name: What messages call it.
        note: Takes what is to be told of a picture that ends early, which is refused otherwise.

    Raises:
        InputError: The file is missing, damaged, too large or no picture.
    """
    return converted(open_picture(source, name, note), "RGB", name)


def read_pixels(example: Example, size: int, view: int = 0, note: Note | None = None) -> Tensor:
    """Return the picture of an example, scaled to a square without keeping its proportions, (size, size, 3), uint8.

    Args:
        example: The example.
        size: Pixels along each side.
        view: 0 is the whole picture, 1 its mirror image, any other one of many cuts, half of them mirrored.
        note: As for `read_colours`.

    Raises:
        InputError: The picture cannot be used.
    """
    source = example.source
    if not isinstance(source, Path | bytes):
        raise InputError(f"{example.name}: is no picture.")
    image = read_colours(source, example.name, note)
    box = cut(image, view) if view > 1 else None
    if image.size != (size, size) or box is not None:
        image = image.resize((size, size), Image.Resampling.BICUBIC, box, reducing_gap=2.0)
    if view % 2:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return torch.from_numpy(np.array(image))


def cut(image: Image.Image, view: int) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom of a cut of 60 to 100 % of a picture, drawn from its content and the view."""
    rng = np.random.default_rng([view, zlib.crc32(image.tobytes())])
    area, stretch = rng.uniform(0.6, 1.0), math.exp(rng.uniform(-0.2, 0.2))
    width = image.width * min(1.0, math.sqrt(area * stretch))
    height = image.height * min(1.0, math.sqrt(area / stretch))
    left, top = rng.uniform(0, image.width - width), rng.uniform(0, image.height - height)
    return left, top, left + width, top + height
