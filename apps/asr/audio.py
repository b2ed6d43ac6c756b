"""Reading audio: any format of libsndfile, any rate, any number of channels -> mono at one rate."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile
import torch
import torchaudio.functional as AF
from torch import Tensor

from scriba.core.errors import InputError, TooLong
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
    refuse_non_finite(values, name)
    mono = torch.from_numpy(values.mean(axis=1) if values.ndim == 2 else values)
    if file_rate != rate:
        mono = AF.resample(mono, file_rate, rate)
    return mono


def refuse_non_finite(values: np.ndarray, name: str) -> None:
    """Refuse samples that are no numbers.

    Raises:
        InputError: Some are not.
    """
    if not np.isfinite(values).all():
        raise InputError(f"{name}: has NaN or infinite samples; convert it again from its source.")


def _refuse_long(seconds: float, name: str, max_seconds: float) -> None:
    if seconds > max_seconds:
        raise TooLong(
            f"{name}: lasts {seconds:.0f} s, longer than {max_seconds:.0f} s; cut it at pauses, "
            "or raise --features.max_seconds if memory allows."
        )


def _decode(source: Path | bytes | Samples, name: str, max_seconds: float) -> tuple[np.ndarray, int]:
    if isinstance(source, Samples):
        return source.values, source.rate
    with open_audio(source, name) as file:
        if file.frames < UNKNOWN_SIZE:
            _refuse_long(file.frames / file.samplerate, name, max_seconds)
        values = file.read(dtype="float32")
        refuse_truncated(file, len(values), name)
        return values, file.samplerate


@contextmanager
def open_audio(source: Path | bytes, name: str) -> Iterator[soundfile.SoundFile]:
    """Open a file, or the bytes of one, for reading.

    Raises:
        InputError: It is missing, empty or no audio, here or while it is read.
    """
    if isinstance(source, Path):
        if not source.is_file():
            what = "is a folder, not an audio file" if source.is_dir() else "no such file"
            raise InputError(f"{name}: {what}; check the path.")
        if source.stat().st_size == 0:
            raise InputError(f"{name}: is empty (0 bytes); record or copy it again.")
    try:
        with soundfile.SoundFile(source if isinstance(source, Path) else io.BytesIO(source)) as file:
            yield file
    except soundfile.LibsndfileError as error:
        reason = f" ({error.error_string.rstrip('.')})" if error.error_string else ""
        raise InputError(
            f"{name}: cannot be read as audio{reason}; it is damaged, truncated or not wav, flac, ogg or mp3."
        ) from error


def refuse_truncated(file: soundfile.SoundFile, count: int, name: str) -> None:
    """Refuse a file of which fewer samples could be read than its header says.

    Raises:
        InputError: It is one.
    """
    if _cut_short(file.extra_info) or count < file.frames < UNKNOWN_SIZE:
        raise InputError(f"{name}: is truncated, its end is missing; copy it again.")


def _cut_short(info: str) -> bool:
    """Tell from libsndfile's notes whether a WAV file holds less than its header says.

    Writers that stream put a huge size there, which says nothing.
    """
    sizes = re.search(r"^data : (\d+) \(should be (\d+)\)", info, flags=re.MULTILINE)
    return sizes is not None and int(sizes[2]) < int(sizes[1]) < 0x7FFF0000
