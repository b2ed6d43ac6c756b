"""CTC prefix scores against the sum over all paths, and against the recursion a position at a time."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from models import CPU, collapse, spell

from scriba.core.search.prefix import PrefixScorer
from scriba.core.text.tokenizer import BLANK, SOS_EOS, UNK

FIRST = UNK + 1
"""The first real label."""


def random_log_probs(rows: int, positions: int, labels: int, seed: int, scale: float = 1.0) -> torch.Tensor:
    """CTC output of `labels` real labels; the end and unknown are as rare as in any trained model."""
    logits = scale * torch.randn(rows, positions, FIRST + labels, generator=torch.Generator().manual_seed(seed))
    logits[..., [SOS_EOS, UNK]] = -1e4
    return logits.log_softmax(-1)


def sums_over_paths(log_probs_TV: torch.Tensor, prefix: tuple[int, ...]) -> tuple[float, float]:
    """Log of the summed probabilities of all paths that say something beginning with the prefix, and just it."""
    positions, size = log_probs_TV.shape
    labels = [BLANK, *range(FIRST, size)]
    begins, says = [torch.tensor(-torch.inf).double()], [torch.tensor(-torch.inf).double()]
    for path in product(labels, repeat=positions):
        text = collapse(path)
        if text[: len(prefix)] == prefix:
            begins.append(log_probs_TV.double()[range(positions), path].sum())
        if text == prefix:
            says.append(begins[-1])
    return float(torch.stack(begins).logsumexp(0)), float(torch.stack(says).logsumexp(0))


@settings(max_examples=60)
@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=3),
    st.integers(0, 10**6),
    st.lists(st.integers(FIRST, FIRST + 1), max_size=4).map(tuple),
    st.sampled_from([1.0, 5.0, 300.0]),
)
def test_sum_over_all_paths(lengths: list[int], seed: int, prefix: tuple[int, ...], scale: float) -> None:
    """Every continuation and the end, of inputs of different lengths, also where labels are too rare for a float."""
    log_probs_BTV = random_log_probs(len(lengths), max(lengths), 2, seed, scale)
    scorer = PrefixScorer(log_probs_BTV, torch.tensor(lengths))
    scores_BKV = scorer.continuations(spell(scorer, [prefix] * len(lengths)))
    assert scores_BKV[..., BLANK].eq(-torch.inf).all()
    for b, length in enumerate(lengths):
        for token in range(FIRST, FIRST + 2):
            expected, _ = sums_over_paths(log_probs_BTV[b, :length], (*prefix, token))
            assert float(scores_BKV[b, 0, token]) == pytest.approx(expected, abs=1e-6)
        _, expected = sums_over_paths(log_probs_BTV[b, :length], prefix)
        assert float(scores_BKV[b, 0, SOS_EOS]) == pytest.approx(expected, abs=1e-6)


@settings(max_examples=60)
@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=3),
    st.integers(0, 10**6),
    st.lists(st.integers(FIRST, FIRST + 1), max_size=4).map(tuple),
    st.sampled_from([1.0, 5.0, 300.0]),
)
def test_gains_add_up(lengths: list[int], seed: int, output: tuple[int, ...], scale: float) -> None:
    """What the tokens of an output and its end add, each after those before it, is the probability of it alone.

    Where nothing can say what was said so far, no token adds anything but minus infinity.
    """
    log_probs_BTV = random_log_probs(len(lengths), max(lengths), 2, seed, scale)
    scorer = PrefixScorer(log_probs_BTV, torch.tensor(lengths))
    total_B = torch.zeros(len(lengths)).double()
    for u, token in enumerate((*output, SOS_EOS)):
        state = spell(scorer, [output[:u]] * len(lengths))
        gains_BKV = scorer.score(state, state.last_BK).gains_BKV
        assert gains_BKV.dtype == torch.double and not gains_BKV.isnan().any()
        assert gains_BKV[..., BLANK].eq(-torch.inf).all()
        total_B = total_B + gains_BKV[:, 0, token]
    for b, length in enumerate(lengths):
        _, expected = sums_over_paths(log_probs_BTV[b, :length], output)
        assert float(total_B[b]) == pytest.approx(expected, abs=1e-6)


def psi_by_loop(log_probs_TV: torch.Tensor, output: list[int], token: int) -> float:
    """Equations (1) to (4), a token and a position at a time."""
    positions = len(log_probs_TV)
    labels = [-torch.inf] * (positions + 1)
    blanks = [0.0, *log_probs_TV[:, BLANK].double().cumsum(0).tolist()]
    psi, last = 0.0, SOS_EOS
    for c in [*output, token]:
        p, blank = log_probs_TV[:, c].tolist(), log_probs_TV[:, BLANK].tolist()
        phi = [b if c == last else add(n, b) for n, b in zip(labels, blanks, strict=True)]
        psi = -torch.inf
        new_labels, new_blanks = [-torch.inf], [-torch.inf]
        for t in range(positions):
            psi = add(psi, phi[t] + p[t])
            new_blanks.append(add(new_blanks[t], new_labels[t]) + blank[t])
            new_labels.append(add(new_labels[t], phi[t]) + p[t])
        labels, blanks, last = new_labels, new_blanks, c
    return psi


def add(a: float, b: float) -> float:
    """log(exp(a) + exp(b))"""
    return float(np.logaddexp(a, b))


def test_long_input() -> None:
    """Over ten thousand positions scores are as exact as the recursion in double precision, and never a NaN."""
    log_probs_BTV = random_log_probs(1, 10_000, 3, seed=1, scale=4.0)
    scorer = PrefixScorer(log_probs_BTV, torch.tensor([10_000]))
    output = [FIRST, FIRST, FIRST + 2, FIRST + 1]
    scores_BKV = scorer.continuations(spell(scorer, [tuple(output)]))
    assert not scores_BKV.isnan().any()
    expected = psi_by_loop(log_probs_BTV[0], output, FIRST + 1)
    assert float(scores_BKV[0, 0, FIRST + 1]) == pytest.approx(expected, rel=1e-9)


def test_hypotheses_of_a_beam() -> None:
    """Slots are independent: each of a beam has the state it would have alone, whichever slot it came from."""
    log_probs_BTV = random_log_probs(2, 6, 3, seed=3)
    scorer = PrefixScorer(log_probs_BTV, torch.tensor([6, 4]))
    state = scorer.start(2, 3, CPU)
    first = torch.tensor([[3, 4, 5], [5, 5, 3]])
    scored = scorer.score(state, torch.full((2, 3), SOS_EOS))
    state = scorer.advance(scored.state, torch.zeros(2, 3, dtype=torch.long), first)
    parents, tokens = torch.tensor([[2, 0, 0], [1, 2, 0]]), torch.tensor([[5, 3, 4], [4, 3, 3]])
    state = scorer.advance(scorer.score(state, first).state, parents, tokens)
    for k in range(3):
        outputs = [(int(first[b, parents[b, k]]), int(tokens[b, k])) for b in range(2)]
        alone = spell(scorer, outputs)
        torch.testing.assert_close(scorer.continuations(state)[:, k], scorer.continuations(alone)[:, 0])
        torch.testing.assert_close(
            scorer.score(state, tokens).gains_BKV[:, k], scorer.score(alone, tokens[:, k, None]).gains_BKV[:, 0]
        )
