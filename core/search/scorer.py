"""What a search asks of the parts of its score, and the part that every decoder can play.

A part scores an output that grows: how much each token, coming next, adds. The search adds up, weighs and chooses.

Shapes: B batch, K beam, R = B K rows, T encoder positions, V vocabulary.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol

import torch
from torch import Tensor

from scriba.core.model import Decoder, DecoderState, Memory, allowed, no_memory


class Scored(NamedTuple):
    """What a part says of all next tokens of all hypotheses.

    Attributes:
        gains_BKV: What each adds to the log probability, float64; the end symbol stands for ending here.
        state: The state that says so; what `advance` goes on from.
        looked_BKT: Attention weights that it says so by; None without attention.
    """

    gains_BKV: Tensor
    state: Any
    looked_BKT: Tensor | None = None


class Scorer(Protocol):
    """A part of the score of a search."""

    @property
    def name(self) -> str:
        """Its name among the scores of a result."""
        ...

    @property
    def of_input(self) -> bool:
        """Whether it has heard the input, so that confidences are about it; not so what is likely to be said at all."""
        ...

    @property
    def only_falls(self) -> bool:
        """Whether no token ever adds to the score, as with probabilities: such a search knows when it may end."""
        ...

    def start(self, batch: int, beam_size: int, device: torch.device) -> Any:
        """Return the state before the first token, of B times K hypotheses."""
        ...

    def score(self, state: Any, tokens_BK: Tensor) -> Scored:
        """Score all continuations of hypotheses.

        Args:
            state: From `start` or `advance`.
            tokens_BK: Their last tokens; the start symbol in the beginning.
        """
        ...

    def advance(self, state: Any, parents_BK: Tensor, tokens_BK: Tensor) -> Any:
        """Return the state of chosen continuations.

        Args:
            state: Of `Scored`.
            parents_BK: Which hypothesis of its input each continues.
            tokens_BK: By which token.
        """
        ...


class Weighted(NamedTuple):
    """A part of the score and the factor on it."""

    weight: float
    scorer: Scorer


@dataclass(frozen=True)
class DecoderScorer:
    """A decoder as a `Scorer`: attention over a memory, or without one a language model.

    Attributes:
        decoder: The decoder.
        memory: Encoder states of the batch; None of a language model.
    """

    decoder: Decoder
    memory: Memory | None = None
    only_falls: ClassVar = True

    @property
    def name(self) -> str:
        """Attention or lm."""
        return "lm" if self.memory is None else "attention"

    @property
    def of_input(self) -> bool:
        """Only with a memory."""
        return self.memory is not None

    def start(self, batch: int, beam_size: int, device: torch.device) -> DecoderState:
        memory = no_memory(batch, device) if self.memory is None else self.memory
        state: DecoderState = self.decoder.init(memory).spread(beam_size)
        return state

    def score(self, state: DecoderState, tokens_BK: Tensor) -> Scored:
        logits_RV, after = self.decoder.step(state, tokens_BK.flatten())
        gains_BKV = allowed(logits_RV).double().unflatten(0, tokens_BK.shape)
        looked_RT = after.looked_RT
        return Scored(gains_BKV, after, None if looked_RT is None else looked_RT.unflatten(0, tokens_BK.shape))

    def advance(self, state: DecoderState, parents_BK: Tensor, tokens_BK: Tensor) -> DecoderState:
        return state.reorder(rows_of(parents_BK))


def rows_of(parents_BK: Tensor) -> Tensor:
    """Return the rows R of hypotheses that are given by their place in the beam of their input."""
    first_B1 = torch.arange(len(parents_BK), device=parents_BK.device)[:, None] * parents_BK.shape[1]
    return (first_B1 + parents_BK).flatten()
