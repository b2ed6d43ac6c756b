"""Log-mel features and their augmentation.

Shapes: T frames, F mel bins.
"""

from dataclasses import dataclass
from functools import cache
from typing import Annotated

import torch
import torchaudio.functional as AF
from torch import Tensor
from torchaudio.transforms import MelSpectrogram

from scriba.asr.audio import resample
from scriba.asr.segments import SegmentConfig, speech_spans
from scriba.core.ranges import NotNegative, Range, Share, Whole


@dataclass(frozen=True)
class FeatureConfig:
    """Log-mel features.

    Args:
        sample_rate: Samples per second; audio at other rates is resampled.
        mel_bins: Number of mel filters F.
        window: Length of a frame's window in seconds.
        hop: Seconds from frame to frame.
        max_seconds: Longest audio that is accepted.
    """

    sample_rate: Annotated[int, Range(1000, 192_000)] = 16000
    mel_bins: Annotated[int, Range(1, 1024)] = 80
    window: Annotated[float, Range(0.001, 0.5)] = 0.025
    hop: Annotated[float, Range(0.001, 1)] = 0.01
    max_seconds: Annotated[float, Range(0, 36_000, above=True)] = 60.0


@dataclass(frozen=True)
class AugmentConfig:
    """Augmentation of training audio: speed perturbation (Ko et al. 2015) and SpecAugment (Park et al. 2019).

    Args:
        start_epoch: Epochs trained on plain audio first.
        speeds: Speed factors, one is drawn for each example; pitch changes with speed.
        edges: Largest stretch of near silence, in seconds, that is put at each end; what is silent there may be cut off
            instead, so that it does not matter how tightly a recording was cut; 0 leaves the ends.
        noise: Largest level of added white noise relative to the audio (standard deviations), drawn log-uniformly
            down to a hundredth of it; 0 adds none.
        frequency_masks: Number of masked bands of mel bins.
        frequency_width: Largest width of a band in mel bins.
        time_masks: Number of masked stretches of time.
        time_width: Largest length of a stretch in frames.
        time_share: Largest share of an utterance that one stretch may cover.
    """

    start_epoch: Whole = 0
    speeds: tuple[Annotated[float, Range(0.1, 10)], ...] = (0.9, 1.0, 1.1)
    edges: Annotated[float, Range(0, 60)] = 0.0
    noise: NotNegative = 0.0
    frequency_masks: Whole = 2
    frequency_width: Whole = 20
    time_masks: Whole = 2
    time_width: Whole = 30
    time_share: Share = 0.15


@cache
def _mel(config: FeatureConfig) -> MelSpectrogram:
    window = round(config.window * config.sample_rate)
    fft_size = 1 << (window - 1).bit_length()
    return MelSpectrogram(
        config.sample_rate,
        n_fft=max(fft_size, 512),
        win_length=window,
        hop_length=round(config.hop * config.sample_rate),
        n_mels=config.mel_bins,
        f_min=20.0,
        norm="slaney",
        mel_scale="slaney",
    )


def frame_count(samples: int, config: FeatureConfig) -> int:
    """Return T for that many samples."""
    return samples // round(config.hop * config.sample_rate) + 1


@torch.no_grad()
def log_mel(waveform: Tensor, config: FeatureConfig) -> Tensor:
    """Return log-mel features (T, F), each bin normalised to mean 0 and variance 1 over the utterance.

    Args:
        waveform: Mono samples at `config.sample_rate`.
        config: Sizes.
    """
    mel = _mel(config)
    if len(waveform) <= mel.n_fft // 2:  # the transform reflects half a window at both ends
        waveform = torch.nn.functional.pad(waveform, (0, mel.n_fft // 2 + 1 - len(waveform)))
    peak = waveform.abs().max().clamp_min(1e-5)  # recordings at any level see the same floor
    features_TF = mel(waveform / peak).clamp_min(1e-8).log().T
    variance_F, mean_F = torch.var_mean(features_TF, dim=0, correction=0)
    return (features_TF - mean_F) / (variance_F + 1e-2).sqrt()


@torch.no_grad()
def perturb(waveform: Tensor, config: AugmentConfig, rate: int) -> Tensor:
    """Change speed and ends and add noise, drawn from torch's generator."""
    speed = config.speeds[int(torch.randint(len(config.speeds), ()))]
    if speed != 1.0:
        waveform = resample(waveform, round(rate * speed), rate)
    if config.edges > 0:
        waveform = vary_edges(waveform, config.edges, rate)
    if config.noise > 0:
        level = config.noise * 10 ** (-2 * torch.rand(()))
        waveform = waveform + level * waveform.std() * torch.randn(len(waveform))
    return waveform


def vary_edges(waveform: Tensor, most: float, rate: int) -> Tensor:
    """Return the waveform with other ends: from all of its silence there cut off to so many seconds of it added.

    What is added is noise of a level between that of a quiet room and nothing.
    """
    spans = speech_spans(waveform.numpy(), rate, SegmentConfig())
    first, last = (spans[0][0], spans[-1][1]) if spans else (0, len(waveform))
    added = round(most * rate)
    start = first - int(torch.randint(first + added + 1, ()))
    end = last + int(torch.randint(len(waveform) - last + added + 1, ()))
    level = float(waveform.abs().max()) * 10 ** (-2.5 - 2.5 * float(torch.rand(())))
    before, after = (level * torch.randn(max(0, n)) for n in (-start, end - len(waveform)))
    return torch.cat([before, waveform[max(0, start) : end], after])


@torch.no_grad()
def mask_spectrum(features_TF: Tensor, config: AugmentConfig) -> Tensor:
    """Mask bands and stretches with 0, the mean of normalised features (SpecAugment)."""
    masked = features_TF[None]
    for _ in range(config.frequency_masks):
        masked = AF.mask_along_axis(masked, config.frequency_width, 0.0, axis=2)
    for _ in range(config.time_masks):
        masked = AF.mask_along_axis(masked, config.time_width, 0.0, axis=1, p=config.time_share)
    return masked[0]
