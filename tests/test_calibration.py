"""Calibration of confidences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scriba.core.scores.calibration import calibrated, calibration_error, fit_temperature, reliability, right_words


def test_a_known_temperature_is_found() -> None:
    """Results that are right as often as a calibrated confidence says, shown twice as sure: the temperature is 2."""
    rng = np.random.default_rng(0)
    true = rng.uniform(0.05, 0.95, 40_000)
    right = rng.random(len(true)) < true
    shown = calibrated(true, 0.5)
    assert fit_temperature(shown, right.tolist()) == pytest.approx(2.0, rel=0.05)
    assert calibration_error(calibrated(shown, 2.0), right.tolist()) < 1.0
    assert calibration_error(shown, right.tolist()) > 5.0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.floats(0.1, 10))
def test_calibrated_confidences_keep_their_order(confidences: list[float], temperature: float) -> None:
    """They stay between 0 and 1, in their order, on their side of one half; a temperature of 1 changes nothing."""
    found = calibrated(sorted(confidences), temperature)
    assert found == sorted(found) and all(0 <= value <= 1 for value in found)
    for before, after in zip(sorted(confidences), found, strict=True):
        assert (before - 0.5) * (after - 0.5) >= -1e-9
    assert calibrated(confidences, 1.0) == confidences


def test_error_by_hand() -> None:
    """Two bins: one half right at 0.9 (off by 0.4), one all right at 0.25 (off by 0.75)."""
    confidences, right = [0.9, 0.9, 0.9, 0.9, 0.25, 0.25], [True, False, True, False, True, True]
    assert reliability(confidences, right) == [(0.25, 1.0, 2), (pytest.approx(0.9), 0.5, 4)]
    assert calibration_error(confidences, right) == pytest.approx(100 * (4 * 0.4 + 2 * 0.75) / 6)


def test_right_words() -> None:
    assert right_words("a b c d", "a x c c d") == [True, False, True, False, True] or right_words(
        "a b c d", "a x c c d"
    ) == [True, False, False, True, True]
    assert right_words("a b", "") == [] and right_words("", "a b") == [False, False]
