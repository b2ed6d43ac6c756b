"""An app's inputs: how examples become tensors."""

from typing import NamedTuple, Protocol

from torch import Tensor

from scriba.core.example import Example


class Draw(NamedTuple):
    """The randomness of one augmented example: a pure function of these two, whichever process computes it.

    Attributes:
        seed: Seeds everything random about this example in this epoch.
        epoch: Epochs completed before this one, for augmentation that sets in later.
    """

    seed: int
    epoch: int


class Inputs(Protocol):
    """One kind of input and how to prepare it."""

    @property
    def unit(self) -> str:
        """What lengths are measured in, for people: s, px."""
        ...

    @property
    def frame_size(self) -> float:
        """Extent of one input frame (an entry of dimension 0 of the prepared input) in that unit."""
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
