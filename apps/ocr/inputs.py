"""Line images as the core sees them: ink, degraded in training."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from scriba.core.example import Example
from scriba.core.inputs import Draw
from scriba.core.ranges import NotNegative, Whole
from scriba.datasets.degrade import degrade
from scriba.ocr.image import Grey, read_grey
from scriba.ocr.line import LineConfig, prepare_line

CONTRAST = 60
"""Least range of greys of a degraded line; what is paler is taken as it was."""


@dataclass(frozen=True)
class AugmentConfig:
    """Augmentation of training lines: the degradations of `datasets/degrade.py`.

    Args:
        start_epoch: Epochs trained on plain lines first.
        amount: Factor on the probability of each degradation; 0 changes nothing.
    """

    start_epoch: Whole = 0
    amount: NotNegative = 0.4


@dataclass(frozen=True)
class LineInputs:
    """The `Inputs` of line recognition; lengths are columns of the prepared line.

    Attributes:
        line: Preparation of line images.
        augment: Augmentation of training lines.
    """

    line: LineConfig
    augment: AugmentConfig
    unit: ClassVar = "px"
    frame_size: ClassVar = 1.0

    def measure(self, example: Example) -> int:
        """Read the picture and return the columns of the prepared line."""
        return len(self.prepare(example))

    def prepare(self, example: Example, draw: Draw | None = None) -> Tensor:
        """Return the ink of the line (columns, rows), degraded if `draw` is given."""
        if isinstance(example.source, np.ndarray):  # prepared before
            return torch.from_numpy(example.source)
        assert isinstance(example.source, Path | bytes)
        pixels = read_grey(example.source, example.name)
        if draw is not None and draw.epoch >= self.augment.start_epoch:
            pixels = self._degraded(pixels, draw)
        return torch.from_numpy(prepare_line(pixels, self.line, example.name).ink_WF)

    def _degraded(self, pixels: Grey, draw: Draw) -> Grey:
        rng = np.random.default_rng(draw.seed)
        degraded = np.asarray(degrade(Image.fromarray(pixels), rng, self.augment.amount))
        return degraded if np.ptp(degraded) > CONTRAST else pixels
