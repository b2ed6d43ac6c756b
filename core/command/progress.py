"""Progress: a bar with rate and time left on a terminal, plain lines elsewhere.

In a run of several processes only the first one speaks (torchrun and accelerate number them in RANK).
"""

import os
import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

from scriba.core.text import visible

T = TypeVar("T")
FIRST = os.environ.get("RANK", "0") == "0"


def track(items: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
    """Yield the items and show how far they are, on standard error if that is a terminal."""
    silent = not (FIRST and sys.stderr.isatty())
    return iter(tqdm(items, desc=what, total=total, disable=silent, leave=False, dynamic_ncols=True))


def show(line: str) -> None:
    """Print a line to standard output."""
    print(visible(line, "\t"))


def say(line: str) -> None:
    """Print a line to standard error, above a bar if there is one."""
    if FIRST:
        tqdm.write(visible(line), file=sys.stderr)
        sys.stderr.flush()
