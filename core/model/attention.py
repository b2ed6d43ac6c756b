"""Attention: how the decoder looks at the memory.

- energies u: `additive` (Bahdanau et al. 2015), `location` (Chorowski et al. 2015), `dot` (Luong et al. 2015)
- weights  a = softmax(u) over valid positions, in float32
- context  c: `soft`, the expectation, or `hard`, one sampled position (Xu et al. 2015)

An energy function and a selection are parts of one `Attention`; any energy goes with any selection.

Several decoder states may look at one memory, as those of a beam do: rows K b to K b + K - 1 look at memory b, which is
neither copied nor projected again.

Shapes: B batch, K states for each memory (1 while training), R = B K rows, T encoder positions, D memory size,
H decoder size, A attention size, N heads (1 but for multi-head dot product).
"""

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scriba.core.model.memory import Memory
from scriba.core.precision import full
from scriba.core.ranges import Size

Without = Literal["state", "every_step", "mean"]
"""What a decoder without attention is fed at every step: nothing, the last encoder state or the mean of all."""


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
    size: Size = 256
    heads: Size = 1
    location_channels: Size = 16
    location_width: Size = 31
    without: Without = "every_step"


class Keys(NamedTuple):
    """What is computed once per utterance: the memory and its projection for the energies."""

    memory: Memory
    projected_BTA: Tensor


class Glimpse(NamedTuple):
    """One look at the memory.

    Attributes:
        context_RD: c, what the decoder reads.
        weights_RNT: a, the distribution over positions (float32).
        chosen_RNT: What was multiplied with the states: a itself (soft) or a one-hot sample (hard).
    """

    context_RD: Tensor
    weights_RNT: Tensor
    chosen_RNT: Tensor


class EnergyWeights(NamedTuple):
    """What an additive energy multiplies with; `F_C1K` and `U_AC` are None where it does not see where it looked last.

    Attributes:
        W2_AH: Query projection, equation (1).
        v_A: Energy vector, equation (1).
        F_C1K: Filters over the previous weights.
        U_AC: Projection of what they return.
    """

    W2_AH: Tensor
    v_A: Tensor
    F_C1K: Tensor | None = None
    U_AC: Tensor | None = None


class Energy(Protocol):
    """An energy function; `heads` is N."""

    heads: int

    def project(self, states_BTD: Tensor) -> Tensor:
        """Project the memory, once per utterance."""
        ...

    def __call__(self, query_RH: Tensor, projected_BTA: Tensor, previous_RNT: Tensor) -> Tensor:
        """Return u, shape (R, N, T)."""
        ...

    def additive(self) -> EnergyWeights | None:
        """Return the weights of an additive energy; None of any other kind."""
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

    def forward(self, query_RH: Tensor, projected_BTA: Tensor, previous_RNT: Tensor) -> Tensor:
        queries_BK1A = per_memory(self.W2(query_RH), projected_BTA)[:, :, None]
        return additive_energies(projected_BTA, queries_BK1A, self.v.weight[0]).flatten(0, 1)[:, None]  # (1)

    def additive(self) -> EnergyWeights:
        return EnergyWeights(self.W2.weight, self.v.weight[0])


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

    def forward(self, query_RH: Tensor, projected_BTA: Tensor, previous_RNT: Tensor) -> Tensor:
        queries_BK1A = per_memory(self.W2(query_RH), projected_BTA)[:, :, None]
        located_BKTA = per_memory(self.U(self.F(previous_RNT).transpose(1, 2)), projected_BTA)
        shifts_BKTA = queries_BK1A + located_BKTA
        return additive_energies(projected_BTA, shifts_BKTA, self.v.weight[0]).flatten(0, 1)[:, None]

    def additive(self) -> EnergyWeights:
        return EnergyWeights(self.W2.weight, self.v.weight[0], self.F.weight, self.U.weight)


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

    def forward(self, query_RH: Tensor, projected_BTA: Tensor, previous_RNT: Tensor) -> Tensor:
        size = projected_BTA.shape[-1] // self.heads
        queries_BKNS = per_memory(self.Wq(query_RH), projected_BTA).unflatten(-1, (self.heads, size))
        keys_BTNS = projected_BTA.unflatten(-1, (self.heads, size))
        return torch.einsum("bkns,btns->bknt", queries_BKNS, keys_BTNS).flatten(0, 1) / math.sqrt(size)

    def additive(self) -> None:
        return None


