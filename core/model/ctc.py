"""Connectionist temporal classification (Graves et al. 2006).

Shapes: B batch, T positions of the head, P of the encoder (T = rate * P), U target length, V vocabulary, D memory size.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from scriba.core.model.memory import Encoder, Memory
from scriba.core.precision import full
from scriba.core.ranges import Range
from scriba.core.text import BLANK


@dataclass(frozen=True)
class CTCConfig:
    """The CTC head.

    Args:
        rate: Labels that it can give at each encoder position: 2 where narrow letters come faster than positions, as
            a doubled letter takes three of them.
    """

    rate: Annotated[int, Range(1, 16)] = 1


class CTCHead(nn.Module):
    """A linear layer over encoder states and a softmax over labels and blank.

    Args:
        memory_size: D.
        vocabulary_size: V, blank included.
        rate: Positions of the head for each position of the encoder.
    """

    def __init__(self, memory_size: int, vocabulary_size: int, rate: int = 1) -> None:
        super().__init__()
        self.output = nn.Linear(memory_size, rate * vocabulary_size)
        self.rate = rate

    def forward(self, memory: Memory) -> Tensor:
        """Return log probabilities (B, T, V), float32."""
        logits = full(self.output(memory.states_BTD))
        return F.log_softmax(logits.unflatten(-1, (self.rate, -1)).flatten(1, 2), dim=-1)

    def lengths(self, memory: Memory) -> Tensor:
        """Return the valid positions of the head in each row."""
        return self.rate * memory.lengths_B


@dataclass(frozen=True)
class HeadLengths:
    """Tells how many positions of a CTC head inputs have.

    Attributes:
        encoder: The encoder below it.
        rate: Positions of the head for each position of the encoder.
    """

    encoder: Encoder
    rate: int = 1

    def __call__(self, frames: int) -> int:
        """Return the number of positions for an input of so many frames."""
        return self.rate * int(self.encoder.output_lengths(torch.tensor(frames)))


def required_positions(labels: Sequence[int]) -> int:
    """Return the least T that can carry the labels: L + number of adjacent equal labels."""
    return len(labels) + sum(a == b for a, b in itertools.pairwise(labels))


def ctc_loss(log_probs_BTV: Tensor, lengths_B: Tensor, targets_BU: Tensor, target_lengths_B: Tensor) -> Tensor:
    """Return -log p(target | input) of each row, shape (B,), summed over all paths; infinite where infeasible."""
    return F.ctc_loss(
        log_probs_BTV.transpose(0, 1), targets_BU, lengths_B, target_lengths_B, blank=BLANK, reduction="none"
    )


class Spike(NamedTuple):
    """One label of a greedy CTC path.

    Attributes:
        token: Label id.
        start: First encoder position of its run.
        end: Position after the last of its run.
        probability: Largest probability of the label within the run.
    """

    token: int
    start: int
    end: int
    probability: float


class CTCPath(NamedTuple):
    """The most probable label of every encoder position, collapsed.

    Attributes:
        spikes: Its labels: repeats merged, then blanks dropped.
        log_prob: Log probability of this one path.
    """

    spikes: list[Spike]
    log_prob: float


def greedy_path(log_probs_BTV: Tensor, lengths_B: Tensor) -> list[CTCPath]:
    """Collapse the most probable label of every position: merge repeats, then drop blanks.

    The batch leaves the device in one transfer.
    """
    best_BT = log_probs_BTV.max(dim=-1)
    labels_BT, scores_BT = best_BT.indices.cpu().numpy(), best_BT.values.float().cpu().numpy()
    return [_collapse(labels_BT[b, :n], scores_BT[b, :n]) for b, n in enumerate(lengths_B.tolist())]


def _collapse(labels_T: NDArray[np.int64], scores_T: NDArray[np.float32]) -> CTCPath:
    starts = np.flatnonzero(np.diff(labels_T, prepend=-1))
    ends = np.append(starts[1:], len(labels_T))
    probabilities = np.exp(np.maximum.reduceat(scores_T, starts))
    runs = zip(labels_T[starts].tolist(), starts.tolist(), ends.tolist(), probabilities.tolist(), strict=True)
    return CTCPath([Spike(*run) for run in runs if run[0] != BLANK], float(scores_T.sum()))
