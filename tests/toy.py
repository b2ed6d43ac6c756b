"""A task small enough for tests of the core.

Every character of the text is a frame of a fixed pattern, then a frame of silence; the last bin tells the place,
which a frame-by-frame encoder could not know.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from scriba.core.errors import InputError
from scriba.core.example import Example, Samples
from scriba.core.memory import Memory
from scriba.core.metrics import error_rates, right_characters
from scriba.core.reward import Judge
from scriba.core.task import Draw

BINS = 6
PATTERNS = np.random.default_rng(0).standard_normal((128, BINS)).astype(np.float32)


def toy_example(id: str, text: str, frames_per_character: int = 2) -> Example:
    """Return an example whose frames spell its text."""
    frames = np.zeros((len(text), frames_per_character, BINS), np.float32)
    frames[:, 0] = PATTERNS[[ord(c) for c in text]]
    frames = frames.reshape(-1, BINS)
    frames[:, -1] = np.arange(len(frames)) - 3
    return Example(id, Samples(frames, 1), text)


def toy_examples(texts: Sequence[str]) -> list[Example]:
    return [toy_example(f"toy-{i}", text) for i, text in enumerate(texts)]


class ToyEncoder(nn.Module):
    """One linear layer, one position for each frame."""

    def __init__(self, size: int = 16) -> None:
        super().__init__()
        self.layer = nn.Linear(BINS, size)
        self.memory_size = size

    def output_lengths(self, lengths_B: Tensor) -> Tensor:
        return lengths_B

    def forward(self, inputs: Tensor, lengths_B: Tensor) -> Memory:
        return Memory(torch.tanh(self.layer(inputs)), lengths_B)


class ReadingEncoder(ToyEncoder):
    """A causal LSTM, whose last state knows the whole text."""

    def __init__(self, size: int = 16) -> None:
        super().__init__(size)
        self.recurrent = nn.LSTM(size, size, batch_first=True)

    def forward(self, inputs: Tensor, lengths_B: Tensor) -> Memory:
        return Memory(self.recurrent(torch.tanh(self.layer(inputs)))[0], lengths_B)


@dataclass(frozen=True)
class ToyTask:
    """The `Task` of the toy."""

    name: str = "toy"
    unit: str = "frames"
    frame_size: float = 1.0
    position_size: float | None = 1.0
    shown: tuple[str, ...] = ("cer",)
    higher_is_better: bool = False

    def build_encoder(self) -> ToyEncoder:
        return ToyEncoder()

    def measure(self, example: Example) -> int:
        return len(self.prepare(example))

    def prepare(self, example: Example, draw: Draw | None = None) -> Tensor:
        assert isinstance(example.source, Samples)
        if len(example.source.values) == 0:
            raise InputError(f"{example.id}: has no frames.")
        return torch.from_numpy(example.source.values)

    def score(self, references: Sequence[str | tuple[str, ...]], texts: Sequence[str]) -> Mapping[str, float]:
        return error_rates([r if isinstance(r, str) else r[0] for r in references], texts)

    def judge(self, references: Sequence[tuple[str, ...]]) -> Judge:
        return right_characters
