"""A loaded speech recogniser: recordings of any length to text."""

import os
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray

from scriba.asr.audio import Waveform, read_waveform
from scriba.asr.features import FeatureConfig
from scriba.asr.inputs import SpeechInputs
from scriba.asr.segments import UNCUT, Segment, SegmentConfig, check_segments, cut, join, placed
from scriba.core.errors import InputError
from scriba.core.example import Example, Samples, Source
from scriba.core.recogniser import Recogniser, Result
from scriba.core.search import Hypothesis, Method

Audio = (
    str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO | NDArray[Any] | torch.Tensor | Sequence[float]
)
"""A recording, as Python callers have it: a file, its bytes, a file that is open for reading bytes, or samples."""
FULL_SCALE = {"i2": 1 << 15, "i4": 1 << 31, "u1": 1 << 7}
"""What 1.0 is in whole numbers of two, four and one bytes; the last lie around it."""
CHANNELS = 32
"""Most channels that samples may have."""
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

    def told(self, seconds: float) -> None:
        """Count what was read."""
        self.extent += seconds

    def result(self, method: Method, space: str) -> Result:
        """Return what its segments say together, with that between words."""
        used = [(s, r) for s, r in zip(self.segments, self.results, strict=True) if r.error is None]
        hypotheses = [r.hypotheses[method] for _, r in used]
        error = self.error or next((r.error for r in self.results if r.error is not None), None)
        uncut = self.segments == [UNCUT] and bool(used)
        whole = hypotheses[0] if uncut else join([s for s, _ in used], hypotheses, space)
        extent, seconds = used[0][1].extent if uncut else self.extent, sum(r.seconds for r in self.results)
        return Result(self.example, extent, seconds, {method: placed(whole, self.extent)}, error)


@dataclass(frozen=True)
class SpeechRecogniser:
    """Turns audio into text.

    Attributes:
        recogniser: The model.
        segments: Where long recordings are cut.

    Raises:
        UsageError: Segments would be longer than the model takes at once.
    """

    recogniser: Recogniser
    segments: SegmentConfig = field(default_factory=SegmentConfig)

    def __post_init__(self) -> None:
        check_segments(self.segments, self.features.max_seconds)

    @property
    def features(self) -> FeatureConfig:
        """What the model hears."""
        inputs = self.recogniser.inputs
        assert isinstance(inputs, SpeechInputs)
        return inputs.features

    @property
    def space(self) -> str:
        """What stands between words: nothing if no token of the model begins one."""
        tokenizer = self.recogniser.tokenizer
        return " " if any(tokenizer.piece(i)[:1].isspace() for i in range(len(tokenizer))) else ""

    def transcribe(self, audio: Audio, rate: int | None = None) -> Hypothesis:
        """Return the text of one recording of any length; one that was cut has no alternatives.

        Args:
            audio: A file, the bytes of one, one that is open, or samples (samples,) or (samples, channels), of which
                the smaller is the channels, 32 at most: floats in [-1, 1], or int16, int32 or uint8 as in WAV files.
            rate: Samples per second, for samples.

        Raises:
            InputError: The audio cannot be used.
            TypeError: It is nothing of these.
            ValueError: Samples came without a rate or in an impossible shape.
        """
        (result,) = self.transcribe_all([_example(audio, rate)], keep_attention=True)
        if result.error is not None:
            raise result.error
        return result.hypothesis

    def align(self, audio: Audio, text: str, rate: int | None = None) -> Hypothesis:
        """Return a known text with the seconds at which its tokens and words are said.

        Args:
            audio: As for `transcribe`, but no longer than the model takes at once.
            text: What is said; case and punctuation may be other than the model's.
            rate: Samples per second, for samples.

        Raises:
            InputError: The audio cannot be used, or the text does not fit it.
            TypeError: As for `transcribe`.
            ValueError: As for `transcribe`.
        """
        return self.align_example(_example(audio, rate, text)).hypothesis

    def align_example(self, example: Example) -> Result:
        """Return the text of an example with the seconds at which it is said; the audio is read once."""
        start, rate = time.perf_counter(), self.features.sample_rate
        samples = Samples(read_waveform(example, rate, self.features.max_seconds).numpy(), rate)
        extent = len(samples.values) / rate
        hypothesis = placed(self.recogniser.align(replace(example, source=samples)), extent)
        return Result(example, extent, time.perf_counter() - start, {"ctc": hypothesis})

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
        method, space = self.recogniser.decoding.method, self.space
        results = self.recogniser.run(
            self._segments(examples, begun),
            batch_size=batch_size,
            keep_attention=keep_attention,
            lookahead=LOOKAHEAD,
        )
        for result in results:
            result.example.extra["recording"].results.append(result)
            while begun and begun[0].complete:
                yield begun.popleft().result(method, space)
        yield from (recording.result(method, space) for recording in begun)

    def _segments(self, examples: Iterable[Example], begun: deque[_Recording]) -> Iterator[Example]:
        for example in examples:
            recording = _Recording(example)
            begun.append(recording)
            assert not isinstance(example.source, np.ndarray)
            try:
                most = self.features.max_seconds
                for segment, samples in cut(example.source, example.name, self.segments, most, recording.told):
                    recording.segments.append(segment)
                    yield replace(example, source=samples, extra={"recording": recording})
            except InputError as error:
                recording.error = error
            recording.cut = True


def _example(audio: Audio, rate: int | None = None, text: str = "") -> Example:
    """Return what a Python caller gave as an example."""
    if isinstance(audio, str | os.PathLike):
        return Example(os.fsdecode(audio), Path(os.fsdecode(audio)), text)
    source: Source
    if isinstance(audio, bytes | bytearray | memoryview):
        source = bytes(audio)
    elif hasattr(audio, "read"):
        source = audio.read()
        if not isinstance(source, bytes):
            raise TypeError("the file gives text, not bytes; open it with mode 'rb'")
    else:
        source = _samples(audio, rate)
    return Example("audio", source, text)


def _samples(audio: Any, rate: Any) -> Samples:
    """Return samples of any type as floats (samples,) or (samples, channels)."""
    if isinstance(audio, torch.Tensor):
        audio = (audio.float() if audio.is_floating_point() else audio).detach().cpu().numpy()
    try:
        values = np.asarray(audio)
    except ValueError:  # lists of unequal length
        values = np.asarray(None)
    kind = values.dtype.str[1:]
    if kind[0] != "f" and kind not in FULL_SCALE:
        found = values.dtype if isinstance(audio, np.ndarray) else type(audio).__name__
        raise TypeError(f"{found} is no audio; give a file, its bytes, or samples as floats, int16, int32 or uint8")
    if rate is None:
        raise ValueError("samples need their rate: transcribe(samples, rate=16000)")
    if not isinstance(rate, int | float | np.number) or not float(rate).is_integer() or rate <= 0:
        raise ValueError(f"rate={rate!r}: give samples per second, a whole number such as 16000")
    shape = values.shape
    if len(shape) not in (1, 2) or (len(shape) == 2 and min(shape) > CHANNELS):
        raise ValueError(f"samples of shape {shape}: give (samples,), or (samples, channels) of at most {CHANNELS}")
    if len(shape) == 2 and shape[0] < shape[1]:
        values = values.T
    with np.errstate(over="ignore"):  # what becomes infinite is refused with the rest that is
        floats: Waveform = values.astype(np.float32)
    if kind[0] != "f":
        floats = (floats - np.float32(FULL_SCALE[kind] * (kind == "u1"))) / np.float32(FULL_SCALE[kind])
    return Samples(floats, int(rate))
