"""A loaded speech recogniser, for use from Python."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scriba.core.example import Example, Samples, Source
from scriba.core.hypothesis import Hypothesis
from scriba.core.recogniser import Recogniser
from scriba.core.search import DecodingConfig


@dataclass(frozen=True)
class SpeechRecogniser:
    """Turns audio into text.

    Attributes:
        recogniser: The model.
        decoding: How text is found.
    """

    recogniser: Recogniser
    decoding: DecodingConfig

    def transcribe(self, audio: str | Path | bytes | NDArray[np.float32], rate: int | None = None) -> Hypothesis:
        """Return the text of one recording.

        Args:
            audio: A file, the bytes of one, or samples in [-1, 1], (samples,) or (samples, channels).
            rate: Samples per second, for samples.

        Raises:
            InputError: The audio cannot be used.
            ValueError: Samples came without a rate.
        """
        source: Source
        if isinstance(audio, np.ndarray):
            if rate is None:
                raise ValueError("samples need their rate: transcribe(samples, rate=16000)")
            source = Samples(audio.astype(np.float32), rate)
        else:
            source = audio if isinstance(audio, bytes) else Path(audio)
        name = str(audio) if isinstance(audio, str | Path) else "audio"
        (result,) = self.recogniser.run([Example(name, source, "")], self.decoding, keep_attention=True)
        if result.error is not None:
            raise result.error
        return result.hypotheses[self.decoding.method]
