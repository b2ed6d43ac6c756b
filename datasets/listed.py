"""A source whose examples are known at once."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from scriba.core.example import Example


class Problem(NamedTuple):
    """A row that cannot be used: its file and line, and a sentence on what is wrong with it."""

    where: str
    sentence: str


def find_picture(name: str, folders: Sequence[Path]) -> Path:
    """Return where a picture lies: the first folder that has it, or else the first of all."""
    return next((folder / name for folder in folders if (folder / name).is_file()), folders[0] / name)


class Listed(Sequence[Example]):
    """Examples, and the `problems`: rows that could not be used."""

    def __init__(self, examples: Sequence[Example], problems: Sequence[Problem]) -> None:
        self._examples = tuple(examples)
        self.problems = tuple(problems)

    def __len__(self) -> int:
        return len(self._examples)

    def __getitem__(self, index: int) -> Example:  # type: ignore[override]
        return self._examples[index]
