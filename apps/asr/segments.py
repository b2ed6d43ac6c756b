"""Recordings of any length: cut at pauses into segments that a recogniser takes, and their results joined.

A recording is read in blocks, so that an hour of it needs no more memory than a few minutes. What is louder than a
threshold between the quiet and the loud parts of a block is speech, and so is, of what that leaves out, what is louder
than such a threshold of its own: someone further away. A pause ends a segment. Speech without a pause is cut where it
is quietest, and both sides hear some of what lies beyond the cut: a word, or a token of what is not written in words,
counts for the side that its middle lies in, so that none is doubled or lost.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scriba.asr.audio import BLOCK, MIN_SECONDS, Block, Waveform, read_blocks, refuse_non_finite
from scriba.core.errors import UsageError
from scriba.core.example import Samples
from scriba.core.ranges import NotNegative, Positive
from scriba.core.search import Hypothesis, TextSpan, geometric_mean

FRAME = 0.02
"""Seconds over which loudness is taken."""
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
CONTRAST = 22.0
"""Decibels by which quieter speech stands out in a pause."""
UTTERANCE = 0.2
"""Seconds of it that have to be there."""
WORD = 2.0
"""Seconds above which what has no space inside is not one word."""
MOMENT = 0.01
"""Seconds that a word or token takes at least."""


@dataclass(frozen=True)
class SegmentConfig:
    """Where long recordings are cut.

    Args:
        max_seconds: Longest segment; a recording that is no longer is one segment. By default no longer than the model
            takes at once.
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


def check_segments(config: SegmentConfig, most: float) -> None:
    """Refuse segments that are longer than the model takes at once, in seconds.

    Raises:
        UsageError: They are.
    """
    if most < config.max_seconds != SegmentConfig.max_seconds:
        raise UsageError(
            f"--segments.max_seconds {config.max_seconds:g}: the model takes {most:g} s at once; give {most:g} or less."
        )


def cut(
    source: Path | bytes | Samples,
    name: str,
    config: SegmentConfig,
    most: float = np.inf,
    told: Callable[[float], None] = lambda seconds: None,
) -> Iterator[tuple[Segment, Samples]]:
    """Yield the segments of a recording that hold speech, and what is heard in them; one that is short is one segment.

    Args:
        source: A file, the bytes of one, or samples; it is opened once.
        name: What messages call it.
        config: Where to cut.
        most: Seconds that a segment may last with what it hears beyond its cuts.
        told: Is told of the seconds of each block as it is read.

    Raises:
        InputError: The audio is missing, damaged or empty.
    """
    begin, rest, rate = 0, np.zeros(0, np.float32), 1
    beyond = min(max(config.overlap, config.padding), most / 4)
    pieces = replace(
        config,
        max_seconds=min(config.max_seconds, most - 2 * beyond),
        padding=min(config.padding, beyond),
        overlap=min(config.overlap, beyond),
    )
    for (block, rate), last in with_last(read_blocks(source, name)):
        told(len(block) / rate)
        refuse_non_finite(block, name)
        heard = np.concatenate([rest, block])
        if last and begin == 0 and len(heard) <= min(config.max_seconds, most) * rate:
            if len(heard) < MIN_SECONDS * rate or audible(heard, rate):
                yield UNCUT, Samples(heard, rate)
            return
        spans = speech_spans(heard, rate, config)
        if not last and spans:  # the last may go on in the next block
            spans, open_from = spans[:-1], spans[-1][0]
        else:
            open_from = len(heard)
        for span in spans:
            yield from _pieces(heard, rate, begin, span, pieces)
        if not last and len(heard) - open_from > 2 * BLOCK * rate:  # no pause in two blocks
            yield from _pieces(heard, rate, begin, (open_from, len(heard)), pieces)
            open_from = len(heard)
        keep_from = max(0, open_from - round(config.padding * rate))
        keep_from -= keep_from % frame_size(rate)
        begin, rest = begin + keep_from, heard[keep_from:]


def with_last(blocks: Iterator[Block]) -> Iterator[tuple[Block, bool]]:
    """Yield blocks, each with whether it is the last."""
    block = next(blocks)
    for following in blocks:
        yield block, False
        block = following
    yield block, True


