"""Connectionist temporal classification (Graves et al. 2006).

Shapes: B batch, T encoder positions, U target length, V vocabulary, D memory size.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scriba.core.memory import Memory
from scriba.core.precision import full
from scriba.core.tokenizer import BLANK


class CTCHead(nn.Module):
    """A linear layer over encoder states and a softmax over labels and blank.

    Args:
        memory_size: D.
        vocabulary_size: V, blank included.
        dropout: Dropout probability on the states.
    """

    def __init__(self, memory_size: int, vocabulary_size: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(memory_size, vocabulary_size)

    def forward(self, memory: Memory) -> Tensor:
        """Return log probabilities (B, T, V), float32."""
        return F.log_softmax(full(self.output(self.dropout(memory.states_BTD))), dim=-1)


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


def greedy_path(log_probs_BTV: Tensor, lengths_B: Tensor) -> list[list[Spike]]:
    """Collapse the most probable label of every position: merge repeats, then drop blanks.

    The batch leaves the device in one transfer.
    """
    best_BT = log_probs_BTV.max(dim=-1)
    labels, scores = best_BT.indices.cpu(), best_BT.values.float().exp().cpu()
    return [_collapse(labels[b, :n], scores[b, :n]) for b, n in enumerate(lengths_B.tolist())]


def _collapse(labels_T: Tensor, scores_T: Tensor) -> list[Spike]:
    runs, counts = torch.unique_consecutive(labels_T, return_counts=True)
    spikes, start = [], 0
    for label, count in zip(runs.tolist(), counts.tolist(), strict=True):
        if label != BLANK:
            spikes.append(Spike(label, start, start + count, float(scores_T[start : start + count].max())))
        start += count
    return spikes
