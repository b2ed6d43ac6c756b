"""Small models, plain loops and comparisons that several test files share."""

from __future__ import annotations

import math
from itertools import groupby, product

import pytest
import torch
from torch import Tensor
from toy import BINS, ToyEncoder

from scriba.core.model.attention import AdditiveEnergy, Attention, AttentionConfig, DotEnergy, LocationEnergy
from scriba.core.model.build import Heads, ModelConfig, build_model
from scriba.core.model.memory import Memory
from scriba.core.model.recurrent_decoder import DecoderConfig
from scriba.core.model.seq2seq import Seq2Seq
from scriba.core.search.config import DecodingConfig
from scriba.core.search.decode import decode
from scriba.core.search.decoding import Decoding
from scriba.core.search.hypothesis import Hypothesis
from scriba.core.search.prefix import PrefixScorer, PrefixState
from scriba.core.search.scorer import Scorer
from scriba.core.text.tokenizer import BLANK, SOS_EOS, UNK, CharTokenizer

TOKENIZER = CharTokenizer("abcd ")
LENGTHS = [9, 14, 3, 1]
ATTENTIONS = [
    AttentionConfig("additive", size=8),
    AttentionConfig("location", size=8),
    AttentionConfig("dot", size=8, heads=2),
    AttentionConfig("additive", "hard", size=8),
    AttentionConfig("none"),
]
CPU = torch.device("cpu")


def make(attention: AttentionConfig, heads: Heads = "both") -> tuple[Seq2Seq, Memory]:
    """Return a model of two heads, or one, that has opinions, and what it encoded."""
    torch.manual_seed(3)
    config = ModelConfig(heads, attention, DecoderConfig(size=8, embedding_size=4))
    model = build_model(config, ToyEncoder(), len(TOKENIZER)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3)  # untrained models say one thing only; larger weights vary it
        if model.ctc is not None:
            model.ctc.output.bias[[SOS_EOS, UNK]] = -1e4  # as in any trained model: they are never a target of CTC
        return model, model.encode(torch.randn(len(LENGTHS), 14, BINS), torch.tensor(LENGTHS))


def decoded(
    model: Seq2Seq,
    memory: Memory,
    options: DecodingConfig,
    position_size: float | None = None,
    keep_attention: bool = False,
    language: Scorer | None = None,
) -> list[Hypothesis]:
    """Return what a model says under some options, in the letters of `TOKENIZER`."""
    decoding = Decoding(options, model.heads, language)
    return decode(model, memory, TOKENIZER, decoding, position_size, keep_attention)


def row_of(memory: Memory, b: int) -> Memory:
    """One input without its padding."""
    length = int(memory.lengths_B[b])
    return Memory(memory.states_BTD[b : b + 1, :length], memory.lengths_B[b : b + 1])


def assert_same(one: Hypothesis, other: Hypothesis) -> None:
    """Compare what two hypotheses say, exactly, and all of their numbers."""
    assert one.text == other.text
    assert one.scores == pytest.approx(other.scores, abs=1e-4) and one.score == pytest.approx(other.score, abs=1e-4)
    for spans, others in ((one.tokens, other.tokens), (one.words, other.words)):
        assert [(s.text, s.start, s.end) for s in spans] == [(s.text, s.start, s.end) for s in others]
        assert [s.confidence for s in spans] == pytest.approx([s.confidence for s in others], abs=1e-4)
    for row, row2 in zip(one.attention_UT or (), other.attention_UT or (), strict=True):
        assert row == pytest.approx(row2, abs=1e-4)


def collapse(path: tuple[int, ...]) -> tuple[int, ...]:
    """Merge repeats, then drop blanks: the definition."""
    return tuple(label for label, _ in groupby(path) if label != BLANK)


def log_probability(log_probs_TV: Tensor, target: tuple[int, ...]) -> Tensor:
    """Sum over all V^T paths that collapse to the target; -inf when there is none."""
    positions, labels = log_probs_TV.shape
    paths = [path for path in product(range(labels), repeat=positions) if collapse(path) == target]
    if not paths:
        return torch.tensor(-torch.inf, dtype=log_probs_TV.dtype)
    return torch.stack([log_probs_TV[range(positions), path].sum() for path in paths]).logsumexp(0)


def spell(scorer: PrefixScorer, outputs: list[tuple[int, ...]]) -> PrefixState:
    """The state of one hypothesis for each input, grown a token at a time (all of the same length)."""
    state = scorer.start(len(outputs), 1, CPU)
    last_B1 = torch.full((len(outputs), 1), SOS_EOS)
    for tokens in zip(*outputs, strict=True):
        scored = scorer.score(state, last_B1)
        last_B1 = torch.tensor(tokens)[:, None]
        state = scorer.advance(scored.state, torch.zeros_like(last_B1), last_B1)
    return state


def energy_by_loop(energy: torch.nn.Module, query_H: Tensor, states_TD: Tensor, previous_NT: Tensor) -> Tensor:
    """Equation (1) of `core/model/attention.py` and its relatives for one input, by position; returns (N, T)."""
    if isinstance(energy, DotEnergy):
        size = energy.Wk.weight.shape[0] // energy.heads
        query = energy.Wq.weight @ query_H + energy.Wq.bias
        rows = []
        for n in range(energy.heads):
            part = slice(n * size, (n + 1) * size)
            keys = [(energy.Wk.weight @ h + energy.Wk.bias)[part] for h in states_TD]
            rows.append(torch.stack([query[part] @ key / math.sqrt(size) for key in keys]))
        return torch.stack(rows)
    assert isinstance(energy, AdditiveEnergy | LocationEnergy)
    found = []
    for i, h in enumerate(states_TD):
        inner = energy.W1.weight @ h + energy.W1.bias + energy.W2.weight @ query_H
        if isinstance(energy, LocationEnergy):
            filters = energy.F.weight[:, 0]  # (channels, width)
            reach = filters.shape[1] // 2
            padded = torch.cat([previous_NT.new_zeros(reach), previous_NT[0], previous_NT.new_zeros(reach)])
            inner = inner + energy.U.weight @ (filters @ padded[i : i + 2 * reach + 1])
        found.append(energy.v.weight[0] @ torch.tanh(inner))
    return torch.stack(found)[None]


def glimpse_by_loop(
    attention: Attention, query_BH: Tensor, memory: Memory, previous_BNT: Tensor
) -> tuple[Tensor, Tensor]:
    """Equations (1) to (3) of `core/model/attention.py` for each input of a batch, cut to its length."""
    contexts, weights = [], []
    positions, state_size = memory.states_BTD.shape[1:]
    for b, length in enumerate(memory.lengths_B.tolist()):
        states_TD = memory.states_BTD[b]
        u_NT = energy_by_loop(attention.energy, query_BH[b], states_TD, previous_BNT[b])  # type: ignore[arg-type]
        rows, parts = [], []
        for n, u_T in enumerate(u_NT):
            exponentials = torch.stack([torch.exp(u) for u in u_T[:length]])
            a = exponentials / exponentials.sum()  # (2)
            rows.append(torch.cat([a, a.new_zeros(positions - length)]))
            size = state_size // len(u_NT)
            part = slice(n * size, (n + 1) * size)
            parts.append(sum((a[i] * states_TD[i, part] for i in range(length)), torch.zeros(size)))  # (3)
        weights.append(torch.stack(rows))
        contexts.append(torch.cat(parts))
    return torch.stack(contexts), torch.stack(weights)
