"""What an app's results are scored by."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

Judge = Callable[[Sequence[str], Sequence[str]], list[float]]
"""Rates texts by the references of one example; higher is better."""
Reference = str | tuple[str, ...]
"""The text of an example, or several that say the same."""
PLAIN_NUMBERS = ("cider", "perplexity")
"""Scores that are no percentages."""


class Scores(Protocol):
    """Compares texts with their references."""

    @property
    def shown(self) -> tuple[str, ...]:
        """Scores that are logged and shown; the first chooses the best weights on dev."""
        ...

    @property
    def higher_is_better(self) -> bool:
        """Whether the best weights are those of the highest score, not of the lowest."""
        ...

    def score(self, references: Sequence[Reference], texts: Sequence[str]) -> Mapping[str, float]:
        """Score texts against references; rates are in percent."""
        ...

    def judge(self, references: Sequence[tuple[str, ...]]) -> Judge:
        """Return what rates single texts, for training on their scores, where it helps by the references of all."""
        ...


def unit_of(score: str) -> str:
    """Return what stands behind the value of a score."""
    return "" if score.split("_")[-1] in PLAIN_NUMBERS else " %"