def frame_size(rate: int) -> int:
    """Return the samples of a frame."""
    return max(1, round(FRAME * rate))


def loudness(waveform: Waveform, rate: int) -> NDArray[np.float64]:
    """Return the energy of each frame in decibels, without the offset that some sound cards add."""
    size = frame_size(rate)
    frames = np.pad(waveform, (0, -len(waveform) % size), "edge").reshape(-1, size)
    return 10 * np.log10(frames.var(axis=1, dtype=np.float64) + 1e-12)


def audible(waveform: Waveform, rate: int) -> bool:
    """Tell whether a recording holds more than silence and a click."""
    energies = loudness(waveform, rate)
    return int(np.count_nonzero(energies > SILENCE)) >= min(len(energies), round(CLICK / FRAME))


def speech_spans(waveform: Waveform, rate: int, config: SegmentConfig) -> list[tuple[int, int]]:
    """Return first and last sample of each stretch of speech between pauses."""
    energies = loudness(waveform, rate) if len(waveform) else np.full(1, SILENCE)
    quiet, loud = np.percentile(energies, [10, 95])
    quiet = max(quiet, loud - RANGE)
    threshold = quiet + LEVEL * (loud - quiet) if loud - quiet >= EVEN else -np.inf
    spoken = energies > max(threshold, SILENCE)
    margin = round(config.padding / FRAME)  # the ends of a pause are heard with the speech around it
    stretches = _stretches(spoken, config)
    for first, last in zip([0, *(b + 1 for _, b in stretches)], [*(a for a, _ in stretches), len(spoken)], strict=True):
        pause = slice(first + margin, max(first, last - margin))
        spoken[pause] = energies[pause] > max(_threshold_in_pause(energies[pause]), SILENCE)
    size = frame_size(rate)
    found = _stretches(spoken, config)
    return [(a * size, min((b + 1) * size, len(waveform))) for a, b in found if (b + 1 - a) * FRAME >= CLICK]


def _stretches(spoken: NDArray[np.bool_], config: SegmentConfig) -> list[tuple[int, int]]:
    """Return first and last frame of each stretch of speech between pauses."""
    frames = np.flatnonzero(spoken)
    gaps = np.flatnonzero(np.diff(frames) > max(1, round(config.min_pause / FRAME)))
    firsts, lasts = np.append(frames[:1], frames[gaps + 1]), np.append(frames[gaps], frames[-1:])
    return list(zip(firsts.tolist(), lasts.tolist(), strict=True))


