"""Recordings as the core sees them: log-mel features, augmented in training."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from scriba.asr.audio import read_waveform
from scriba.asr.features import AugmentConfig, FeatureConfig, frame_count, log_mel, mask_spectrum, perturb
from scriba.core.example import Example
from scriba.core.inputs import Draw


@dataclass(frozen=True)
class SpeechInputs:
    """The `Inputs` of speech recognition; lengths are seconds.

    Attributes:
        features: Log-mel features.
        augment: Augmentation of training audio.
    """

    features: FeatureConfig
    augment: AugmentConfig
    unit: ClassVar = "s"

    @property
    def frame_size(self) -> float:
        """Seconds from frame to frame."""
        return self.features.hop

    def measure(self, example: Example) -> int:
        """Decode the audio and return its number of frames."""
        return frame_count(len(self._waveform(example)), self.features)

    def prepare(self, example: Example, draw: Draw | None = None) -> Tensor:
        """Return normalised log-mel features (frames, bins), augmented if `draw` is given."""
        waveform = self._waveform(example)
        if draw is None or draw.epoch < self.augment.start_epoch:
            return log_mel(waveform, self.features)
        with torch.random.fork_rng(devices=[]):  # the stream that dropout uses stays as it is
            torch.manual_seed(draw.seed)
            waveform = perturb(waveform, self.augment, self.features.sample_rate)
            return mask_spectrum(log_mel(waveform, self.features), self.augment)

    def _waveform(self, example: Example) -> Tensor:
        return read_waveform(example, self.features.sample_rate, self.features.max_seconds)
