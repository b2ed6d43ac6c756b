"""Reading audio: any format of libsndfile or FFmpeg, any rate, any number of channels -> mono at one rate.

Samples are counted, not told from headers: libsndfile reads what has each sample in its place (wav, flac, aiff, …),
FFmpeg what comes in packets (mp3, ogg, m4a, webm, wma, …), also where several files were put after each other.
"""

import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
import soundfile
import torch
import torchaudio.functional as AF
from av.container import InputContainer
from numpy.typing import NDArray
from torch import Tensor

from scriba.core.errors import InputError, TooLong
from scriba.core.example import Example, Samples
from scriba.core.files import opened

MIN_SECONDS = 0.05
RATES = (1000, 1_000_000)
"""Samples per second that a recording may have."""
BLOCK = 300.0
"""Seconds that are read at a time."""
MAX_BLOCK = 1 << 26
"""Samples of all channels that are read at a time at most."""
PARTS = 1000
"""Largest denominator of the ratio of two rates."""
IN_PACKETS = ("MP3", "OGG", "MPEG")
"""Formats whose samples libsndfile estimates, or reads in part."""
DEMUXERS = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,eac3,flac,flv,gsm,matroska,mov,mp3,mpeg,mpegts,nistsphere,ogg,tta,voc,w64,"
    "wav,wv"
)
"""What FFmpeg may take a file for: nothing that names other files or addresses."""
TOLD = ("ogg", "mov", "matroska")
"""Beginnings of the names of formats of packets that say how long they are."""
BROKEN = 0.1
"""Share of the packets that may be unreadable, as some are where files were put after each other."""
SHORT, END = 0.02, 0.1
"""Share of its length, and seconds, by which a file of packets may be shorter than it says."""

UNKNOWN_SIZE = 1 << 62
"""libsndfile gives a larger number of samples where it cannot know it."""

Waveform = NDArray[np.float32]
Block = tuple[Waveform, int]
"""Mono samples, and how many of them make a second."""


def read_waveform(example: Example, rate: int, max_seconds: float) -> Tensor:
    """Read an example's audio as mono float32 samples.

    Args:
        example: Its source is a file, the bytes of one, or samples.
        rate: Samples per second wanted; other rates are resampled.
        max_seconds: Longest audio that is accepted; of a longer file no more than the first minutes are decoded.

    Returns:
        Shape (samples,), nominally in [-1, 1].

    Raises:
        InputError: The audio is missing, damaged, empty, too short, too long or has non-finite samples.
    """
    name, parts, count, file_rate = example.name, list[Waveform](), 0, 1
    assert not isinstance(example.source, np.ndarray)
    for block, file_rate in read_blocks(example.source, name, max_seconds):
        refuse_non_finite(block, name)
        parts.append(block)
        count += len(block)
        if count > max_seconds * file_rate:
            refuse_long(None, name, max_seconds)
    if count < MIN_SECONDS * file_rate:
        raise InputError(f"{name}: lasts less than {1000 * MIN_SECONDS:.0f} ms; record it again.")
    return resample(torch.from_numpy(np.concatenate(parts)), file_rate, rate)


def resample(waveform: Tensor, old: int, new: int) -> Tensor:
    """Return samples at another rate; of two rates without a simple ratio, at one that is close.

    The filters of a ratio p/q have p q entries and more, so that 44099/16000 would take gigabytes. The nearest ratio
    of small numbers is off by less than a sample in a thousand, and mostly by far less.
    """
    ratio = Fraction(new, old).limit_denominator(PARTS)
    if ratio.numerator > PARTS:
        ratio = 1 / Fraction(old, new).limit_denominator(PARTS)
    return waveform if ratio == 1 else AF.resample(waveform, ratio.denominator, ratio.numerator)


def refuse_non_finite(values: Waveform, name: str) -> None:
    """Refuse samples that are no numbers.

    Raises:
        InputError: Some are not.
    """
    if not np.isfinite(values).all():
        raise InputError(f"{name}: has NaN or infinite samples; convert it again from its source.")


def refuse_long(seconds: float | None, name: str, max_seconds: float) -> None:
    """Refuse a recording that is longer than allowed; None is one of which no more is known.

    Raises:
        TooLong: It is.
    """
    if seconds is None or seconds > max_seconds:
        told = "lasts longer than" if seconds is None else f"lasts {seconds:.0f} s, longer than"
        raise TooLong(f"{name}: {told} the {max_seconds:g} s that the model takes at once; cut it at pauses.")


def read_blocks(source: Path | bytes | Samples, name: str, max_seconds: float = np.inf) -> Iterator[Block]:
    """Yield a recording as mono samples, block by block, all at one rate.

    Args:
        source: A file, the bytes of one, or samples.
        name: What messages call it.
        max_seconds: Longest that is accepted, where the header tells how long it is.

    Raises:
        InputError: The recording is missing, empty, damaged, too long or no audio.
    """
    if isinstance(source, Samples):
        if source.values.ndim not in (1, 2) or source.values.size == 0:
            raise InputError(f"{name}: has no samples; give them as (samples,) or (samples, channels).")
        refuse_rate(source.rate, name)
        yield _mono(source.values), int(source.rate)
        return
    count = 0
    with opened(source, name) as file:
        for block in _decoded(file, name, max_seconds):
            refuse_rate(block[1], name)
            count += len(block[0])
            yield block
    if not count:
        raise InputError(f"{name}: has no samples; record it again.")


def refuse_rate(rate: float, name: str) -> None:
    """Refuse a rate at which nothing is recorded.

    Raises:
        InputError: It is one.
    """
    if not RATES[0] <= rate <= RATES[1]:
        raise InputError(
            f"{name}: has {rate} samples a second, which no recording has; give one of {RATES[0]} to {RATES[1]}."
        )


