"""Equations (1) to (3) against plain loops, in double precision, values and gradients; masking; selection."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from models import glimpse_by_loop
from torch import Tensor

from scriba.core.model.attention import (
    Attention,
    AttentionConfig,
    LocationEnergy,
    build_attention,
    masked_softmax,
    sample_position,
)
from scriba.core.model.memory import Memory

B, T, D, H, A = 3, 5, 6, 4, 7
LENGTHS = [5, 3, 1]
KINDS = [
    AttentionConfig("additive", size=A),
    AttentionConfig("location", size=A, location_channels=2, location_width=3),
    AttentionConfig("dot", size=6),
    AttentionConfig("dot", size=6, heads=3),
]


def make(
    config: AttentionConfig, lengths: list[int] = LENGTHS, seed: int = 0
) -> tuple[Attention, Memory, Tensor, Tensor]:
    """Return an attention in double precision with memory, query and previous weights that need gradients."""
    torch.manual_seed(seed)
    attention = build_attention(config, memory_size=D, query_size=H)
    assert attention is not None
    states = torch.randn(len(lengths), T, D, dtype=torch.double, requires_grad=True)
    query = torch.randn(len(lengths), H, dtype=torch.double, requires_grad=True)
    memory = Memory(states, torch.tensor(lengths))
    attention = attention.double()
    previous = attention.start_weights(memory)
    previous = previous * torch.rand(previous.shape, dtype=torch.double)  # uneven, so that a mirrored filter shows
    previous = (previous / previous.sum(-1, keepdim=True)).requires_grad_()
    return attention, memory, query, previous


@pytest.mark.parametrize("config", KINDS, ids=lambda c: f"{c.kind}-{c.heads}")
@settings(max_examples=15)
@given(st.lists(st.integers(1, T), min_size=1, max_size=4), st.integers(0, 10**6))
def test_equations_and_their_gradients(config: AttentionConfig, lengths: list[int], seed: int) -> None:
    """Weights, context, and all gradients of a loss on both equal those of the plain loops, in double precision."""
    attention, memory, query, previous = make(config, lengths, seed)
    if isinstance(attention.energy, LocationEnergy):
        attention.energy.U.weight.data.normal_()
    inputs = [memory.states_BTD, query, *attention.parameters()]
    if config.kind == "location":
        inputs.append(previous)
    found = attention(query, attention.keys(memory), previous)
    expected = glimpse_by_loop(attention, query, memory, previous)
    torch.testing.assert_close(found.context_RD, expected[0], rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(found.weights_RNT, expected[1], rtol=1e-12, atol=1e-12)
    generator = torch.Generator().manual_seed(1)
    pull_BD = torch.randn(found.context_RD.shape, dtype=torch.double, generator=generator)
    pull_BNT = torch.randn(found.weights_RNT.shape, dtype=torch.double, generator=generator)
    gradients = []
    for context, weights in ((found.context_RD, found.weights_RNT), expected):
        loss = (context * pull_BD).sum() + (weights * pull_BNT).sum()
        gradients.append(torch.autograd.grad(loss, inputs, allow_unused=True))
    for one, other in zip(*gradients, strict=True):
        one, other = (torch.zeros(()) if g is None else g for g in (one, other))
        torch.testing.assert_close(one, other.expand_as(one), rtol=1e-10, atol=1e-12, check_dtype=False)


@pytest.mark.parametrize("config", KINDS, ids=lambda c: f"{c.kind}-{c.heads}")
@pytest.mark.parametrize("selection", ["soft", "hard"])
def test_rows_sum_to_one_and_are_zero_on_padding(config: AttentionConfig, selection: str) -> None:
    """Nothing is ever read from padding, whatever lies there, and nothing of the weight is lost."""
    attention, memory, query, previous = make(config)
    attention.hard = selection == "hard"
    wild = memory.states_BTD.detach().clone()
    wild[~memory.mask_BT] = 1e6
    for states in (memory.states_BTD, wild):
        glimpse = attention(query, attention.keys(Memory(states, memory.lengths_B)), previous)
        for weights in (glimpse.weights_RNT, glimpse.chosen_RNT):
            torch.testing.assert_close(weights.sum(-1), torch.ones_like(weights[..., 0]))
            assert (weights.transpose(1, 2)[~memory.mask_BT] == 0).all()


def test_before_the_first_step_weights_are_uniform() -> None:
    """The location filter meets an even row over the valid positions, one for each head, and no padding."""
    attention, memory, _, _ = make(KINDS[3])
    expected = torch.tensor([[1 / n] * n + [0] * (T - n) for n in LENGTHS], dtype=torch.double)
    torch.testing.assert_close(attention.start_weights(memory), expected[:, None].expand(B, 3, T))


@given(st.lists(st.floats(-1e4, 1e4, width=32), min_size=T, max_size=T), st.integers(1, T))
def test_softmax_stands_large_energies(energies: list[float], length: int) -> None:
    """Whatever the energies, a row is the distribution of the definition, over valid positions only."""
    weights = masked_softmax(torch.tensor([[energies]]), torch.arange(T)[None] < length)[0, 0].tolist()
    parts = [math.exp(u - max(energies[:length])) for u in energies[:length]]
    assert weights == pytest.approx([x / sum(parts) for x in parts] + [0] * (T - length), abs=1e-5)
    assert not any(weights[length:])


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.double])
def test_softmax_is_never_below_float32(dtype: torch.dtype) -> None:
    """Half-precision energies get a float32 softmax; double stays double."""
    weights = masked_softmax(torch.randn(B, 1, T).to(dtype), torch.ones(B, T, dtype=torch.bool))
    assert weights.dtype == (torch.double if dtype == torch.double else torch.float32)


def test_hard_selection_samples_in_training_and_takes_the_best_in_evaluation() -> None:
    """Training draws one-hot samples, and expectations where asked; evaluation reads the most probable position."""
    attention, memory, query, previous = make(AttentionConfig("additive", "hard", size=A))
    keys = attention.keys(memory)
    expect_B = torch.tensor([True, False, False])
    glimpse = attention.train()(query, keys, previous, expect_B)
    torch.testing.assert_close(glimpse.chosen_RNT[0], glimpse.weights_RNT[0])
    assert sorted(glimpse.chosen_RNT[1, 0].tolist()) == [0, 0, 0, 0, 1]
    best = attention.eval()(query, keys, previous)
    assert best.chosen_RNT.argmax(-1).tolist() == best.weights_RNT.argmax(-1).tolist()
    torch.testing.assert_close(best.context_RD[2], memory.states_BTD[2, 0])


@pytest.mark.parametrize("config", [KINDS[0], KINDS[3]], ids=lambda c: f"{c.kind}-{c.heads}")
@pytest.mark.parametrize("training", [True, False])
def test_hard_context_is_the_chosen_state(config: AttentionConfig, training: bool) -> None:
    """Each head reads its slice of exactly one state, in training a sampled and otherwise the most probable one."""
    attention, memory, query, previous = make(config)
    attention.hard = True
    glimpse = attention.train(training)(query, attention.keys(memory), previous)
    assert glimpse.chosen_RNT.dtype == torch.double
    heads = glimpse.chosen_RNT.shape[1]
    for b, n in itertools.product(range(B), range(heads)):
        part = slice(n * D // heads, (n + 1) * D // heads)
        chosen = glimpse.chosen_RNT[b, n].tolist()
        i = chosen.index(1)
        assert sum(chosen) == 1 and i < LENGTHS[b]
        if not training:
            row = glimpse.weights_RNT[b, n].tolist()
            assert i == row.index(max(row))
        torch.testing.assert_close(glimpse.context_RD[b, part], memory.states_BTD[b, i, part])


def test_samples_follow_the_weights() -> None:
    """In every row and head positions come as often as their own weights say (20,000 draws, 4.5 standard errors)."""
    torch.manual_seed(0)
    weights_BNT = torch.tensor([[[0.5, 0.3, 0.2, 0.0], [0.1, 0.0, 0.0, 0.9]], [[0, 1.0, 0, 0], [0.25] * 4]])
    draws = 20000
    found = sum(
        sample_position(weights_BNT.repeat(100, 1, 1)).unflatten(0, (100, 2)).sum(0) for _ in range(draws // 100)
    )
    errors = (weights_BNT * (1 - weights_BNT) / draws).sqrt()
    assert ((found / draws - weights_BNT).abs() <= 4.5 * errors).all()


def test_weights_that_are_not_numbers_can_be_sampled() -> None:
    """A NaN goes on to the loss, where training skips and names the batch, instead of stopping the sampling."""
    weights = torch.tensor([[[0.0, 1.0]], [[torch.nan, torch.nan]]])
    assert sample_position(weights)[0, 0].tolist() == [0, 1]


@pytest.mark.parametrize("wrong", [{"kind": "location", "location_width": 4}, {"kind": "dot", "size": 7, "heads": 2}])
def test_sizes_that_do_not_fit_are_refused(wrong: dict[str, object]) -> None:
    """An even filter or heads that do not divide the sizes are told, not rounded."""
    with pytest.raises(ValueError, match=r"odd|divide"):
        build_attention(AttentionConfig(**wrong), memory_size=D, query_size=H)  # type: ignore[arg-type]
