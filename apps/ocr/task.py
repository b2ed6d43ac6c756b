"""Text-line OCR as the core sees it: the config, the encoder and the preparation of line images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from scriba.core.config import RunConfig
from scriba.core.example import Example
from scriba.core.metrics import error_rates, right_characters
from scriba.core.reward import Judge
from scriba.core.task import Draw
from scriba.datasets.degrade import degrade
from scriba.ocr.encoder import SUBSAMPLING, EncoderConfig, LineEncoder
from scriba.ocr.image import Grey, read_grey
from scriba.ocr.line import LineConfig, prepare_line


@dataclass(frozen=True)
class AugmentConfig:
    """Augmentation of training lines: the degradations of `datasets/degrade.py`.

    Args:
        start_epoch: Epochs trained on plain lines first.
        amount: Factor on the probability of each degradation; 0 changes nothing.
    """

    start_epoch: int = 0
    amount: float = 0.4


@dataclass(frozen=True)
class OcrConfig(RunConfig):
    """A training run of a line recogniser.

    Args:
        line: Preparation of line images.
        augment: Augmentation of training lines.
        encoder: The line encoder.
    """

    line: LineConfig = field(default_factory=LineConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    encoder: EncoderConfig = field(default_factory=EncoderConfig)


class OcrTask:
    """The `Task` of line recognition. Lengths are columns of the prepared line.

    Args:
        config: The run's config.
    """

    name = "ocr"
    unit = "px"
    shown = ("cer", "wer")
    higher_is_better = False
    frame_size = 1.0
    position_size = float(SUBSAMPLING)

    def __init__(self, config: OcrConfig) -> None:
        self.config = config

    def build_encoder(self) -> LineEncoder:
        """Build the encoder, with fresh weights."""
        return LineEncoder(self.config.encoder, self.config.line.height)

    def measure(self, example: Example) -> int:
        """Read the picture and return the columns of the prepared line."""
        return len(self.prepare(example))

    def prepare(self, example: Example, draw: Draw | None = None) -> Tensor:
        """Return the ink of the line (columns, rows), degraded if `draw` is given."""
        if isinstance(example.source, np.ndarray):  # prepared before
            return torch.from_numpy(example.source)
        assert isinstance(example.source, Path | bytes)
        pixels = read_grey(example.source, example.name)
        if draw is not None and draw.epoch >= self.config.augment.start_epoch:
            pixels = self._degraded(pixels, draw)
        return torch.from_numpy(prepare_line(pixels, self.config.line, example.name).ink_WF)

    def score(self, references: Sequence[str | tuple[str, ...]], texts: Sequence[str]) -> Mapping[str, float]:
        """Return WER and CER in percent with their counts."""
        return error_rates([r if isinstance(r, str) else r[0] for r in references], texts)

    def judge(self, references: Sequence[tuple[str, ...]]) -> Judge:
        """Rate texts by the share of characters that are right."""
        return right_characters

    def _degraded(self, pixels: Grey, draw: Draw) -> Grey:
        rng = np.random.default_rng(draw.seed)
        degraded = np.asarray(degrade(Image.fromarray(pixels), rng, self.config.augment.amount))
        return degraded if np.ptp(degraded) > 60 else pixels
