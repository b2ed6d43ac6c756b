"""A source whose examples are known at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scriba.core.example import Example


@dataclass(frozen=True)
class Problem:
    """A row that cannot be used.

    Attributes:
        where: File and line.
        sentence: What is wrong with it.
    """

    where: str
    sentence: str


class Listed(Sequence[Example]):
    """Examples, and what could not be used.

    Attributes:
        problems: Rows that could not be used.

    Args:
        examples: The examples.
        problems: See above.
    """

    def __init__(self, examples: Sequence[Example], problems: Sequence[Problem]) -> None:
        self._examples = tuple(examples)
        self.problems = tuple(problems)

    def __len__(self) -> int:
        return len(self._examples)

    def __getitem__(self, index: int) -> Example:  # type: ignore[override]
        return self._examples[index]
