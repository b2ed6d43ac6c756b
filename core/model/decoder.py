"""What the losses and the searches ask of a decoder, whatever computes it.

Shapes: B batch, R rows, T encoder positions, U target length, V vocabulary, N attention heads.
"""

from typing import Any, NamedTuple, Protocol, Self

from torch import Tensor

from scriba.core.model.memory import Memory


class DecoderState(Protocol):
    """Everything a decoder carries from step to step: a plain value that is never changed."""

    @property
    def looked_RT(self) -> Tensor | None:
        """Attention weights of the last step over the positions, averaged over heads; None without attention."""
        ...

    def spread(self, beam_size: int) -> Self:
        """Return each row that many times, one after the other; they may share what is known of their input."""
        ...

    def reorder(self, rows: Tensor) -> Self:
        """Return the state of the given rows, each of which takes the place of one that looks at the same memory."""
        ...


class Trace(NamedTuple):
    """What a training pass leaves behind.

    Attributes:
        logits_BUV: Logits of the next token at each step.
        weights_BUNT: The distributions a over the positions; None without attention.
        chosen_BUNT: What was read: a itself, or one-hot samples of hard attention; None without attention.
        expect_B: True where hard attention read the expectation; None unless attention is hard.
    """

    logits_BUV: Tensor
    weights_BUNT: Tensor | None = None
    chosen_BUNT: Tensor | None = None
    expect_B: Tensor | None = None


class Decoder(Protocol):
    """Tokens one after the other from a `Memory`; an `nn.Module`."""

    training: bool

    def init(self, memory: Memory) -> Any:
        """Return the `DecoderState` before the first token."""
        ...

    def step(self, state: Any, tokens_R: Tensor) -> tuple[Tensor, Any]:
        """Advance one step while decoding.

        Args:
            state: From `init` or the step before.
            tokens_R: The previous tokens y_t, int64.

        Returns:
            Logits of the next token (R, V) and the new state.
        """
        ...

    def trace(self, memory: Memory, tokens_BU: Tensor) -> Trace:
        """Run over known previous tokens (teacher forcing).

        Args:
            memory: Encoder states.
            tokens_BU: Previous tokens y_1..y_U, beginning with the start symbol, int64.
        """
        ...

    def train(self, mode: bool = True) -> Any:
        """Set the mode, as of any `nn.Module`."""
        ...
