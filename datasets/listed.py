"""A source whose examples are known at once."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from scriba.core.example import Example


class Problem(NamedTuple):
    """A row that cannot be used: its file and line, and a sentence on what is wrong with it."""

    where: str
    sentence: str


HALVES = re.compile("[\ud800-\udfff]")
"""Halves of characters: JSON can hold them, and names of files that are not UTF-8; nothing can be written with them."""


def is_text(value: Any) -> bool:
    """Tell whether a value is text that can be written as UTF-8."""
    return isinstance(value, str) and not HALVES.search(value)


def find_file(name: str, folders: Sequence[Path]) -> Path:
    r"""Return where a file lies: the first folder that has it, or else the first of all; `a\b` may mean `a/b`."""
    paths = [folder / n for n in dict.fromkeys((name.replace("\\", "/"), name)) for folder in folders]
    return next((path for path in paths if os.path.isfile(path)), paths[0]) if len(paths) > 1 else paths[0]


class Listed(Sequence[Example]):
    """Examples, and the `problems`: rows that could not be used."""

    def __init__(self, examples: Sequence[Example], problems: Sequence[Problem]) -> None:
        self._examples = tuple(examples)
        self.problems = tuple(problems)

    def __len__(self) -> int:
        return len(self._examples)

    def __getitem__(self, index: int) -> Example:  # type: ignore[override]
        return self._examples[index]
