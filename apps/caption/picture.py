"""Picture files of any kind as square colour pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from scriba.core.errors import InputError
from scriba.core.example import Example
from scriba.core.pictures import open_picture, plain


def read_colours(source: Path | bytes, name: str) -> Image.Image:
    """Read a picture of any mode as RGB on white, upright; of several pages, the first.

    Raises:
        InputError: The file is missing, damaged, too large or no picture.
    """
    return plain(open_picture(source, name)).convert("RGB")


def read_pixels(example: Example, size: int) -> Tensor:
    """Return the picture of an example, scaled to a square without keeping its proportions, (size, size, 3), uint8.

    Raises:
        InputError: The picture cannot be used.
    """
    source = example.source
    if not isinstance(source, Path | bytes):
        raise InputError(f"{example.name}: is no picture.")
    image = read_colours(source, example.name)
    if image.size != (size, size):
        image = image.resize((size, size), Image.Resampling.BICUBIC, reducing_gap=2.0)
    return torch.from_numpy(np.array(image))
