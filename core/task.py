"""What an app brings to the core: its encoder, its preprocessing and how its results are scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from torch import Tensor

from scriba.core.example import Example
from scriba.core.memory import Encoder
from scriba.core.reward import Judge


class Draw(NamedTuple):
    """The randomness of one augmented example: a pure function of these two, whichever process computes it.

    Attributes:
        seed: Seeds everything random about this example in this epoch.
        epoch: Epochs completed before this one, for augmentation that sets in later.
    """

    seed: int
    epoch: int


class Task(Protocol):
    """One kind of input and how to treat it."""

    @property
    def name(self) -> str:
        """Names the app in bundles and results."""
        ...

    @property
    def unit(self) -> str:
        """What lengths are measured in, for people: s, px."""
        ...

    @property
    def frame_size(self) -> float:
        """Extent of one input frame (an entry of dimension 0 of the prepared input) in that unit."""
        ...

    @property
    def position_size(self) -> float | None:
        """Extent of one encoder position in that unit, or None where positions have no such place."""
        ...

    @property
    def shown(self) -> tuple[str, ...]:
        """Scores that are logged and shown; the first chooses the best weights on dev."""
        ...

    @property
    def higher_is_better(self) -> bool:
        """Whether the best weights are those of the highest score, not of the lowest."""
        ...

    def build_encoder(self) -> Encoder:
        """Build the encoder, with fresh weights."""
        ...

    def measure(self, example: Example) -> int:
        """Read the input completely and return the number of frames it will have.

        Raises:
            InputError: The input cannot be used.
        """
        ...

    def prepare(self, example: Example, draw: Draw | None = None) -> Tensor:
        """Read and preprocess the input: frames in dimension 0; augmented if `draw` is given.

        Raises:
            InputError: The input cannot be used.
        """
        ...

    def score(self, references: Sequence[str | tuple[str, ...]], texts: Sequence[str]) -> Mapping[str, float]:
        """Score texts against references; rates are in percent."""
        ...

    def judge(self, references: Sequence[tuple[str, ...]]) -> Judge:
        """Return what rates single texts, for training on their scores, where it helps by the references of all."""
        ...
