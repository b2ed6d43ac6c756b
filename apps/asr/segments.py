"""Recordings of any length: cut at pauses into segments that a recogniser takes, and their results joined.

A recording is read in blocks, so that an hour of it needs no more memory than a few minutes. What is louder than a
threshold between the quiet and the loud parts of a block is speech; a pause ends a segment. Speech without a pause is
cut where it is quietest, and both sides hear some of what lies beyond the cut: a word counts for the side that its
middle lies in, so that none is doubled or lost.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scriba.asr.audio import UNKNOWN_SIZE, open_audio, refuse_non_finite, refuse_truncated
from scriba.core.example import Samples
from scriba.core.ranges import NotNegative, Positive
from scriba.core.search import Hypothesis, TextSpan

FRAME = 0.02
"""Seconds over which loudness is taken."""
BLOCK = 300.0
"""Seconds that are read at a time."""
RANGE = 50.0
"""Decibels below the loud parts at which everything counts as silence."""
LEVEL = 0.35
"""Place of the threshold between the quiet (0) and the loud parts (1)."""
EVEN = 10.0
"""Decibels between quiet and loud parts below which a block has no pauses."""
CLICK = 0.08
"""Seconds below which a sound between pauses is no speech."""
SILENCE = -80.0
"""Decibels of full scale below which nothing is speech."""

Waveform = NDArray[np.float32]


@dataclass(frozen=True)
class SegmentConfig:
    """Where long recordings are cut.

    Args:
        max_seconds: Longest segment; a recording that is no longer is one segment.
        min_pause: Seconds of silence that end a segment.
        padding: Seconds of silence that are kept around speech.
        overlap: Seconds beyond a cut without a pause that both sides hear.
    """

    max_seconds: Positive = 20.0
    min_pause: NotNegative = 0.8
    padding: NotNegative = 0.15
    overlap: NotNegative = 1.0


@dataclass(frozen=True)
class Segment:
    """A part of a recording.

    Attributes:
        start: Second of the recording at which that begins.
        own: From and to which second words count for this segment.
    """

    start: float
    own: tuple[float, float]


UNCUT = Segment(0.0, (0.0, np.inf))
"""A recording that is short enough to be taken as it is."""


def cut(source: Path | bytes | Samples, name: str, config: SegmentConfig) -> Iterator[tuple[Segment, Samples]]:
    """Yield the segments of a recording that hold speech, and what is heard in them; one that is short is one segment.

    Args:
        source: A file, the bytes of one, or samples.
        name: What messages call it.
        config: Where to cut.

    Raises:
        InputError: The audio is missing, damaged or empty.
    """
    begin, rest, rate = 0, np.zeros(0, np.float32), 1
    for block, rate, last in read_blocks(source, name):
        heard = np.concatenate([rest, block])
        if last and begin == 0 and len(heard) <= config.max_seconds * rate:
            yield UNCUT, Samples(heard, rate)
            return
        refuse_non_finite(block, name)
        spans = speech_spans(heard, rate, config)
        if not last and spans:  # the last may go on in the next block
            spans, open_from = spans[:-1], spans[-1][0]
        else:
            open_from = len(heard)
        for span in spans:
            yield from _pieces(heard, rate, begin, span, config)
        if not last and len(heard) - open_from > 2 * BLOCK * rate:  # no pause in two blocks
            yield from _pieces(heard, rate, begin, (open_from, len(heard)), config)
            open_from = len(heard)
        keep_from = max(0, open_from - round(config.padding * rate))
        keep_from -= keep_from % frame_size(rate)
        begin, rest = begin + keep_from, heard[keep_from:]


def read_blocks(source: Path | bytes | Samples, name: str) -> Iterator[tuple[Waveform, int, bool]]:
    """Yield mono samples, block by block, their rate, and whether it is the last block."""
    if isinstance(source, Samples):
        yield _mono(source.values), source.rate, True
        return
    with open_audio(source, name) as file:
        size = round(BLOCK * file.samplerate)
        block, count = _mono(file.read(size, dtype="float32")), 0
        while True:
            count += len(block)
            following = _mono(file.read(size, dtype="float32"))
            if not len(following):
                refuse_truncated(file, count, name)
            yield block, file.samplerate, not len(following)
            if not len(following):
                return
            block = following


def seconds_of(source: Path | bytes | Samples, name: str) -> float:
    """Return how long a recording is, as far as its header tells.

    Raises:
        InputError: It cannot be read.
    """
    if isinstance(source, Samples):
        return len(source.values) / source.rate
    with open_audio(source, name) as file:
        return file.frames / file.samplerate if file.frames < UNKNOWN_SIZE else 0.0


def _mono(values: NDArray[np.float32]) -> Waveform:
    return values.mean(axis=1) if values.ndim == 2 else values


def frame_size(rate: int) -> int:
    """Return the samples of a frame."""
    return max(1, round(FRAME * rate))


def loudness(waveform: Waveform, rate: int) -> NDArray[np.float64]:
    """Return the energy of each frame in decibels."""
    size = frame_size(rate)
    frames = np.resize(np.pad(waveform, (0, -len(waveform) % size)), (-(-len(waveform) // size), size))
    return 10 * np.log10(np.square(frames, dtype=np.float64).mean(axis=1) + 1e-12)


def speech_spans(waveform: Waveform, rate: int, config: SegmentConfig) -> list[tuple[int, int]]:
    """Return first and last sample of each stretch of speech between pauses."""
    energies = loudness(waveform, rate) if len(waveform) else np.full(1, SILENCE)
    quiet, loud = np.percentile(energies, [10, 95])
    quiet = max(quiet, loud - RANGE)
    threshold = quiet + LEVEL * (loud - quiet) if loud - quiet >= EVEN else -np.inf
    spoken = np.flatnonzero(energies > max(threshold, SILENCE))
    if not len(spoken):
        return []
    gaps = np.flatnonzero(np.diff(spoken) > max(1, round(config.min_pause / FRAME)))
    firsts, lasts = np.append(spoken[:1], spoken[gaps + 1]), np.append(spoken[gaps], spoken[-1:])
    size = frame_size(rate)
    spans = zip(firsts.tolist(), lasts.tolist(), strict=True)
    return [(a * size, min((b + 1) * size, len(waveform))) for a, b in spans if (b + 1 - a) * FRAME >= CLICK]


def _pieces(
    heard: Waveform, rate: int, begin: int, span: tuple[int, int], config: SegmentConfig
) -> Iterator[tuple[Segment, Samples]]:
    """Yield a stretch of speech as one segment, or as several cut where it is quietest."""
    padding, overlap, longest = (round(s * rate) for s in (config.padding, config.overlap, config.max_seconds))
    start, end = span
    left, own_from = max(0, start - padding), -np.inf
    while end - start > longest:
        place = start + longest // 2 + _quietest(heard[start + longest // 2 : start + longest], rate)
        right = min(place + overlap, len(heard))
        yield _segment(heard, rate, begin, (left, right), (own_from, (begin + place) / rate))
        left, own_from, start = max(0, place - overlap), (begin + place) / rate, place
    yield _segment(heard, rate, begin, (left, min(end + padding, len(heard))), (own_from, np.inf))


def _segment(
    heard: Waveform, rate: int, begin: int, part: tuple[int, int], own: tuple[float, float]
) -> tuple[Segment, Samples]:
    return Segment((begin + part[0]) / rate, own), Samples(heard[slice(*part)].copy(), rate)


def _quietest(waveform: Waveform, rate: int) -> int:
    """Return the sample in the middle of the quietest fifth of a second."""
    energies = loudness(waveform, rate)
    window = np.ones(min(len(energies), round(0.2 / FRAME)))
    smooth = np.convolve(energies, window, mode="same")
    return int((np.argmin(smooth) + 0.5) * FRAME * rate)


def join(segments: Sequence[Segment], hypotheses: Sequence[Hypothesis]) -> Hypothesis:
    """Return what the segments of one recording say together, in the recording's time."""
    tokens, words, scores = list[TextSpan](), list[TextSpan](), dict[str, float]()
    for segment, hypothesis in zip(segments, hypotheses, strict=True):
        mine = [_moved(word, segment.start) for word in hypothesis.words]
        mine = [word for word in mine if segment.own[0] <= middle(word) < segment.own[1]]
        first, last = (mine[0].start, mine[-1].end) if mine else (0.0, -1.0)
        if tokens and mine:
            tokens.append(TextSpan(" ", 1.0, tokens[-1].end, first))
        moved = [_moved(token, segment.start) for token in hypothesis.tokens]
        tokens += [t for t in moved if first <= middle(t) <= last and (t.text.strip() or t.end < last)]  # type: ignore[operator]
        words += mine
        for name, score in hypothesis.scores.items():
            scores[name] = scores.get(name, 0.0) + score
    text = " ".join(word.text for word in words)
    return Hypothesis(text, sum(h.score for h in hypotheses), scores, tuple(tokens), tuple(words))


def middle(unit: TextSpan) -> float:
    """Return the time in the middle of a word or token."""
    assert unit.start is not None and unit.end is not None
    return (unit.start + unit.end) / 2


def _moved(unit: TextSpan, by: float) -> TextSpan:
    assert unit.start is not None and unit.end is not None
    return replace(unit, start=unit.start + by, end=unit.end + by)
