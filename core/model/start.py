"""Where the recurrent layers of a decoder start: a state before the first token, from the memory or from nothing.

Shapes: B batch, D memory size, L layers, H decoder size.
"""

from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scriba.core.model.memory import Memory
from scriba.core.model.recurrent import CellLayout, CellState


class Start(Protocol):
    """Makes the first state."""

    def __call__(self, memory: Memory) -> CellState:
        """Return the state of the recurrent layers before the first token."""
        ...


class ZeroStart(nn.Module):
    """Zeros.

    Args:
        layout: Of the layers.
    """

    def __init__(self, layout: CellLayout) -> None:
        super().__init__()
        self.layout = layout

    def forward(self, memory: Memory) -> CellState:
        states_BTD = memory.states_BTD
        return self.layout.state(states_BTD.new_zeros(len(states_BTD), self.layout.layers, self.layout.size))


class LastStart(nn.Module):
    """What a layer makes of the last state of the memory, which without attention is all that the decoder hears of it.

    Args:
        memory_size: D.
        layout: Of the layers.
    """

    def __init__(self, memory_size: int, layout: CellLayout) -> None:
        super().__init__()
        self.layout = layout
        layer = nn.Linear(memory_size, layout.layers * layout.size)
        self.weight, self.bias = layer.weight, layer.bias

    def forward(self, memory: Memory) -> CellState:
        start_BX = torch.tanh(F.linear(memory.last_state(), self.weight, self.bias))
        return self.layout.state(start_BX.unflatten(-1, (self.layout.layers, -1)))


class MeanStart(nn.Module):
    """What two networks make of the mean of the memory: f_init,h and f_init,c of Xu et al. 2015, section 3.1.2.

    Args:
        memory_size: D.
        layout: Of the layers.
    """

    def __init__(self, memory_size: int, layout: CellLayout) -> None:
        super().__init__()
        self.layout = layout
        sizes = memory_size, layout.size, layout.layers * layout.size
        self.hidden = two_layers(*sizes)
        self.cell = two_layers(*sizes) if layout.has_cell else None

    def forward(self, memory: Memory) -> CellState:
        mean_BD = memory.mean_state()
        hidden_BLH = self._split(torch.tanh(self.hidden(mean_BD)))
        return self.layout.state(hidden_BLH, None if self.cell is None else self._split(self.cell(mean_BD)))

    def _split(self, states_BX: Tensor) -> Tensor:
        return states_BX.unflatten(-1, (self.layout.layers, -1))


def two_layers(inputs: int, inner: int, outputs: int) -> nn.Sequential:
    """Return a network with one hidden layer."""
    return nn.Sequential(nn.Linear(inputs, inner), nn.Tanh(), nn.Linear(inner, outputs))
