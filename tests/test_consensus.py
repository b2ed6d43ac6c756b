"""The output most like the others, against equation (1) spelled out, and what a search makes of it."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scriba.core.search.consensus import by_consensus, expected_likeness, likeness, ngrams
from scriba.core.search.outputs import Outputs
from scriba.core.text.tokenizer import BLANK, SOS_EOS

OUTPUTS = st.lists(st.lists(st.integers(3, 5), max_size=6), min_size=1, max_size=5)


def likeness_by_hand(a: list[int], b: list[int]) -> float:
    """The mean over n of 2 * common / (n-grams of both), taking each common n-gram out of what is left of the other."""
    scores = []
    for n in (1, 2, 3, 4):
        own, rest = ([tuple(x[i : i + n]) for i in range(len(x) - n + 1)] for x in (a, b))
        total, common = len(own) + len(rest), 0
        for gram in own:
            if gram in rest:
                rest.remove(gram)
                common += 1
        scores.append(2 * common / total if total else 1.0)
    return sum(scores) / 4


@given(OUTPUTS, st.floats(0.1, 10.0))
def test_expected_likeness_is_the_sum_over_all_outputs(outputs: list[list[int]], temperature: float) -> None:
    log_probs = [-0.7 * i for i in range(len(outputs))]
    total = sum(math.exp(value / temperature) for value in log_probs)
    found = expected_likeness(outputs, log_probs, temperature)
    for output, value in zip(outputs, found, strict=True):
        pairs = zip(outputs, log_probs, strict=True)
        wanted = sum(math.exp(p / temperature) / total * likeness_by_hand(output, other) for other, p in pairs)
        assert value == pytest.approx(wanted)


@given(st.lists(st.integers(3, 5), max_size=6), st.lists(st.integers(3, 5), max_size=6))
def test_likeness_is_mutual_and_whole_for_the_same(a: list[int], b: list[int]) -> None:
    assert likeness(ngrams(a), ngrams(b)) == likeness(ngrams(b), ngrams(a))
    assert likeness(ngrams(a), ngrams(a)) == 1.0


def ranked(outputs: list[list[list[int]]], ranks: list[list[float]]) -> Outputs:
    """Return outputs with these ranks, which are their log probabilities as well."""
    width = 1 + max(len(output) for row in outputs for output in row)
    ids = [[[*o, SOS_EOS, *[BLANK] * (width - len(o) - 1)] for o in row] for row in outputs]
    log_probs_BNU = torch.zeros(len(ids), len(ids[0]), width)
    log_probs_BNU[:, :, 0] = torch.tensor(ranks)
    marks_BNUT = torch.arange(len(ids[0]), dtype=torch.float)[None, :, None, None].expand(len(ids), -1, width, 2)
    scores_BN = torch.tensor(ranks)
    return Outputs(torch.tensor(ids), log_probs_BNU, scores_BN, {"attention": scores_BN}, marks_BNUT, None)


def test_the_odd_one_out_loses_though_it_is_most_probable() -> None:
    """Three that agree but for a word win over one that says something else; all that belongs to an output moves."""
    outputs = [[[9, 9, 9], [3, 4, 5, 6], [3, 4, 5, 7], [3, 4, 5, 6, 8]], [[3], [4], [4, 5], []]]
    ranks = [[-1.0, -1.5, -1.6, -1.7], [-0.1, -9.0, -9.0, -math.inf]]
    found = by_consensus(ranked(outputs, ranks), temperature=3.0, count=2)
    assert found.ids_BNU[0, 0].tolist() == [3, 4, 5, 6, SOS_EOS, BLANK]
    assert found.ranks_BN[0, 0] == -1.5 and found.parts["attention"][0, 0] == -1.5
    assert found.weights_BNUT is not None and found.weights_BNUT[0, 0, 0, 0] == 1.0
    assert found.ids_BNU.shape[1] == 2
    assert found.ids_BNU[1, 0].tolist()[:2] == [3, SOS_EOS]  # all the probability is there


def test_at_a_low_temperature_the_most_probable_wins_and_what_is_missing_stays_last() -> None:
    outputs = [[[9, 9, 9], [3, 4, 5, 6], [3, 4, 5, 7], []]]
    ranks = [[-1.0, -1.5, -1.6, -math.inf]]
    found = by_consensus(ranked(outputs, ranks), temperature=0.05, count=4)
    assert found.ranks_BN[0, 0] == -1.0 and found.ranks_BN[0, 3] == -math.inf
