"""The learning rate against its shape."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scriba.core.training.schedule import Decay, learning_rate

DECAYS: tuple[Decay, ...] = ("cosine", "linear", "constant")
runs = st.tuples(st.integers(1, 300), st.floats(0, 1), st.sampled_from(DECAYS))


def rates(total: int, warmup: float, decay: Decay, peak: float = 2.0) -> list[float]:
    return [learning_rate(step, total, peak=peak, warmup=warmup, decay=decay) for step in range(total)]


@pytest.mark.parametrize("decay", DECAYS)
def test_shape(decay: Decay) -> None:
    """A linear rise over the warm-up, the peak at its end, half-way down the value of the formula, then zero."""
    found = [learning_rate(step, 110, peak=2.0, warmup=10 / 110, decay=decay) for step in (0, 4, 9, 10, 35, 60, 110)]
    falls = {"cosine": 1 + math.cos(math.pi / 4), "linear": 1.5, "constant": 2.0}[decay]
    half, end = (2.0, 2.0) if decay == "constant" else (1.0, 0.0)
    assert found == pytest.approx([0.2, 1.0, 2.0, 2.0, falls, half, end])


@given(runs)
def test_rises_to_the_peak_and_falls(run: tuple[int, float, Decay]) -> None:
    """One top, which is the peak; a rise in equal parts as long as the warm-up; no rate is zero while steps remain."""
    total, warmup, decay = run
    found = rates(total, warmup, decay)
    rise = max(1, round(warmup * total))
    assert found[:rise] == pytest.approx([2.0 * (step + 1) / rise for step in range(rise)])
    assert max(found) == found[rise - 1] == 2.0
    assert all(a >= b for a, b in itertools.pairwise(found[rise - 1 :]))
    assert min(found) > 0


@given(runs, st.integers(0, 50))
def test_after_the_end_it_stays_down(run: tuple[int, float, Decay], more: int) -> None:
    """Steps beyond the planned ones, should there be any, train at zero, or on at the peak where there is no fall."""
    total, warmup, decay = run
    rate = learning_rate(total + more, total, peak=2.0, warmup=warmup, decay=decay)
    assert rate == pytest.approx(2.0 if decay == "constant" else 0.0) or max(1, round(warmup * total)) >= total


@given(runs, st.floats(1e-6, 1e3))
def test_scales_with_the_peak(run: tuple[int, float, Decay], peak: float) -> None:
    """The shape does not depend on the peak."""
    assert rates(*run, peak) == pytest.approx([rate * peak / 2 for rate in rates(*run)])
