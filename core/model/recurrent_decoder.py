"""The recurrent decoder with attention.

One step, in this order (Bahdanau et al. 2015, arXiv 1409.0473):

1. a_t from s_{t-1} and all h; context w_t = a_t H
2. s_t = RNN([e(y_t) ; w_t], s_{t-1})
3. logits of y_{t+1} = f(e(y_t), w_t, s_t)

`trace` teaches (all target tokens known, the output layer runs once after the loop), `step` decodes. The loop of
`trace` is a part: `plain_loop` here takes one step after the other, `core/model/fused.py` all of them at once.

Shapes: B batch, R rows (B, or a multiple of it that shares memories), T encoder positions, U target length,
V vocabulary, D memory size, H decoder size, E embedding size, N attention heads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from scriba.core.model.attention import Attention, Keys, Without
from scriba.core.model.decoder import Trace
from scriba.core.model.memory import Memory
from scriba.core.model.recurrent import Cell, CellStack, CellState
from scriba.core.model.start import Start
from scriba.core.precision import full
from scriba.core.ranges import Dropout, Layers, Size


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

    cell: Cell = "lstm"
    layers: Layers = 1
    size: Size = 256
    embedding_size: Size = 128
    dropout: Dropout = 0.1
    start: Literal["zeros", "mean"] = "zeros"
    gate: bool = False


class State(NamedTuple):
    """The `DecoderState` of this decoder.

    Attributes:
        cells: State of the recurrent layers.
        keys: The projected memory; None without attention.
        weights_RNT: Attention weights of the last step; None without attention.
        fixed_RD: The context fed at every step when there is no attention (D is 0 when none is fed).
    """

    cells: CellState
    keys: Keys | None
    weights_RNT: Tensor | None
    fixed_RD: Tensor | None

    @property
    def looked_RT(self) -> Tensor | None:
        """Attention weights of the last step, averaged over heads."""
        return None if self.weights_RNT is None else self.weights_RNT.mean(1)

    def spread(self, beam_size: int) -> State:
        """Return each row that many times, one after the other; they share their keys."""
        hidden_RH = self.cells.hidden[0]
        return self.reorder(torch.arange(len(hidden_RH), device=hidden_RH.device).repeat_interleave(beam_size))

    def reorder(self, rows: Tensor) -> State:
        """Return the state of the given rows, each of which takes the place of one that looks at the same memory."""
        return State(
            self.cells.select(rows),
            self.keys,
            None if self.weights_RNT is None else self.weights_RNT[rows],
            None if self.fixed_RD is None else self.fixed_RD[rows],
        )


class Steps(NamedTuple):
    """What a loop over all steps leaves behind.

    Attributes:
        contexts_BUD: The contexts.
        hidden_BUH: States of the last recurrent layer.
        weights_BUNT: The distributions over the positions; None without attention.
        chosen_BUNT: What was read; None without attention.
        expect_B: True where hard attention read the expectation; None unless attention is hard.
    """

    contexts_BUD: Tensor
    hidden_BUH: Tensor
    weights_BUNT: Tensor | None
    chosen_BUNT: Tensor | None
    expect_B: Tensor | None


class Loop(Protocol):
    """Steps 1 and 2 for all tokens of a target."""

    def __call__(self, decoder: RecurrentDecoder, embedded_BUE: Tensor, memory: Memory) -> Steps:
        """Run over embedded tokens."""
        ...


def fixed_context(memory: Memory, what: Without) -> Tensor:
    """Return what a decoder without attention is fed at every step, (B, D): nothing, the last state or the mean."""
    if what == "mean":
        return memory.mean_state()
    return memory.last_state()[:, : 0 if what == "state" else None]


class RecurrentDecoder(nn.Module):
    """The `Decoder` with recurrent layers, with attention or without.

    Args:
        attention: The attention, or None.
        without: What is fed at every step without attention: nothing (state), the last encoder state (every_step) or
            the mean of the memory (mean).
        embedding: Token embedding, (V, E).
        cells: Recurrent layers on [e(y_t) ; w_t].
        start: Makes their first state.
        context_size: D, or 0 where nothing is fed.
        dropout: Dropout probability on embeddings and before the output layer.
        gate: From a state to the gate that scales the context, or None.
        loop: Steps 1 and 2 for all tokens at once, in training.
    """

    def __init__(
        self,
        *,
        attention: Attention | None,
        without: Without,
        embedding: nn.Embedding,
        cells: CellStack,
        start: nn.Module,
        context_size: int,
        dropout: float,
        gate: nn.Linear | None,
        loop: Loop,
    ) -> None:
        super().__init__()
        size = cells.layout.size
        self.attention = attention
        self.embedding = embedding
        self.cells = cells
        self.without = without
        self.start = start
        self.gate = gate
        self.combine = nn.Linear(embedding.embedding_dim + context_size + size, size)
        self.output = nn.Linear(size, embedding.num_embeddings)
        self.dropout = nn.Dropout(dropout)
        self.loop = loop

    def init(self, memory: Memory) -> State:
        """Return the state before the first token; the memory is projected here, once."""
        start: Start = self.start
        if self.attention is None:
            return State(start(memory), None, None, fixed_context(memory, self.without))
        return State(start(memory), self.attention.keys(memory), self.attention.start_weights(memory), None)

    def step(self, state: State, tokens_R: Tensor) -> tuple[Tensor, State]:
        """Advance one step while decoding; returns the logits of the next token (R, V) and the new state."""
        embedded_RE = self.embedding(tokens_R)
        context_RD, state, _ = self.advance(embedded_RE, state)
        return self._readout(embedded_RE, context_RD, state.cells.hidden[-1]), state

    def forward(self, memory: Memory, tokens_BU: Tensor) -> tuple[Tensor, Tensor | None]:
        """Run over known previous tokens (teacher forcing).

        Returns:
            Logits (B, U, V) and attention weights (B, U, T), averaged over heads; None without attention.
        """
        trace = self.trace(memory, tokens_BU)
        weights = trace.weights_BUNT
        return trace.logits_BUV, None if weights is None else weights.mean(2)

    def trace(self, memory: Memory, tokens_BU: Tensor) -> Trace:
        """Like `forward`, and keep what REINFORCE needs of hard attention."""
        embedded_BUE = self.dropout(self.embedding(tokens_BU))
        steps = self.loop(self, embedded_BUE, memory)
        logits_BUV = self._readout(embedded_BUE, steps.contexts_BUD, steps.hidden_BUH)
        return Trace(logits_BUV, steps.weights_BUNT, steps.chosen_BUNT, steps.expect_B)

    def advance(
        self, embedded_RE: Tensor, state: State, expect_B: Tensor | None = None
    ) -> tuple[Tensor, State, Tensor | None]:
        """Take steps 1 and 2 of the module docstring.

        Args:
            embedded_RE: The previous tokens, embedded.
            state: From `init` or the step before.
            expect_B: True where hard attention reads the expectation; None reads it nowhere.

        Returns:
            Context (R, D), new state, and what was chosen (R, N, T); None without attention.
        """
        weights_RNT, chosen_RNT = None, None
        if self.attention is None:
            assert state.fixed_RD is not None
            context_RD = state.fixed_RD
        else:
            assert state.keys is not None and state.weights_RNT is not None
            query_RH = state.cells.hidden[-1]
            context_RD, weights_RNT, chosen_RNT = self.attention(query_RH, state.keys, state.weights_RNT, expect_B)
            if self.gate is not None:
                context_RD = torch.sigmoid(self.gate(query_RH)) * context_RD
        _, cells = self.cells(torch.cat([embedded_RE, context_RD], dim=-1), state.cells)
        return context_RD, State(cells, state.keys, weights_RNT, state.fixed_RD), chosen_RNT

    def _readout(self, embedded: Tensor, context: Tensor, hidden: Tensor) -> Tensor:
        """Step 3, for one step or for all steps at once."""
        combined = torch.tanh(self.combine(torch.cat([embedded, context, hidden], dim=-1)))
        return full(self.output(self.dropout(combined)))


def plain_loop(decoder: RecurrentDecoder, embedded_BUE: Tensor, memory: Memory) -> Steps:
    """Take one step after the other, whatever the decoder is made of: the reference for every faster loop."""
    state = decoder.init(memory)
    attention = decoder.attention
    expect_B = None if attention is None else attention.draw_expectation(len(embedded_BUE), embedded_BUE.device)
    contexts, hidden, weights, chosen = [], [], [], []
    for embedded_BE in embedded_BUE.unbind(1):
        context_BD, state, chosen_BNT = decoder.advance(embedded_BE, state, expect_B)
        contexts.append(context_BD)
        hidden.append(state.cells.hidden[-1])
        if state.weights_RNT is not None and chosen_BNT is not None:
            weights.append(state.weights_RNT)
            chosen.append(chosen_BNT)
    return Steps(
        torch.stack(contexts, 1),
        torch.stack(hidden, 1),
        torch.stack(weights, 1) if weights else None,
        torch.stack(chosen, 1) if chosen else None,
        expect_B,
    )
