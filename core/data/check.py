"""The data check: what of a source can be used, what not and why, before any training starts."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from scriba.core.command import track
from scriba.core.errors import InputError, TooLong
from scriba.core.example import Example
from scriba.core.inputs import Inputs
from scriba.core.model import required_positions

UNREADABLE = "unreadable"
EMPTY_TEXT = "empty text"
TOO_LONG = "too long"
INFEASIBLE = "too short for CTC"
BROKEN_ROW = "broken row"


@dataclass(frozen=True)
class Dropped:
    """A row that cannot be used.

    Attributes:
        id: Id of the example, or the place of the row.
        reason: One of the constants of this module.
        sentence: What is wrong with it and what to do.
    """

    id: str
    reason: str
    sentence: str


@dataclass(frozen=True)
class Report:
    """Result of a check.

    Attributes:
        name: Name of the source.
        unit: Unit of lengths.
        frame_size: Extent of one frame in that unit.
        kept: Usable examples.
        frames: Their numbers of frames.
        dropped: Unusable rows.
        alphabet: How often each character occurs in the kept texts.
    """

    name: str
    unit: str
    frame_size: float
    kept: tuple[Example, ...]
    frames: tuple[int, ...]
    dropped: tuple[Dropped, ...]
    alphabet: Counter[str] = field(repr=False)

    @classmethod
    def of(
        cls,
        name: str,
        inputs: Inputs,
        rows: Sequence[Example],
        results: Sequence[int | Dropped],
        problems: Sequence[Dropped],
    ) -> Report:
        """Return the report on rows of which each has so many frames, or is dropped."""
        kept = [(row, frames) for row, frames in zip(rows, results, strict=True) if not isinstance(frames, Dropped)]
        dropped = [*problems, *(result for result in results if isinstance(result, Dropped))]
        alphabet = Counter(character for row, _ in kept for text in _texts(row) for character in text)
        examples, sizes = tuple(row for row, _ in kept), tuple(frames for _, frames in kept)
        return cls(name, inputs.unit, inputs.frame_size, examples, sizes, tuple(dropped), alphabet)

    @property
    def share_lost(self) -> float:
        """Share of rows that cannot be used."""
        total = len(self.kept) + len(self.dropped)
        return len(self.dropped) / total if total else 0.0

    def unseen_in(self, training: Report) -> dict[str, int]:
        """Return the characters, with counts, that only this source has and `training` lacks."""
        return {c: n for c, n in sorted(self.alphabet.items()) if c not in training.alphabet}

    def lines(self, show_dropped: int = 10) -> list[str]:
        """Return the report as text.

        Args:
            show_dropped: Dropped rows that are listed one by one.
        """
        sizes = np.asarray(self.frames) * self.frame_size
        lines = [f"{self.name}: {len(self.kept)} kept, {len(self.dropped)} dropped, {sizes.sum():.0f} {self.unit}"]
        for reason, count in Counter(d.reason for d in self.dropped).most_common():
            lines.append(f"  dropped, {reason}: {count}")
        lines += [f"    {d.sentence}" for d in self.dropped[:show_dropped]]
        if len(self.dropped) > show_dropped:
            lines.append(f"    … and {len(self.dropped) - show_dropped} more")
        if self.kept:
            lines.append(f"  alphabet, {len(self.alphabet)} characters:")
            lines += _wrapped([f"{show(c)} {n}" for c, n in sorted(self.alphabet.items())])
            lines.append(f"  lengths in {self.unit}:")
            lines += histogram(sizes)
        return lines


def show(character: str) -> str:
    """Return a character as shown in the alphabet: spaces and invisible ones by name or code point."""
    if character == " ":
        return "space"
    return character if character.isprintable() else f"U+{ord(character):04X}"


def _wrapped(cells: Sequence[str], width: int = 100) -> list[str]:
    lines, line = [], ""
    for cell in cells:
        if line and len(line) + len(cell) + 3 > width:
            lines.append(f"    {line}")
            line = ""
        line = f"{line}   {cell}" if line else cell
    return [*lines, f"    {line}"]


def histogram(values: np.ndarray, bins: int = 10, width: int = 40) -> list[str]:
    """Return a histogram in text, a line for each bin."""
    counts, edges = np.histogram(values, bins=bins)
    largest = max(int(counts.max()), 1)
    return [
        f"    {low:8.1f} to {high:8.1f}  {count:7d}  {'#' * round(width * count / largest)}".rstrip()
        for low, high, count in zip(edges, edges[1:], counts, strict=False)
    ]


def check(
    name: str,
    examples: Iterable[Example],
    inputs: Inputs,
    *,
    problems: Sequence[Dropped] = (),
    positions: Callable[[int], int] | None = None,
    encode: Callable[[str], Sequence[object]] = str,
) -> Report:
    """Read every example and sort the usable from the unusable.

    Args:
        name: Name of the source, for the report.
        examples: The examples.
        inputs: Reads and measures the inputs.
        problems: Rows that the source itself could not read.
        positions: Tells how many positions of the CTC head an input of so many frames has, which must be able to carry
            the target: T >= L + adjacent equal labels; None where there is no CTC.
        encode: Splits a text into the units of the tokenizer; characters by default.
    """
    rows = list(examples)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        measured = pool.map(lambda row: _measure(row, inputs, positions, encode), rows)
        results = list(track(measured, "checking", len(rows)))
    return Report.of(name, inputs, rows, results, problems)


def _measure(
    example: Example, inputs: Inputs, positions: Callable[[int], int] | None, encode: Callable[[str], Sequence[object]]
) -> int | Dropped:
    """Return the frames of an example, or why it cannot be used."""
    if not all(_texts(example)):
        return Dropped(example.id, EMPTY_TEXT, f"{example.id}: the text is empty; fill it in or remove the row.")
    try:
        frames = inputs.measure(example)
    except InputError as error:
        return Dropped(example.id, TOO_LONG if isinstance(error, TooLong) else UNREADABLE, str(error))
    if positions is None:
        return frames
    given = positions(frames)
    needed = max(required_positions(list(encode(text))) for text in _texts(example))  # type: ignore[arg-type]
    if given < needed:
        sentence = (
            f"{example.id}: its text needs {needed} encoder positions and the input gives {given}; "
            "check that input and text belong together."
        )
        return Dropped(example.id, INFEASIBLE, sentence)
    return frames


def _texts(example: Example) -> tuple[str, ...]:
    return tuple(text.strip() for text in example.texts) or ("",)
