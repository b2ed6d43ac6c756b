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
        make: Makes an example with an id, drawing from a generator, for a split; if it has kinds, also by their shares.
        kinds: Kinds of examples whose shares can be chosen.
    """

    name: str
    media: str
    sizes: Mapping[str, int]
    make: Callable[..., Example]
    kinds: tuple[str, ...] = ()


class SyntheticSource(Sequence[Example]):
    """Examples of a recipe; example i is a pure function of split and i, and every split has seeds of its own.

    Raises:
        UsageError: There is no such split or kind.
    """

    def __init__(
        self,
        recipe: Recipe,
        split: str = "train",
        size: int | None = None,
        shares: Mapping[str, float] | None = None,
    ) -> None:
        if split not in recipe.sizes:
            hint = nearest(split, recipe.sizes)
            raise UsageError(f"synth:{recipe.name}:{split}: the splits are {', '.join(recipe.sizes)}.{hint}")
        for kind in shares or ():
            if kind not in recipe.kinds:
                known = f"the kinds are {', '.join(recipe.kinds)}" if recipe.kinds else "it has no kinds to choose"
                raise UsageError(f"synth:{recipe.name}: {kind}: {known}.{nearest(kind, recipe.kinds)}")
        self.recipe = recipe
        self.shares = shares
        self.split = split
        self.size = recipe.sizes[split] if size is None else size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> Example:  # type: ignore[override]
        index = range(self.size)[index]
        rng = np.random.default_rng([list(self.recipe.sizes).index(self.split), index])
        chosen = () if self.shares is None else (self.shares,)
        return self.recipe.make(f"{self.recipe.name}-{self.split}-{index}", rng, self.split, *chosen)


def chance(rng: np.random.Generator, probability: float) -> bool:
    """Return true with that probability."""
    return bool(rng.random() < probability)


def pick(rng: np.random.Generator, options: Sequence[T]) -> T:
    """Draw one of several, all equally likely."""
    return options[int(rng.integers(len(options)))]
