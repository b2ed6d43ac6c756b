"""Reading audio: any format of libsndfile, any rate, any number of channels -> mono at one rate."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import soundfile
import torch
import torchaudio.functional as AF
from torch import Tensor

from scriba.core.errors import InputError
from scriba.core.example import Example, Samples

MIN_SECONDS = 0.05
UNKNOWN_SIZE = 1 << 62
"""libsndfile gives a larger number of frames where it cannot know it."""


def read_waveform(example: Example, rate: int, max_seconds: float) -> Tensor:
    """Read an example's audio as mono float32 samples.

    Args:
        example: Its source is a file, the bytes of one, or samples.
        rate: Samples per second wanted; other rates are resampled.
        max_seconds: Longest audio that is accepted; a longer file is refused before it is decoded.

    Returns:
        Shape (samples,), nominally in [-1, 1].

    Raises:
        InputError: The audio is missing, damaged, empty, too short, too long or has non-finite samples.
    """
    name = example.name
    assert not isinstance(example.source, np.ndarray)
    values, file_rate = _decode(example.source, name, max_seconds)
    if len(values) == 0:
        raise InputError(f"{name}: has no samples; record it again.")
    _refuse_long(len(values) / file_rate, name, max_seconds)
    if len(values) < MIN_SECONDS * file_rate:
        raise InputError(f"{name}: lasts less than {1000 * MIN_SECONDS:.0f} ms; record it again.")
    if not np.isfinite(values).all():
        raise InputError(f"{name}: has NaN or infinite samples; convert it again from its source.")
    mono = torch.from_numpy(values.mean(axis=1) if values.ndim == 2 else values)
    if file_rate != rate:
        mono = AF.resample(mono, file_rate, rate)
    return mono


def _refuse_long(seconds: float, name: str, max_seconds: float) -> None:
    if seconds > max_seconds:
        raise InputError(
            f"{name}: lasts {seconds:.0f} s, longer than {max_seconds:.0f} s; cut it at pauses, "
            "or raise --max_seconds if memory allows."
        )


def _decode(source: Path | bytes | Samples, name: str, max_seconds: float) -> tuple[np.ndarray, int]:
    if isinstance(source, Samples):
        return source.values, source.rate
    if isinstance(source, Path):
        if not source.is_file():
            what = "is a folder, not an audio file" if source.is_dir() else "no such file"
            raise InputError(f"{name}: {what}; check the path.")
        if source.stat().st_size == 0:
            raise InputError(f"{name}: is empty (0 bytes); record or copy it again.")
    try:
        with soundfile.SoundFile(source if isinstance(source, Path) else io.BytesIO(source)) as file:
            if file.frames < UNKNOWN_SIZE:
                _refuse_long(file.frames / file.samplerate, name, max_seconds)
            values = file.read(dtype="float32")
            if _cut_short(file.extra_info) or len(values) < file.frames < UNKNOWN_SIZE:
                raise InputError(f"{name}: is truncated, its end is missing; copy it again.")
            return values, file.samplerate
    except soundfile.LibsndfileError as error:
        reason = f" ({error.error_string.rstrip('.')})" if error.error_string else ""
        raise InputError(
            f"{name}: cannot be read as audio{reason}; it is damaged, truncated or not wav, flac, ogg or mp3."
        ) from error


def _cut_short(info: str) -> bool:
    """Tell from libsndfile's notes whether a WAV file holds less than its header says.

    Writers that stream put a huge size there, which says nothing.
    """
    sizes = re.search(r"^data : (\d+) \(should be (\d+)\)", info, flags=re.MULTILINE)
    return sizes is not None and int(sizes[2]) < int(sizes[1]) < 0x7FFF0000
