"""Attention: how the decoder looks at the memory.

- energies u: `additive` (Bahdanau et al. 2015), `location` (Chorowski et al. 2015), `dot` (Luong et al. 2015)
- weights  a = softmax(u) over valid positions, in float32
- context  c: `soft`, the expectation, or `hard`, one sampled position (Xu et al. 2015)

An energy function and a selection are parts of one `Attention`; any energy goes with any selection.

Shapes: B batch, T encoder positions, D memory size, H decoder size, A attention size, N heads
(1 but for multi-head dot product).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scriba.core.memory import Memory
from scriba.core.precision import full


@dataclass(frozen=True)
class AttentionConfig:
    """How the decoder looks at the memory.

    Args:
        kind: Energy function: additive, location (additive with convolved previous weights), dot
            (scaled dot product), or none (a decoder without attention).
        selection: soft (expectation over positions) or hard (one sampled position, trained by REINFORCE).
        size: Attention size A (additive, location) or key size (dot).
        heads: Number of heads, dot only; must divide the memory size and the attention size.
        location_channels: Filters over the previous weights, location only.
        location_width: Width of these filters in encoder positions (odd), location only.
        without: For kind none, what the decoder is fed at every step: state (nothing: the last encoder state only
            starts it), every_step (the last encoder state) or mean (the mean of all states).
    """

    kind: Literal["additive", "location", "dot", "none"] = "additive"
    selection: Literal["soft", "hard"] = "soft"
    size: int = 256
    heads: int = 1
    location_channels: int = 16
    location_width: int = 31
    without: Literal["state", "every_step", "mean"] = "every_step"


class Keys(NamedTuple):
    """What is computed once per utterance: the memory and its projection for the energies."""

    memory: Memory
    projected_BTA: Tensor

    def select(self, rows: Tensor) -> Keys:
        """Return the keys of the given rows of the batch."""
        return Keys(self.memory.select(rows), self.projected_BTA[rows])


class Glimpse(NamedTuple):
    """One look at the memory.

    Attributes:
        context_BD: c, what the decoder reads.
        weights_BNT: a, the distribution over positions (float32).
        chosen_BNT: What was multiplied with the states: a itself (soft) or a one-hot sample (hard).
    """

    context_BD: Tensor
    weights_BNT: Tensor
    chosen_BNT: Tensor


class Energy(Protocol):
    """An energy function; `heads` is N."""

    heads: int

    def project(self, states_BTD: Tensor) -> Tensor:
        """Project the memory, once per utterance."""
        ...

    def __call__(self, query_BH: Tensor, projected_BTA: Tensor, previous_BNT: Tensor) -> Tensor:
        """Return u, shape (B, N, T)."""
        ...


class AdditiveEnergy(nn.Module):
    """u_i = v^T tanh(W1 h_i + W2 z), equation (1); Bahdanau, Cho & Bengio 2015 (arXiv 1409.0473)."""

    heads = 1

    def __init__(self, *, memory_size: int, query_size: int, size: int) -> None:
        super().__init__()
        self.W1 = nn.Linear(memory_size, size)
        self.W2 = nn.Linear(query_size, size, bias=False)
        self.v = nn.Linear(size, 1, bias=False)

    def project(self, states_BTD: Tensor) -> Tensor:
        return self.W1(states_BTD)

    def forward(self, query_BH: Tensor, projected_BTA: Tensor, previous_BNT: Tensor) -> Tensor:
        hidden_BTA = torch.tanh(projected_BTA + self.W2(query_BH)[:, None, :])
        return self.v(hidden_BTA).transpose(1, 2)  # (1)


class LocationEnergy(nn.Module):
    """Additive energy that also sees where it looked last; Chorowski et al. 2015 (arXiv 1506.07503).

    u_i = v^T tanh(W1 h_i + W2 z + U f_i), where f = F * a_{t-1} is the convolution of the previous weights.
    """

    heads = 1

    def __init__(self, *, memory_size: int, query_size: int, size: int, channels: int, width: int) -> None:
        super().__init__()
        if width % 2 == 0:
            raise ValueError(f"location_width must be odd, so that the filter has a centre; got {width}")
        self.W1 = nn.Linear(memory_size, size)
        self.W2 = nn.Linear(query_size, size, bias=False)
        self.F = nn.Conv1d(1, channels, width, padding=width // 2, bias=False)
        self.U = nn.Linear(channels, size, bias=False)
        self.v = nn.Linear(size, 1, bias=False)

    def project(self, states_BTD: Tensor) -> Tensor:
        return self.W1(states_BTD)

    def forward(self, query_BH: Tensor, projected_BTA: Tensor, previous_BNT: Tensor) -> Tensor:
        located_BTA = self.U(self.F(previous_BNT).transpose(1, 2))
        hidden_BTA = torch.tanh(projected_BTA + self.W2(query_BH)[:, None, :] + located_BTA)
        return self.v(hidden_BTA).transpose(1, 2)


class DotEnergy(nn.Module):
    """u_i = (Wq z) . (Wk h_i) / sqrt(key size), in N heads; Luong, Pham & Manning 2015 (arXiv 1508.04025)."""

    def __init__(self, *, memory_size: int, query_size: int, size: int, heads: int) -> None:
        super().__init__()
        if size % heads or memory_size % heads:
            raise ValueError(f"heads ({heads}) must divide the attention size ({size}) and memory ({memory_size})")
        self.heads = heads
        self.Wk = nn.Linear(memory_size, size)
        self.Wq = nn.Linear(query_size, size)

    def project(self, states_BTD: Tensor) -> Tensor:
        return self.Wk(states_BTD)

    def forward(self, query_BH: Tensor, projected_BTA: Tensor, previous_BNT: Tensor) -> Tensor:
        batch, positions, size = projected_BTA.shape
        key_size = size // self.heads
        query_BNK = self.Wq(query_BH).view(batch, self.heads, key_size)
        keys_BTNK = projected_BTA.view(batch, positions, self.heads, key_size)
        return torch.einsum("bnk,btnk->bnt", query_BNK, keys_BTNK) / math.sqrt(key_size)


def masked_softmax(energies_BNT: Tensor, mask_BT: Tensor) -> Tensor:
    """A = softmax(u) over valid positions only, equation (2), in float32; exactly 0 elsewhere."""
    return F.softmax(full(energies_BNT).masked_fill(~mask_BT[:, None, :], -torch.inf), dim=-1)


def sample_position(weights_BNT: Tensor) -> Tensor:
    """Sample one position i ~ a for each row and head, as a one-hot tensor (B, N, T)."""
    batch, heads, positions = weights_BNT.shape
    numbers = weights_BNT.nan_to_num(1.0)  # a NaN shows in the loss, and training skips the batch
    index = torch.multinomial(numbers.reshape(batch * heads, positions), 1).view(batch, heads)
    return F.one_hot(index, positions).to(weights_BNT.dtype)


class Attention(nn.Module):
    """An energy function and a way to select from its distribution.

    Soft selection reads the expectation. Hard selection samples a position for each step; with probability
    `expectation_probability` (Xu et al. 2015, section 4.1: 0.5) an utterance reads the expectation instead. In
    evaluation mode hard selection takes the most probable position.

    Args:
        energy: Equation (1) or one of its relatives.
        hard: Whether to sample instead of averaging.
        expectation_probability: Share of utterances that read the expectation while training, hard only.
    """

    def __init__(self, energy: Energy, *, hard: bool = False, expectation_probability: float = 0.5) -> None:
        super().__init__()
        self.energy = energy
        self.hard = hard
        self.expectation_probability = expectation_probability

    def keys(self, memory: Memory) -> Keys:
        """Project the memory, once per utterance."""
        return Keys(memory, self.energy.project(memory.states_BTD))

    def start_weights(self, memory: Memory) -> Tensor:
        """Return the weights before the first step: uniform over the valid positions, (B, N, T)."""
        mask_BT = memory.mask_BT
        uniform_BT = mask_BT.to(memory.states_BTD.dtype) / memory.lengths_B[:, None]
        return uniform_BT[:, None, :].expand(-1, self.energy.heads, -1)

    def forward(self, query_BH: Tensor, keys: Keys, previous_BNT: Tensor, expect_B: Tensor | None = None) -> Glimpse:
        """Look at the memory once.

        Args:
            query_BH: The decoder state z.
            keys: From `keys(memory)`.
            previous_BNT: The weights of the step before.
            expect_B: True where hard selection reads the expectation; None reads it nowhere.
        """
        memory = keys.memory
        energies_BNT = self.energy(query_BH, keys.projected_BTA, previous_BNT)  # (1)
        weights_BNT = masked_softmax(energies_BNT, memory.mask_BT)  # (2)
        chosen_BNT = self._select(weights_BNT, expect_B) if self.hard else weights_BNT
        return Glimpse(context(chosen_BNT, memory.states_BTD), weights_BNT, chosen_BNT)  # (3)

    def _select(self, weights_BNT: Tensor, expect_B: Tensor | None) -> Tensor:
        if not self.training:
            return F.one_hot(weights_BNT.argmax(-1), weights_BNT.shape[-1]).to(weights_BNT.dtype)
        sample_BNT = sample_position(weights_BNT.detach())
        if expect_B is None:
            return sample_BNT
        return torch.where(expect_B[:, None, None], weights_BNT, sample_BNT)


def context(chosen_BNT: Tensor, states_BTD: Tensor) -> Tensor:
    """C = sum_i a_i h_i, equation (3); head n weighs the n-th slice of each state."""
    heads = chosen_BNT.shape[1]
    if heads == 1:
        return torch.bmm(chosen_BNT, states_BTD)[:, 0]
    batch, positions, _ = states_BTD.shape
    slices_BTNS = states_BTD.view(batch, positions, heads, -1)
    return torch.einsum("bnt,btns->bns", chosen_BNT, slices_BTNS).reshape(batch, -1)


def build_attention(config: AttentionConfig, *, memory_size: int, query_size: int) -> Attention | None:
    """Build the configured attention, or None for a decoder without one."""
    sizes = {"memory_size": memory_size, "query_size": query_size, "size": config.size}
    energy: Energy
    if config.kind == "none":
        return None
    if config.kind == "additive":
        energy = AdditiveEnergy(**sizes)
    elif config.kind == "location":
        energy = LocationEnergy(**sizes, channels=config.location_channels, width=config.location_width)
    else:
        energy = DotEnergy(**sizes, heads=config.heads)
    return Attention(energy, hard=config.selection == "hard")
