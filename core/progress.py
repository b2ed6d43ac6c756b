"""Progress: a bar with rate and time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")


def track(items: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
    """Yield the items and show how far they are, on standard error if that is a terminal."""
    return iter(tqdm(items, desc=what, total=total, disable=not sys.stderr.isatty(), leave=False, dynamic_ncols=True))


def say(line: str) -> None:
    """Print a line to standard error, above a bar if there is one."""
    tqdm.write(line, file=sys.stderr)
    sys.stderr.flush()
