"""Recurrent layers: the bidirectional LSTM of the encoders and the cell stack of the decoder.

Shapes: B batch, T positions, D layer size, H decoder size, L layers.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from scriba.core.precision import full

Cell = Literal["lstm", "gru"]


def flip_within_lengths(states_TBD: Tensor, lengths_B: Tensor) -> Tensor:
    """Reverse each sequence over its valid positions; padding stays where it is."""
    positions_T1 = torch.arange(states_TBD.shape[0], device=states_TBD.device)[:, None]
    mirrored_TB = lengths_B - 1 - positions_T1
    index_TB = torch.where(mirrored_TB >= 0, mirrored_TB, positions_T1)
    rows_TB = index_TB * len(lengths_B) + torch.arange(len(lengths_B), device=states_TBD.device)
    return states_TBD.flatten(0, 1).index_select(0, rows_TB.flatten()).view_as(states_TBD)


class BidirectionalLSTM(nn.Module):
    """One bidirectional layer on padded input.

    The reverse direction runs over inputs flipped within their lengths, so that it never reads padding and no
    packed sequence is needed (on a CPU packing costs three times the time).

    Args:
        input_size: Size of an input state.
        hidden_size: Size of each direction; the output has twice that.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.ahead = nn.LSTM(input_size, hidden_size)
        self.back = nn.LSTM(input_size, hidden_size)

    def forward(self, states_TBD: Tensor, lengths_B: Tensor) -> Tensor:
        """Return both directions side by side, shape (T, B, 2 * hidden_size)."""
        ahead_TBH, _ = self.ahead(states_TBD)
        back_TBH, _ = self.back(flip_within_lengths(states_TBD, lengths_B))
        return torch.cat([ahead_TBH, flip_within_lengths(back_TBH, lengths_B)], dim=-1)


class BidirectionalStack(nn.Module):
    """Bidirectional layers, each followed by layer normalisation and dropout.

    Without the normalisation the joint model of small corpora may never leave the plateau of blanks.

    Args:
        input_size: Size of an input state.
        hidden_size: Size of each direction of each layer.
        layers: Number of layers.
        dropout: Dropout probability after each layer.
    """

    def __init__(self, input_size: int, *, hidden_size: int, layers: int, dropout: float) -> None:
        super().__init__()
        sizes = [input_size] + [2 * hidden_size] * (layers - 1)
        self.layers = nn.ModuleList(BidirectionalLSTM(size, hidden_size) for size in sizes)
        self.norms = nn.ModuleList(nn.LayerNorm(2 * hidden_size) for _ in sizes)
        self.dropout = nn.Dropout(dropout)

    def forward(self, states_BTD: Tensor, lengths_B: Tensor) -> Tensor:
        """Return the states of the last layer, shape (B, T, 2 * hidden_size)."""
        states_TBD = states_BTD.transpose(0, 1).contiguous()  # as the LSTM kernels want it: transposed once, not twice
        for layer, norm in zip(self.layers, self.norms, strict=True):  # in each direction of each layer
            states_TBD = self.dropout(norm(full(layer(states_TBD, lengths_B))))
        return states_TBD.transpose(0, 1).contiguous()


class CellState(NamedTuple):
    """State of a cell stack: per layer h (B, H), and for LSTM cells also c (B, H)."""

    hidden: tuple[Tensor, ...]
    cell: tuple[Tensor, ...]

    def select(self, rows: Tensor) -> CellState:
        """Return the state of the given rows of the batch."""
        return CellState(tuple(h[rows] for h in self.hidden), tuple(c[rows] for c in self.cell))


class CellLayout(NamedTuple):
    """How much a cell stack carries from step to step.

    Attributes:
        layers: L.
        size: H.
        has_cell: Whether there is a c beside the h of each layer, as in an LSTM.
    """

    layers: int
    size: int
    has_cell: bool

    def state(self, hidden_BLH: Tensor, cell_BLH: Tensor | None = None) -> CellState:
        """Return the state with the given h of each layer, and with the given c or with zeros where there is one."""
        if not self.has_cell:
            return CellState(hidden_BLH.unbind(1), ())
        return CellState(
            hidden_BLH.unbind(1), (torch.zeros_like(hidden_BLH) if cell_BLH is None else cell_BLH).unbind(1)
        )


class LSTMWeights(NamedTuple):
    """What one LSTM layer multiplies with and adds; G = 4 H gates (input, forget, cell, output, as torch has them)."""

    input_GX: Tensor
    hidden_GH: Tensor
    input_bias_G: Tensor
    hidden_bias_G: Tensor


class CellStack(nn.Module):
    """LSTM or GRU cells on top of each other, one step at a time.

    Args:
        kind: lstm or gru.
        input_size: Size of the input of the first layer.
        hidden_size: H.
        layers: Number of layers.
        dropout: Dropout probability between layers.
    """

    def __init__(self, kind: Cell, *, input_size: int, hidden_size: int, layers: int, dropout: float) -> None:
        super().__init__()
        cell = nn.LSTMCell if kind == "lstm" else nn.GRUCell
        self.cells = nn.ModuleList(cell(input_size if i == 0 else hidden_size, hidden_size) for i in range(layers))
        self.layout = CellLayout(layers, hidden_size, has_cell=kind == "lstm")
        self.dropout = nn.Dropout(dropout)

    def single_lstm(self) -> LSTMWeights | None:
        """Return the weights of the one LSTM layer that this is, or None if it is anything else."""
        cell = self.cells[0]
        if len(self.cells) > 1 or not isinstance(cell, nn.LSTMCell):
            return None
        return LSTMWeights(cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh)

    def forward(self, inputs_BD: Tensor, state: CellState) -> tuple[Tensor, CellState]:
        """Advance one step; return the h of the top layer and the new state."""
        hidden: list[Tensor] = []
        cells: list[Tensor] = []
        for i, layer in enumerate(self.cells):
            inputs_BD = self.dropout(hidden[-1]) if i else inputs_BD
            if self.layout.has_cell:
                h_BH, c_BH = layer(inputs_BD, (state.hidden[i], state.cell[i]))
                cells.append(c_BH)
            else:
                h_BH = layer(inputs_BD, state.hidden[i])
            hidden.append(h_BH)
        return hidden[-1], CellState(tuple(hidden), tuple(cells))
