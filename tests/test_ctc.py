"""CTC against brute force over every path of tiny sizes."""

from __future__ import annotations

from itertools import groupby, product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scriba.core.ctc import ctc_loss, greedy_path, required_positions
from scriba.core.tokenizer import BLANK


def collapse(path: tuple[int, ...]) -> tuple[int, ...]:
    """Merge repeats, then drop blanks: the definition."""
    return tuple(label for label, _ in groupby(path) if label != BLANK)


def probability(log_probs_TV: torch.Tensor, target: tuple[int, ...]) -> float:
    """Sum over all V^T paths that collapse to the target."""
    positions, labels = log_probs_TV.shape
    return sum(
        float(sum(log_probs_TV[t, label] for t, label in enumerate(path)).exp())  # type: ignore[union-attr]
        for path in product(range(labels), repeat=positions)
        if collapse(path) == target
    )


sizes = st.tuples(st.integers(1, 5), st.integers(2, 4))


@settings(deadline=None, max_examples=60)
@given(sizes, st.integers(0, 10**6), st.data())
def test_loss_is_the_sum_over_all_paths(size: tuple[int, int], seed: int, data: st.DataObject) -> None:
    """-log of the brute-force sum; infinite exactly where no path exists, which is where T is below the requirement."""
    positions, labels = size
    log_probs_BTV = torch.randn(1, positions, labels, generator=torch.Generator().manual_seed(seed)).log_softmax(-1)
    target = tuple(data.draw(st.lists(st.integers(1, labels - 1), min_size=1, max_size=4)))
    loss = ctc_loss(log_probs_BTV, torch.tensor([positions]), torch.tensor([target]), torch.tensor([len(target)]))
    expected = probability(log_probs_BTV[0], target)
    assert (required_positions(target) <= positions) == (expected > 0)
    if expected > 0:
        assert float(loss) == pytest.approx(-torch.tensor(expected).log().item(), rel=1e-4, abs=1e-5)
    else:
        assert float(loss) == float("inf")


@settings(deadline=None, max_examples=60)
@given(sizes, st.integers(0, 10**6))
def test_probabilities_of_all_targets_sum_to_one(size: tuple[int, int], seed: int) -> None:
    """The reference itself is sound: every path belongs to exactly one target."""
    positions, labels = size[0], min(size[1], 3)
    log_probs_TV = torch.randn(positions, labels, generator=torch.Generator().manual_seed(seed)).log_softmax(-1)
    targets = {collapse(path) for path in product(range(labels), repeat=positions)}
    assert sum(probability(log_probs_TV, target) for target in targets) == pytest.approx(1, rel=1e-4)


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=12), min_size=1, max_size=4), st.integers(0, 10**6))
def test_greedy_collapse(paths: list[list[int]], seed: int) -> None:
    """Tokens, spans and probabilities of each row equal those of a plain walk over its best path."""
    longest = max(map(len, paths))
    generator = torch.Generator().manual_seed(seed)
    probabilities = torch.rand(len(paths), longest, 4, generator=generator) * 0.5
    for b, path in enumerate(paths):
        for t, label in enumerate(path):
            probabilities[b, t, label] += 0.6
    found = greedy_path(probabilities.log(), torch.tensor([len(path) for path in paths]))
    for b, path in enumerate(paths):
        expected = []
        for label, run in groupby(range(len(path)), key=lambda t: path[t]):
            places = list(run)
            if label != BLANK:
                best = max(float(probabilities[b, t, label]) for t in places)
                expected.append((label, places[0], places[-1] + 1, best))
        assert [spike[:3] for spike in found[b]] == [e[:3] for e in expected]
        assert [spike.probability for spike in found[b]] == pytest.approx([e[3] for e in expected], rel=1e-5)


@given(st.lists(st.integers(1, 3), max_size=8))
def test_required_positions_is_the_shortest_path(labels: list[int]) -> None:
    """L plus adjacent repeats is the least number of positions that can carry the labels."""
    shortest: list[int] = []
    for label in labels:
        shortest += [BLANK, label] if shortest and shortest[-1] == label else [label]
    assert required_positions(labels) == len(shortest)
    assert collapse(tuple(shortest)) == tuple(labels)
