"""Confidences that mean what they say: of results with confidence 0.8, eight in ten should be right.

A single temperature, fitted on dev, makes a confidence p into sigmoid(logit(p) / temperature) (Guo et al. 2017,
arXiv 1706.04599, for the two outcomes right and wrong).
"""

from collections.abc import Sequence

import jiwer
import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit, logit

CERTAIN = 1e-6
"""Distance from 0 and 1 that confidences keep."""
TEMPERATURES = (0.05, 20.0)
"""Range in which the temperature is looked for."""

Confidences = Sequence[float] | NDArray[np.float64]


def calibrated(confidences: Confidences, temperature: float) -> list[float]:
    """Return the confidences at a temperature; 1 leaves them, more makes them less extreme."""
    if temperature == 1.0:
        return list(confidences)
    values: list[float] = expit(_logits(confidences) / temperature).tolist()
    return values


def _logits(confidences: Confidences) -> NDArray[np.float64]:
    values: NDArray[np.float64] = logit(np.clip(np.asarray(confidences, dtype=np.float64), CERTAIN, 1 - CERTAIN))
    return values


def fit_temperature(confidences: Confidences, right: Sequence[bool]) -> float:
    """Return the temperature at which the confidences explain best what was right (least cross entropy)."""
    from scipy.optimize import minimize_scalar  # slow to import

    logits, signs = _logits(confidences), np.where(right, 1.0, -1.0)

    def surprise(log_temperature: float) -> float:
        return float(-log_expit(signs * logits / np.exp(log_temperature)).sum())

    return float(np.exp(minimize_scalar(surprise, bounds=np.log(TEMPERATURES), method="bounded").x))


def calibration_error(confidences: Confidences, right: Sequence[bool], bins: int = 10) -> float:
    """Return the expected calibration error in percent: |confidence - share that is right|, over bins by size."""
    rows = reliability(confidences, right, bins)
    return 100 * sum(count * abs(mean - share) for mean, share, count in rows) / len(right)


def reliability(confidences: Confidences, right: Sequence[bool], bins: int = 10) -> list[tuple[float, float, int]]:
    """Return mean confidence, share that is right and number of results, for each bin of confidence that has any."""
    values, hits = np.asarray(confidences), np.asarray(right, dtype=np.float64)
    place = np.minimum((values * bins).astype(int), bins - 1)
    used = sorted(set(place.tolist()))
    return [(float(values[place == i].mean()), float(hits[place == i].mean()), int((place == i).sum())) for i in used]


def right_words(reference: str, text: str) -> list[bool]:
    """Tell for each word of a text whether it is that of the reference, in the alignment of least errors."""
    words = text.split()
    right = [False] * len(words)
    if not words or not reference.split():
        return right
    (chunks,) = jiwer.process_words(" ".join(reference.split()), " ".join(words)).alignments
    for chunk in chunks:
        if chunk.type == "equal":
            right[chunk.hyp_start_idx : chunk.hyp_end_idx] = [True] * (chunk.hyp_end_idx - chunk.hyp_start_idx)
    return right
