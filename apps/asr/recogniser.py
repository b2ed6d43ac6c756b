"""A loaded speech recogniser: recordings of any length to text."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scriba.asr.segments import UNCUT, Segment, SegmentConfig, cut, join, seconds_of
from scriba.core.errors import InputError
from scriba.core.example import Example, Samples, Source
from scriba.core.recogniser import Recogniser, Result
from scriba.core.search import Hypothesis, Method

LOOKAHEAD = 4
"""Batches that are read together: few, so that little of a long recording is held at a time."""


@dataclass
class _Recording:
    """A recording while its segments are recognised."""

    example: Example
    segments: list[Segment] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    extent: float = 0.0
    cut: bool = False
    error: InputError | None = None

    @property
    def complete(self) -> bool:
        """Whether all of its segments were recognised."""
        return self.cut and len(self.results) == len(self.segments)

    def result(self, method: Method) -> Result:
        """Return what its segments say together."""
        used = [(s, r) for s, r in zip(self.segments, self.results, strict=True) if r.error is None]
        hypotheses = [r.hypotheses[method] for _, r in used]
        error = self.error or next((r.error for r in self.results if r.error is not None), None)
        extent, seconds = max(self.extent, sum(r.extent for _, r in used)), sum(r.seconds for r in self.results)
        uncut = self.segments == [UNCUT] and bool(used)
        whole = hypotheses[0] if uncut else join([s for s, _ in used], hypotheses)
        return Result(self.example, extent, seconds, {method: whole}, error)


@dataclass(frozen=True)
class SpeechRecogniser:
    """Turns audio into text.

    Attributes:
        recogniser: The model.
        segments: Where long recordings are cut.
    """

    recogniser: Recogniser
    segments: SegmentConfig = field(default_factory=SegmentConfig)

    def transcribe(self, audio: str | Path | bytes | NDArray[np.float32], rate: int | None = None) -> Hypothesis:
        """Return the text of one recording of any length.

        Args:
            audio: A file, the bytes of one, or samples in [-1, 1], (samples,) or (samples, channels).
            rate: Samples per second, for samples.

        Raises:
            InputError: The audio cannot be used.
            ValueError: Samples came without a rate.
        """
        (result,) = self.transcribe_all([_example(audio, rate)], keep_attention=True)
        if result.error is not None:
            raise result.error
        return result.hypothesis

    def align(self, audio: str | Path | bytes | NDArray[np.float32], text: str, rate: int | None = None) -> Hypothesis:
        """Return a known text with the seconds at which its tokens and words are said.

        Args:
            audio: As for `transcribe`, but no longer than the model takes at once.
            text: What is said.
            rate: Samples per second, for samples.

        Raises:
            InputError: The audio cannot be used, or the text does not fit it.
            ValueError: Samples came without a rate.
        """
        return self.recogniser.align(_example(audio, rate, text))

    def transcribe_all(
        self, examples: Iterable[Example], *, batch_size: int = 16, keep_attention: bool = False
    ) -> Iterator[Result]:
        """Transcribe recordings; results come in their order, each when it is complete.

        A recording that cannot be read gives a result with its error, and the rest go on; so does one of which a part
        cannot be used, with the text of the other parts. Segments of many recordings share batches.

        Args:
            examples: Recordings.
            batch_size: Segments in a batch at most.
            keep_attention: Put attention weights into the hypotheses of recordings that were not cut.
        """
        begun: deque[_Recording] = deque()
        method = self.recogniser.decoding.method
        results = self.recogniser.run(
            self._segments(examples, begun),
            batch_size=batch_size,
            keep_attention=keep_attention,
            lookahead=LOOKAHEAD,
        )
        for result in results:
            result.example.extra["recording"].results.append(result)
            while begun and begun[0].complete:
                yield begun.popleft().result(method)
        yield from (recording.result(method) for recording in begun)

    def _segments(self, examples: Iterable[Example], begun: deque[_Recording]) -> Iterator[Example]:
        for example in examples:
            recording = _Recording(example)
            begun.append(recording)
            assert not isinstance(example.source, np.ndarray)
            try:
                recording.extent = seconds_of(example.source, example.name)
                for segment, samples in cut(example.source, example.name, self.segments):
                    recording.segments.append(segment)
                    yield replace(example, source=samples, extra={"recording": recording})
            except InputError as error:
                recording.error = error
            recording.cut = True


def _example(audio: str | Path | bytes | NDArray[np.float32], rate: int | None = None, text: str = "") -> Example:
    source: Source
    if isinstance(audio, np.ndarray):
        if rate is None:
            raise ValueError("samples need their rate: transcribe(samples, rate=16000)")
        source = Samples(audio.astype(np.float32), rate)
    else:
        source = audio if isinstance(audio, bytes) else Path(audio)
    return Example(str(audio) if isinstance(audio, str | Path) else "audio", source, text)
