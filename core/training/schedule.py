"""The learning rate as a function of the step."""

import math
from typing import Literal

Decay = Literal["cosine", "linear", "constant"]


def learning_rate(step: int, total: int, *, peak: float, warmup: float, decay: Decay) -> float:
    """Return the learning rate of a step: a linear rise to the peak, then a fall to zero.

    Args:
        step: Number of the step, from 0.
        total: Steps of the whole run.
        peak: Largest rate.
        warmup: Share of the steps in which the rate rises.
        decay: Shape of the fall; constant does not fall.
    """
    rise = max(1, round(warmup * total))
    if step < rise:
        return peak * (step + 1) / rise
    share = min(1.0, (step - rise) / max(1, total - rise))
    return peak * {"cosine": 0.5 * (1 + math.cos(math.pi * share)), "linear": 1 - share, "constant": 1.0}[decay]
