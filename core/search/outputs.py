"""The outputs of a search, as ids and numbers, and how long they may be.

Shapes: B batch, T encoder positions, U output length, N results for each input.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from scriba.core.model import Memory


class Outputs(NamedTuple):
    """The best outputs of each input, best first, on the CPU.

    An output holds the end symbol where it ended, and blanks after that. Where fewer than N ended, the rank is -inf.

    Attributes:
        ids_BNU: Tokens.
        log_probs_BNU: What each added to the weighted log probabilities of the heads; 0 after the end.
        ranks_BN: What the outputs are ranked by.
        parts: Log probabilities (B, N) by the names of the parts of the score.
        weights_BNUT: Attention weights; None without attention.
        agreed_BNU: Where each of two heads, asked alone what comes next, would have chosen the token; None of one head.
    """

    ids_BNU: Tensor
    log_probs_BNU: Tensor
    ranks_BN: Tensor
    parts: Mapping[str, Tensor]
    weights_BNUT: Tensor | None
    agreed_BNU: Tensor | None = None

    def reordered(self, order_BN: Tensor) -> Outputs:
        """Return the outputs of each input in another order, or some of them."""

        def pick(values: Tensor) -> Tensor:
            return values[torch.arange(len(order_BN))[:, None], order_BN]

        return Outputs(
            pick(self.ids_BNU),
            pick(self.log_probs_BNU),
            pick(self.ranks_BN),
            {name: pick(part_BN) for name, part_BN in self.parts.items()},
            None if self.weights_BNUT is None else pick(self.weights_BNUT),
            None if self.agreed_BNU is None else pick(self.agreed_BNU),
        )


def limits(memory: Memory, max_length_ratio: float) -> Tensor:
    """Return the number of tokens after which each row ends at the latest, (B,)."""
    return (memory.lengths_B * max_length_ratio).long().clamp_min(1)
