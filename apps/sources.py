"""Sources by name, with what they could not read."""

from collections.abc import Sequence
from itertools import chain, islice

from scriba.core.command import say
from scriba.core.data import BROKEN_ROW, Dropped
from scriba.core.example import Example
from scriba.core.training import NamedSource, with_texts
from scriba.datasets.source import open_source


def open_named(name: str, media: str, split: str = "train", streaming: bool = False) -> NamedSource:
    """Open a source and keep its name and the rows it could not read."""
    source = open_source(name, media=media, default_split=split, streaming=streaming)
    problems = [Dropped(p.where, BROKEN_ROW, f"{p.where}: {p.sentence}") for p in getattr(source, "problems", ())]
    return NamedSource(name, source, problems)


def open_all(names: str | Sequence[str], media: str, split: str) -> NamedSource:
    """Open one or several sources as one."""
    sources = [open_named(name, media, split) for name in ([names] if isinstance(names, str) else names)]
    problems = [problem for source in sources for problem in source.problems]
    examples = chain.from_iterable(source.examples for source in sources)
    return NamedSource(" + ".join(source.name for source in sources), examples, problems)


def read_examples(
    name: str, media: str, split: str, limit: int | None = None, streaming: bool = False
) -> tuple[list[Example], int]:
    """Return the examples of a source that have something to be compared with, and the number of other rows.

    What is wrong with those is told.
    """
    source = open_named(name, media, split, streaming)
    for problem in source.problems:
        say(problem.sentence)
    rows = with_texts(islice(source.examples, limit), "none")
    examples = [example for example in rows if example.target != ()]
    for example in rows:
        if example.target == ():
            say(f"{example.id}: has no text to compare with; fill it in or remove the row.")
    return examples, len(source.problems) + len(rows) - len(examples)