def additive_energies(projected_BTA: Tensor, shifts_BKTA: Tensor, v_A: Tensor) -> Tensor:
    """Return v^T tanh(projected + shift), shape (B, K, T), by way of tanh(x) = 2 sigmoid(2 x) - 1.

    On a CPU torch's sigmoid takes a seventh of the time of its tanh. Where gradients are not asked for, one memory
    follows the other there, so that the sums stay in the cache.
    """
    twice_BTA, more_BKTA = 2 * projected_BTA, 2 * shifts_BKTA
    if torch.is_grad_enabled() or projected_BTA.device.type != "cpu":
        sums_BKT = torch.sigmoid(twice_BTA[:, None] + more_BKTA) @ v_A
    else:
        pairs = zip(twice_BTA, more_BKTA, strict=True)
        sums_BKT = torch.stack([(twice_TA + more_KTA).sigmoid_() @ v_A for twice_TA, more_KTA in pairs])
    return 2 * sums_BKT - v_A.sum()


def per_memory(rows: Tensor, memory: Tensor) -> Tensor:
    """Return rows (R, …) as (B, K, …): those that look at the same memory (B, …) together."""
    return rows.unflatten(0, (memory.shape[0], -1))


def masked_softmax(energies_RNT: Tensor, mask_BT: Tensor) -> Tensor:
    """A = softmax(u) over valid positions only, equation (2), in float32; exactly 0 elsewhere."""
    energies_BKNT = per_memory(full(energies_RNT), mask_BT).masked_fill(~mask_BT[:, None, None], -torch.inf)
    return F.softmax(energies_BKNT, dim=-1).flatten(0, 1)


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
        return Keys(memory, full(self.energy.project(memory.states_BTD)))

    def start_weights(self, memory: Memory) -> Tensor:
        """Return the weights before the first step: uniform over the valid positions, (B, N, T)."""
        mask_BT = memory.mask_BT
        uniform_BT = mask_BT.to(memory.states_BTD.dtype) / memory.lengths_B[:, None]
        return uniform_BT[:, None, :].expand(-1, self.energy.heads, -1)

    def draw_expectation(self, rows: int, device: torch.device) -> Tensor | None:
        """Draw which rows of a batch read the expectation although attention is hard; None where none has to."""
        if not self.hard or not self.training:
            return None
        return torch.rand(rows, device=device) < self.expectation_probability

    def forward(self, query_RH: Tensor, keys: Keys, previous_RNT: Tensor, expect_B: Tensor | None = None) -> Glimpse:
        """Look at the memory once.

        Args:
            query_RH: The decoder states z; R is B, or a multiple of it.
            keys: From `keys(memory)`.
            previous_RNT: The weights of the step before.
            expect_B: True where hard selection reads the expectation; None reads it nowhere.
        """
        memory = keys.memory
        with torch.autocast(query_RH.device.type, enabled=False):  # where one looks is decided in float32
            energies_RNT = self.energy(full(query_RH), keys.projected_BTA, previous_RNT)  # (1)
            weights_RNT = masked_softmax(energies_RNT, memory.mask_BT)  # (2)
            chosen_RNT = self._select(weights_RNT, expect_B) if self.hard else weights_RNT
            return Glimpse(context(chosen_RNT, memory.states_BTD), weights_RNT, chosen_RNT)  # (3)

    def _select(self, weights_RNT: Tensor, expect_B: Tensor | None) -> Tensor:
        if not self.training:
            return F.one_hot(weights_RNT.argmax(-1), weights_RNT.shape[-1]).to(weights_RNT.dtype)
        sample_RNT = sample_position(weights_RNT.detach())
        if expect_B is None:
            return sample_RNT
        return torch.where(expect_B[:, None, None], weights_RNT, sample_RNT)


def context(chosen_RNT: Tensor, states_BTD: Tensor) -> Tensor:
    """C = sum_i a_i h_i, equation (3); head n weighs the n-th slice of each state."""
    chosen_BKNT = per_memory(chosen_RNT, states_BTD)
    heads = chosen_RNT.shape[1]
    if heads == 1:
        return torch.bmm(chosen_BKNT[:, :, 0], states_BTD).flatten(0, 1)
    slices_BTNS = states_BTD.unflatten(-1, (heads, -1))
    return torch.einsum("bknt,btns->bkns", chosen_BKNT, slices_BTNS).flatten(0, 1).flatten(1)


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