def _mono(values: Waveform) -> Waveform:
    with np.errstate(all="ignore"):  # what is no number is refused later
        return values.mean(axis=1) if values.ndim == 2 else values


def _decoded(file: BinaryIO, name: str, max_seconds: float) -> Iterator[Block]:
    """Yield the blocks of a file by the library that can count its samples."""
    head = file.read(4)
    if not head:
        raise InputError(f"{name}: is empty (0 bytes); record or copy it again.")
    file.seek(0)
    if not (head.startswith((b"ID3", b"OggS")) or (head[0] == 0xFF and head[1:2] >= b"\xe0")):
        try:
            sound = soundfile.SoundFile(file)
        except (soundfile.LibsndfileError, TypeError):  # the second of what it takes for raw samples
            sound = None
        if sound is not None:
            with sound:
                if sound.format not in IN_PACKETS and not _unfinished(sound):
                    yield from _sampled(sound, name, max_seconds)
                    return
        file.seek(0)
    yield from _unpacked(file, name)


def _sampled(sound: soundfile.SoundFile, name: str, max_seconds: float) -> Iterator[Block]:
    """Yield the blocks of a file that says how many samples it has."""
    rate = sound.samplerate
    refuse_rate(rate, name)
    refuse_long(sound.frames / rate, name, max_seconds)
    count, size = 0, min(round(BLOCK * rate), MAX_BLOCK // sound.channels)
    try:
        while len(block := sound.read(size, dtype="float32")):
            count += len(block)
            yield _mono(block), rate
    except soundfile.LibsndfileError as error:
        raise InputError(
            f"{name}: is damaged or truncated ({error.error_string.rstrip('.')}); copy it again."
        ) from error
    if _cut_short(sound.extra_info) or count < sound.frames:
        raise InputError(f"{name}: is truncated, its end is missing; copy it again.")


def _unfinished(sound: soundfile.SoundFile) -> bool:
    """Tell whether a header was never filled in: it says nothing, or 0, as recorders leave it that stop all at once."""
    nothing = sound.frames == 0 and re.search(r"^data : 0\b", sound.extra_info, re.MULTILINE)
    return sound.frames >= UNKNOWN_SIZE or bool(nothing)


def _cut_short(info: str) -> bool:
    """Tell from libsndfile's notes whether a WAV file holds less than its header says.

    Writers that stream put a huge size there, which says nothing.
    """
    sizes = re.search(r"^data : (\d+) \(should be (\d+)\)", info, flags=re.MULTILINE)
    return sizes is not None and int(sizes[2]) < int(sizes[1]) < 0x7FFF0000


def _unpacked(file: BinaryIO, name: str) -> Iterator[Block]:
    """Yield the blocks of a file of packets."""
    count, rate, said = 0, 1, 0.0
    if _mp3_cut_short(file):
        raise InputError(f"{name}: is truncated, its end is missing; copy it again.")
    try:
        with av.open(file, "r", options={"format_whitelist": DEMUXERS, "protocol_whitelist": ""}) as container:
            if not container.streams.audio:
                raise InputError(f"{name}: holds no sound; name a recording.")
            if container.duration and container.format.name.startswith(TOLD):
                said = container.duration / av.time_base
            for block, rate in _frames(container, name):
                count += len(block)
                yield block, rate
    except (av.FFmpegError, ValueError, EOFError) as error:
        raise InputError(
            f"{name}: cannot be read as audio ({getattr(error, 'strerror', None) or error}); it is damaged, truncated "
            "or no recording; what plays elsewhere, `ffmpeg -i FILE new.wav` converts."
        ) from error
    if count < ((1 - SHORT) * said - END) * rate:
        raise InputError(f"{name}: is truncated, its end is missing; copy it again.")


def _mp3_cut_short(file: BinaryIO) -> bool:
    """Tell whether an mp3 holds less than its header says (a frame called Xing or Info, with its size in bytes)."""
    head = file.read(10)
    tag = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=False))
    begin = file.seek(tag if head.startswith(b"ID3") else 0)
    found = re.search(rb"(?:Xing|Info)...(.)(.{8})", file.read(200), re.DOTALL)
    there = file.seek(0, 2) - begin
    file.seek(0)
    if found is None or not found[1][0] & 2:
        return False
    said = found[2][4:] if found[1][0] & 1 else found[2][:4]
    return there < (1 - SHORT) * int.from_bytes(said, "big")


def _frames(container: InputContainer, name: str) -> Iterator[Block]:
    """Yield the blocks of the first sound of a container; packets that cannot be read are left out, if they are few."""
    rate, kind, parts, held, packets, broken = 0, None, list[Waveform](), 0, 0, 0
    for packet in container.demux(container.streams.audio[0]):
        packets += 1
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:
            broken += 1
            continue
        for frame in frames:
            assert isinstance(frame, av.AudioFrame)
            if kind != (kind := (frame.sample_rate, frame.format.name, frame.layout.name)):
                rate = rate or frame.sample_rate
                convert = av.AudioResampler("fltp", frame.layout, rate)
            for converted in convert.resample(frame):
                parts.append(_mono(converted.to_ndarray().T.astype(np.float32)))
                held += len(parts[-1])
        if parts and held >= BLOCK * rate:
            yield np.concatenate(parts), rate
            parts, held = [], 0
    if parts:
        yield np.concatenate(parts), rate
    if broken > max(2, BROKEN * packets):
        raise InputError(f"{name}: is damaged, {broken} of its {packets} packets cannot be read; copy it again.")
