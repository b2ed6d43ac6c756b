"""The range of a number, written beside its type: `batch_size: Annotated[int, Range(1)]`, or `Count` for short."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, is_dataclass
from typing import Annotated, Any, get_args, get_type_hints

from scriba.core.errors import UsageError

LARGEST = 2**62
"""Of all numbers, so that torch and Python can count with them."""


@dataclass(frozen=True, repr=False)
class Range:
    """From where to where a number may lie.

    Attributes:
        low: The least.
        high: The largest.
        above: The least itself is outside.
        below: The largest itself is outside.
    """

    low: float = -math.inf
    high: float = math.inf
    above: bool = False
    below: bool = False

    def __contains__(self, number: float) -> bool:
        inside = self.low <= number <= self.high and abs(number) < LARGEST
        return inside and not (self.above and number == self.low) and not (self.below and number == self.high)

    def __repr__(self) -> str:
        if self.low == -math.inf and self.high == math.inf:
            return "any finite number"
        if self.high == math.inf:
            return f"{'more than ' if self.above else ''}{self.low:g}{'' if self.above else ' or more'}"
        if self.above or self.below:
            return f"{'more than' if self.above else 'from'} {self.low:g} to {'below ' * self.below}{self.high:g}"
        return f"{self.low:g} to {self.high:g}"


Real = Annotated[float, Range()]
Count = Annotated[int, Range(1)]
Size = Annotated[int, Range(1, 65536)]
"""Of a layer or a batch: what a machine of today can hold."""
Layers = Annotated[int, Range(1, 64)]
Whole = Annotated[int, Range(0)]
Share = Annotated[float, Range(0, 1)]
Dropout = Annotated[float, Range(0, 1, below=True)]
Positive = Annotated[float, Range(0, above=True)]
NotNegative = Annotated[float, Range(0)]


def check_ranges(config: object, prefix: str = "--") -> None:
    """Refuse numbers outside their ranges, in a dataclass and in those inside it.

    Args:
        config: The dataclass.
        prefix: What messages put before the name of a field.

    Raises:
        UsageError: A number lies outside; the first is named.
    """
    for name, hint in get_type_hints(type(config), include_extras=True).items():
        value = getattr(config, name)
        if is_dataclass(value):
            check_ranges(value, f"{prefix}{name}.")
            continue
        if value is None and type(None) not in get_args(hint):
            raise UsageError(f"{prefix}{name} null: give a value.")
        numbers = value if isinstance(value, tuple | list) else (value,)
        for allowed in ranges_in(hint):
            if any(isinstance(number, int | float) and number not in allowed for number in numbers):
                raise UsageError(f"{prefix}{name} {value}: give {allowed}.")


def ranges_in(hint: Any) -> Iterator[Range]:
    """Yield the ranges in a type: of a number, of the entries of a tuple, or of what may be left out."""
    for part in get_args(hint):
        if isinstance(part, Range):
            yield part
        else:
            yield from ranges_in(part)
