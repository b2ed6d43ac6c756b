"""Speech recognition as the core sees it: the config, the encoder and the preparation of audio."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from scriba.asr.audio import read_waveform
from scriba.asr.encoder import SUBSAMPLING, EncoderConfig, SpeechEncoder
from scriba.asr.features import AugmentConfig, FeatureConfig, frame_count, log_mel, mask_spectrum, perturb
from scriba.core.config import RunConfig
from scriba.core.example import Example
from scriba.core.metrics import error_rates, right_characters
from scriba.core.reward import Judge
from scriba.core.task import Draw


@dataclass(frozen=True)
class AsrConfig(RunConfig):
    """A training run of a speech recogniser.

    Args:
        features: Log-mel features.
        augment: Augmentation of training audio.
        encoder: The speech encoder.
    """

    features: FeatureConfig = field(default_factory=FeatureConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    encoder: EncoderConfig = field(default_factory=EncoderConfig)


class AsrTask:
    """The `Task` of speech recognition.

    Args:
        config: The run's config.
    """

    name = "asr"
    unit = "s"
    shown = ("cer", "wer")
    higher_is_better = False

    def __init__(self, config: AsrConfig) -> None:
        self.config = config
        self.frame_size = config.features.hop
        self.position_size = config.features.hop * SUBSAMPLING

    def build_encoder(self) -> SpeechEncoder:
        """Build the encoder, with fresh weights."""
        return SpeechEncoder(self.config.encoder, self.config.features.mel_bins)

    def measure(self, example: Example) -> int:
        """Decode the audio and return its number of frames."""
        return frame_count(len(self._waveform(example)), self.config.features)

    def prepare(self, example: Example, draw: Draw | None = None) -> Tensor:
        """Return normalised log-mel features (frames, bins), augmented if `draw` is given."""
        waveform = self._waveform(example)
        if draw is None or draw.epoch < self.config.augment.start_epoch:
            return log_mel(waveform, self.config.features)
        with torch.random.fork_rng(devices=[]):  # the stream that dropout uses stays as it is
            torch.manual_seed(draw.seed)
            waveform = perturb(waveform, self.config.augment, self.config.features.sample_rate)
            return mask_spectrum(log_mel(waveform, self.config.features), self.config.augment)

    def score(self, references: Sequence[str | tuple[str, ...]], texts: Sequence[str]) -> Mapping[str, float]:
        """Return WER and CER in percent with their counts."""
        return error_rates([r if isinstance(r, str) else r[0] for r in references], texts)

    def judge(self, references: Sequence[tuple[str, ...]]) -> Judge:
        """Rate texts by the share of characters that are right."""
        return right_characters

    def _waveform(self, example: Example) -> Tensor:
        features = self.config.features
        return read_waveform(example, features.sample_rate, features.max_seconds)
