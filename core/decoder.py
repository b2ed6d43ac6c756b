"""The recurrent decoder with attention.

One step, in this order (Bahdanau et al. 2015, arXiv 1409.0473):

1. a_t from s_{t-1} and all h; context w_t = a_t H
2. s_t = RNN([e(y_t) ; w_t], s_{t-1})
3. logits of y_{t+1} = f(e(y_t), w_t, s_t)

`forward` teaches (all target tokens known, the output layer runs once after the loop), `step` decodes. For the usual
variant `core/fused.py` is the loop; for the others it stands in `trace`.

Shapes: B batch, T encoder positions, U target length, V vocabulary, D memory size, H decoder size,
E embedding size, N attention heads, L layers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from scriba.core.attention import AdditiveEnergy, Attention, AttentionConfig, Keys, LocationEnergy, build_attention
from scriba.core.fused import Weights, unroll
from scriba.core.memory import Memory
from scriba.core.precision import full
from scriba.core.recurrent import CellStack, CellState


@dataclass(frozen=True)
class DecoderConfig:
    """The recurrent decoder.

    Args:
        cell: Recurrent cell, lstm or gru.
        layers: Number of recurrent layers.
        size: Size of the decoder state H.
        embedding_size: Size of a token embedding.
        dropout: Dropout probability on embeddings, between layers and before the output layer.
        start: State before the first token: zeros, or mean, what two small networks make of the mean of the memory
            (Xu et al. 2015, section 3.1.2). Without attention, zeros stands for what a layer makes of the last state.
        gate: Scale the context by a gate between 0 and 1 that depends on the state (Xu et al. 2015, section 4.2.1).
    """

    cell: Literal["lstm", "gru"] = "lstm"
    layers: int = 1
    size: int = 256
    embedding_size: int = 128
    dropout: float = 0.1
    start: Literal["zeros", "mean"] = "zeros"
    gate: bool = False


class State(NamedTuple):
    """Everything a decoder carries from step to step; a plain value that can be gathered along the batch.

    Attributes:
        cells: State of the recurrent layers.
        keys: The projected memory; None without attention.
        weights_BNT: Attention weights of the last step; None without attention.
        fixed_BD: The context fed at every step when there is no attention (D is 0 when none is fed).
    """

    cells: CellState
    keys: Keys | None
    weights_BNT: Tensor | None
    fixed_BD: Tensor | None

    def select(self, rows: Tensor) -> State:
        """Return the state of the given rows of the batch (indices may repeat)."""
        return State(
            self.cells.select(rows),
            None if self.keys is None else self.keys.select(rows),
            None if self.weights_BNT is None else self.weights_BNT[rows],
            None if self.fixed_BD is None else self.fixed_BD[rows],
        )

    def spread(self, beam_size: int) -> State:
        """Return each row that many times, one after the other; they share their keys."""
        rows = torch.arange(len(self.cells.hidden[0]), device=self.cells.hidden[0].device)
        return self.reorder(rows.repeat_interleave(beam_size))

    def reorder(self, rows: Tensor) -> State:
        """Return the state of the given rows, each of which takes the place of one that looks at the same memory."""
        return self._replace(keys=None).select(rows)._replace(keys=self.keys)


class Trace(NamedTuple):
    """What a training pass leaves behind.

    Attributes:
        logits_BUV: Logits of the next token at each step.
        weights_BUNT: The distributions a; None without attention.
        chosen_BUNT: What was read: a itself, or one-hot samples of hard attention; None without attention.
        expect_B: True where hard attention read the expectation; None unless attention is hard.
    """

    logits_BUV: Tensor
    weights_BUNT: Tensor | None
    chosen_BUNT: Tensor | None
    expect_B: Tensor | None


class MeanStart(nn.Module):
    """Start of the recurrent layers from the mean of the memory: f_init,h and f_init,c of Xu et al. 2015.

    Args:
        memory_size: D.
        cells: The layers.
    """

    def __init__(self, memory_size: int, cells: CellStack) -> None:
        super().__init__()
        self.layers = len(cells.cells)
        sizes = memory_size, cells.size, self.layers * cells.size
        self.hidden = two_layers(*sizes)
        self.cell = two_layers(*sizes) if cells.is_lstm else None

    def forward(self, memory: Memory) -> CellState:
        mean_BD = memory.mean_state()
        hidden_BLH = torch.tanh(self.hidden(mean_BD)).unflatten(-1, (self.layers, -1))
        cell_BLH = None if self.cell is None else self.cell(mean_BD).unflatten(-1, (self.layers, -1))
        return CellState(hidden_BLH.unbind(1), () if cell_BLH is None else cell_BLH.unbind(1))


def two_layers(inputs: int, inner: int, outputs: int) -> nn.Sequential:
    """Return a network with one hidden layer."""
    return nn.Sequential(nn.Linear(inputs, inner), nn.Tanh(), nn.Linear(inner, outputs))


class Decoder(nn.Module):
    """Recurrent decoder over a `Memory`, with attention or without.

    Args:
        attention: The attention, or None.
        without: What is fed at every step without attention: nothing (state), the last encoder state (every_step) or
            the mean of the memory (mean).
        embedding: Token embedding, (V, E).
        cells: Recurrent layers on [e(y_t) ; w_t].
        memory_size: D.
        size: H.
        dropout: Dropout probability on embeddings and before the output layer.
        mean_start: Start from the mean of the memory; otherwise from zeros, without attention from the last state.
        gate: Scale the context by a gate.
    """

    def __init__(
        self,
        *,
        attention: Attention | None,
        without: Literal["state", "every_step", "mean"],
        embedding: nn.Embedding,
        cells: CellStack,
        memory_size: int,
        size: int,
        dropout: float,
        mean_start: bool = False,
        gate: bool = False,
    ) -> None:
        super().__init__()
        self.attention = attention
        self.embedding = embedding
        self.cells = cells
        self.size = size
        self.without = without
        self.context_size = memory_size if attention is not None or without != "state" else 0
        layers = len(cells.cells)
        self.start = nn.Linear(memory_size, layers * size) if attention is None and not mean_start else None
        self.mean_start = MeanStart(memory_size, cells) if mean_start else None
        self.gate = nn.Linear(size, 1) if attention is not None and gate else None
        self.combine = nn.Linear(embedding.embedding_dim + self.context_size + size, size)
        self.output = nn.Linear(size, embedding.num_embeddings)
        self.dropout = nn.Dropout(dropout)

    def init(self, memory: Memory) -> State:
        """Return the state before the first token; the memory is projected here, once."""
        cells = self._start(memory)
        if self.attention is not None:
            return State(cells, self.attention.keys(memory), self.attention.start_weights(memory), None)
        fixed_BD = memory.mean_state() if self.without == "mean" else memory.last_state()
        return State(cells, None, None, fixed_BD[:, : self.context_size])

    def _start(self, memory: Memory) -> CellState:
        if self.mean_start is not None:
            return self.mean_start(memory)
        layers = len(self.cells.cells)
        if self.start is None:
            return self.cells.start(memory.states_BTD.new_zeros(layers, memory.states_BTD.shape[0], self.size))
        start_BLH = torch.tanh(self.start(memory.last_state())).unflatten(-1, (layers, self.size))
        return self.cells.start(start_BLH.transpose(0, 1))

    def step(self, state: State, tokens_B: Tensor) -> tuple[Tensor, State]:
        """Advance one step while decoding.

        Args:
            state: From `init` or the step before.
            tokens_B: The previous tokens y_t, int64.

        Returns:
            Logits of the next token (B, V) and the new state.
        """
        embedded_BE = self.embedding(tokens_B)
        context_BD, state, _ = self._advance(embedded_BE, state, None)
        return self._readout(embedded_BE, context_BD, state.cells.hidden[-1]), state

    def forward(self, memory: Memory, tokens_BU: Tensor) -> tuple[Tensor, Tensor | None]:
        """Run over known previous tokens (teacher forcing).

        Args:
            memory: Encoder states.
            tokens_BU: Previous tokens y_1..y_U, beginning with the start symbol, int64.

        Returns:
            Logits (B, U, V) and attention weights (B, U, T), averaged over heads; None without attention.
        """
        trace = self.trace(memory, tokens_BU)
        weights = trace.weights_BUNT
        return trace.logits_BUV, None if weights is None else weights.mean(2)

    def trace(self, memory: Memory, tokens_BU: Tensor) -> Trace:
        """Like `forward`, and keep what REINFORCE needs of hard attention."""
        if self.attention is not None and (fused := self._fused_weights()) is not None:
            return self._unroll(self.attention, memory, tokens_BU, fused)
        state = self.init(memory)
        expect_B = self._draw_expectation(tokens_BU)
        embedded_BUE = self.dropout(self.embedding(tokens_BU))
        contexts, hiddens, weights, chosen = [], [], [], []
        for embedded_BE in embedded_BUE.unbind(1):
            context_BD, state, chosen_BNT = self._advance(embedded_BE, state, expect_B)
            contexts.append(context_BD)
            hiddens.append(state.cells.hidden[-1])
            if state.weights_BNT is not None and chosen_BNT is not None:
                weights.append(state.weights_BNT)
                chosen.append(chosen_BNT)
        logits_BUV = self._readout(embedded_BUE, torch.stack(contexts, 1), torch.stack(hiddens, 1))
        if not weights:
            return Trace(logits_BUV, None, None, None)
        return Trace(logits_BUV, torch.stack(weights, 1), torch.stack(chosen, 1), expect_B)

    def _fused_weights(self) -> Weights | None:
        """Return the weights for `unroll`, or None where the configured variant is not the one it computes."""
        cell = self.cells.cells[0]
        attention = self.attention
        if attention is None or attention.hard or len(self.cells.cells) > 1 or not isinstance(cell, nn.LSTMCell):
            return None
        if self.mean_start is not None or self.gate is not None:
            return None
        energy = attention.energy
        if not isinstance(energy, AdditiveEnergy | LocationEnergy):
            return None
        context_GD = cell.weight_ih[:, self.embedding.embedding_dim :]
        located = (energy.F.weight, energy.U.weight) if isinstance(energy, LocationEnergy) else (None, None)
        return Weights(energy.W2.weight, energy.v.weight[0], context_GD, cell.weight_hh, *located)

    def _unroll(self, attention: Attention, memory: Memory, tokens_BU: Tensor, weights: Weights) -> Trace:
        """The loop of `trace` as one operation."""
        cell = self.cells.cells[0]
        assert isinstance(cell, nn.LSTMCell)
        embedded_BUE = self.dropout(self.embedding(tokens_BU))
        bias_G = cell.bias_ih + cell.bias_hh
        gates_BUG = full(nn.functional.linear(embedded_BUE, cell.weight_ih[:, : embedded_BUE.shape[-1]], bias_G))
        projected_BTA = attention.keys(memory).projected_BTA
        start_BT = attention.start_weights(memory)[:, 0]
        with torch.autocast(tokens_BU.device.type, enabled=False):
            done = unroll(gates_BUG, memory.states_BTD, projected_BTA, memory.mask_BT, start_BT, weights)
        logits_BUV = self._readout(embedded_BUE, done.contexts_BUD, done.hidden_BUH)
        weights_BUNT = done.weights_BUT[:, :, None]
        return Trace(logits_BUV, weights_BUNT, weights_BUNT, None)

    def _draw_expectation(self, tokens_BU: Tensor) -> Tensor | None:
        """Draw which utterances of the batch read the expectation although attention is hard."""
        if self.attention is None or not self.attention.hard or not self.training:
            return None
        draw_B = torch.rand(tokens_BU.shape[0], device=tokens_BU.device)
        return draw_B < self.attention.expectation_probability

    def _advance(
        self, embedded_BE: Tensor, state: State, expect_B: Tensor | None
    ) -> tuple[Tensor, State, Tensor | None]:
        """Steps 1 and 2 of the module docstring; returns context, state and what was chosen."""
        weights_BNT, chosen_BNT = None, None
        if self.attention is None:
            assert state.fixed_BD is not None
            context_BD = state.fixed_BD
        else:
            assert state.keys is not None and state.weights_BNT is not None
            query_BH = state.cells.hidden[-1]
            context_BD, weights_BNT, chosen_BNT = self.attention(query_BH, state.keys, state.weights_BNT, expect_B)
            if self.gate is not None:
                context_BD = torch.sigmoid(self.gate(query_BH)) * context_BD
        _, cells = self.cells(torch.cat([embedded_BE, context_BD], dim=-1), state.cells)
        return context_BD, State(cells, state.keys, weights_BNT, state.fixed_BD), chosen_BNT

    def _readout(self, embedded: Tensor, context: Tensor, hidden: Tensor) -> Tensor:
        """Step 3, for one step or for all steps at once."""
        combined = torch.tanh(self.combine(torch.cat([embedded, context, hidden], dim=-1)))
        return full(self.output(self.dropout(combined)))


def build_decoder(
    config: DecoderConfig, attention: AttentionConfig, *, memory_size: int, vocabulary_size: int
) -> Decoder:
    """Assemble the configured decoder."""
    glimpse = build_attention(attention, memory_size=memory_size, query_size=config.size)
    context_size = memory_size if glimpse is not None or attention.without != "state" else 0
    return Decoder(
        attention=glimpse,
        without=attention.without,
        embedding=nn.Embedding(vocabulary_size, config.embedding_size),
        cells=CellStack(
            config.cell,
            input_size=config.embedding_size + context_size,
            hidden_size=config.size,
            layers=config.layers,
            dropout=config.dropout,
        ),
        memory_size=memory_size,
        size=config.size,
        dropout=config.dropout,
        mean_start=config.start == "mean",
        gate=config.gate,
    )
