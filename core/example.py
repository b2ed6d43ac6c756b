"""The one thing that crosses from datasets/ to apps/: an `Example`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Samples:
    """A waveform made or decoded in memory.

    Attributes:
        values: Samples in [-1, 1], shape (samples,) or (samples, channels).
        rate: Samples per second.
    """

    values: NDArray[np.float32]
    rate: int


Source = Path | bytes | Samples | NDArray[np.float32]
"""Where the input is: a file, the bytes of a file, samples in memory, or what the app itself prepared before."""


@dataclass(frozen=True)
class Example:
    """One input with its target text.

    Attributes:
        id: Unique name within its source, used in every message about the example.
        source: The input itself or where to find it.
        target: The text, or several texts that describe the same input.
        extra: Anything else the source knows (speaker, true times, ...).
    """

    id: str
    source: Source
    target: str | tuple[str, ...]
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def texts(self) -> tuple[str, ...]:
        """The text, or all of the texts."""
        return (self.target,) if isinstance(self.target, str) else self.target

    @property
    def name(self) -> str:
        """What messages call the example: its file, or else its id."""
        return str(self.source) if isinstance(self.source, Path) else self.id


def map_target(change: Callable[[str], str], target: str | tuple[str, ...]) -> str | tuple[str, ...]:
    """Apply a change to a text or to each of several."""
    return change(target) if isinstance(target, str) else tuple(change(text) for text in target)


def written(target: str | tuple[str, ...]) -> str | tuple[str, ...]:
    """Return the texts that are not blank of several; what has one text may mean an empty one."""
    return target if isinstance(target, str) else tuple(text for text in target if text.strip())
