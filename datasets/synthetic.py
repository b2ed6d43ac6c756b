"""Sources whose examples are computed instead of read: a numbered sequence, the same at every look."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from scriba.core.errors import UsageError, nearest
from scriba.core.example import Example

T = TypeVar("T")


@dataclass(frozen=True)
class Recipe:
    """How the examples of a synthetic source are made.

    Attributes:
        name: Its name after `synth:`.
        media: What it makes: audio or image.
        sizes: Number of examples of each split, unless told otherwise.
        make: Makes an example with an id, drawing from a generator, for a split.
    """

    name: str
    media: str
    sizes: Mapping[str, int]
    make: Callable[[str, np.random.Generator, str], Example]


class SyntheticSource(Sequence[Example]):
    """Examples of a recipe; example i is a pure function of split and i, and every split has seeds of its own.

    Raises:
        UsageError: There is no such split.
    """

    def __init__(self, recipe: Recipe, split: str = "train", size: int | None = None) -> None:
        if split not in recipe.sizes:
            hint = nearest(split, recipe.sizes)
            raise UsageError(f"synth:{recipe.name}:{split}: the splits are {', '.join(recipe.sizes)}.{hint}")
        self.recipe = recipe
        self.split = split
        self.size = recipe.sizes[split] if size is None else size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> Example:  # type: ignore[override]
        index = range(self.size)[index]
        rng = np.random.default_rng([list(self.recipe.sizes).index(self.split), index])
        return self.recipe.make(f"{self.recipe.name}-{self.split}-{index}", rng, self.split)


def chance(rng: np.random.Generator, probability: float) -> bool:
    """Return true with that probability."""
    return bool(rng.random() < probability)


def pick(rng: np.random.Generator, options: Sequence[T]) -> T:
    """Draw one of several, all equally likely."""
    return options[int(rng.integers(len(options)))]