def _threshold_in_pause(energies: NDArray[np.float64]) -> float:
    """Return what quiet speech in a pause is louder than; infinity where none stands out from the noise."""
    count = round(UTTERANCE / FRAME)
    if len(energies) <= count:
        return np.inf
    ordered = np.sort(energies)
    quiet, loud = max(ordered[len(ordered) // 10], SILENCE), ordered[-count]
    return float(quiet + LEVEL * (loud - quiet)) if loud - quiet >= CONTRAST else np.inf


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


def join(segments: Sequence[Segment], hypotheses: Sequence[Hypothesis], space: str = " ") -> Hypothesis:
    """Return what the segments of one recording say together, in the recording's time, without alternatives.

    Args:
        segments: The segments.
        hypotheses: What each says, in its own time.
        space: What stands between words: nothing where texts have no spaces.
    """
    tokens, words, scores, text = list[TextSpan](), list[TextSpan](), dict[str, float](), ""
    said, unfinished = list[TextSpan](), False  # the tokens of the last word, and whether the cut goes through it
    for segment, hypothesis in zip(segments, hypotheses, strict=True):
        begins, unfinished_before, unfinished = True, unfinished, False
        for word, parts in with_tokens(hypothesis.words, hypothesis.tokens):
            lead = [_moved(part, segment.start) for part in parts if not part.text.strip()]
            units = parts[len(lead) :] if parts and (not space or _length(word) > WORD) else [word]
            mine = [unit for unit in units if segment.own[0] <= segment.start + middle(unit) < segment.own[1]]
            if not mine:
                continue
            goes_on = begins and unfinished_before and mine[0] is not units[0]
            kept = [_moved(part, segment.start) for part in (parts[len(lead) :] if mine == [word] else mine)]
            if not begins:
                tokens += lead
            elif tokens and kept and not goes_on and space and not kept[0].text[:1].isspace():
                tokens.append(TextSpan(space, 1.0, tokens[-1].end, kept[0].start))
            tokens += kept
            said = said + kept if goes_on else kept
            whole = _moved(word, segment.start) if len(mine) == len(units) and not goes_on else _word(said)
            words[-1:] = [whole] if goes_on else [*words[-1:], whole]
            begins, unfinished = False, mine[-1] is not units[-1]
        for name, score in hypothesis.scores.items():
            scores[name] = scores.get(name, 0.0) + score
    text, rank = space.join(word.text for word in words), sum(h.score for h in hypotheses)
    return Hypothesis(text, rank, scores, tuple(tokens), tuple(words), agreement=_agreement(hypotheses))


def _agreement(hypotheses: Sequence[Hypothesis]) -> float | None:
    """Return the mean agreement of hypotheses by their numbers of tokens, ends included."""
    values = [h.agreement for h in hypotheses if h.agreement is not None]
    counts = [len(h.tokens) + 1 for h in hypotheses if h.agreement is not None]
    return float(np.average(values, weights=counts)) if values else None


def with_tokens(words: Sequence[TextSpan], tokens: Sequence[TextSpan]) -> Iterator[tuple[TextSpan, list[TextSpan]]]:
    """Yield the words of a hypothesis, each with its tokens and those of the space before it."""
    rest = deque(tokens)
    for word in words:
        mine, said = list[TextSpan](), ""
        while rest and len(said.strip()) < len(word.text):
            mine.append(rest.popleft())
            said += mine[-1].text
        yield word, mine


def placed(hypothesis: Hypothesis, seconds: float) -> Hypothesis:
    """Return a hypothesis whose tokens and words follow one another within so many seconds of recording."""
    tokens = in_order(hypothesis.tokens, seconds)
    if tokens != hypothesis.tokens:
        pairs = with_tokens(hypothesis.words, tokens)
        spoken = [(word, [part for part in parts if part.text.strip()]) for word, parts in pairs]
        words = tuple(replace(word, start=p[0].start, end=p[-1].end) if p else word for word, p in spoken)
        hypothesis = replace(hypothesis, tokens=tokens, words=words)
    others = tuple(placed(other, seconds) for other in hypothesis.alternatives)
    return replace(hypothesis, words=in_order(hypothesis.words, seconds), alternatives=others)


def in_order(units: Sequence[TextSpan], seconds: float = np.inf) -> tuple[TextSpan, ...]:
    """Return words or tokens with times that do not go back, between 0 and so many seconds; each takes some time.

    Where attention jumped back, times move by as little as puts them in order; all others stay what they are.
    """
    if not units or any(unit.start is None or unit.end is None for unit in units):
        return tuple(units)
    starts = _ascending(np.array([unit.start for unit in units]))
    ends = _ascending(np.array([unit.end for unit in units]))
    starts = starts.clip(0.0, max(0.0, seconds - MOMENT))
    ends = np.maximum(ends.clip(max=max(seconds, MOMENT)), starts + MOMENT)
    places = zip(units, starts.tolist(), ends.tolist(), strict=True)
    return tuple(replace(unit, start=start, end=end) for unit, start, end in places)


def _ascending(times: NDArray[np.float64]) -> NDArray[np.float64]:
    return (np.maximum.accumulate(times) + np.minimum.accumulate(times[::-1])[::-1]) / 2


def middle(unit: TextSpan) -> float:
    """Return the time in the middle of a word or token."""
    return _length(unit) / 2 + (unit.start or 0.0)


def _length(unit: TextSpan) -> float:
    assert unit.start is not None and unit.end is not None
    return unit.end - unit.start


def _word(tokens: Sequence[TextSpan]) -> TextSpan:
    """Return the word that tokens are, as sure as the geometric mean of them."""
    text = "".join(token.text for token in tokens).strip()
    return TextSpan(text, geometric_mean([token.confidence for token in tokens]), tokens[0].start, tokens[-1].end)


def _moved(unit: TextSpan, by: float) -> TextSpan:
    assert unit.start is not None and unit.end is not None
    return replace(unit, start=unit.start + by, end=unit.end + by)
