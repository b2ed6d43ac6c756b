"""Where the results of a command go: into a folder, a file each, or one after the other to standard output."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scriba.core.command.progress import say
from scriba.core.errors import InputError
from scriba.core.files import check_writable, write_text
from scriba.core.text import visible

LONGEST = 255
"""Bytes of a file name."""
SPARE = 16
"""Bytes that are left for endings and numbers."""


LINES = "\n\t"
"""What results are made of, beside what can be seen."""


class Output:
    """Writes results.

    Args:
        folder: The folder of `--out`, or None for standard output.
        suffix: Ending of the files, without its dot.
        plots: The folder of `--plot`, or None.

    Attributes:
        failed: Results that could not be written.

    Raises:
        UsageError: Nothing can be written into a folder.
    """

    def __init__(self, folder: str | None, suffix: str, plots: str | None = None) -> None:
        check_writable(folder, "--out", folder=True)
        check_writable(plots, "--plot", folder=True)
        self.folder = folder
        self.suffix = suffix
        self.makes_files = folder is not None or plots is not None
        self.failed = 0
        self._taken: set[str] = set()

    def stem(self, source: str, wanted: str) -> str:
        """Return the name for the files about a source: the wanted one, if it is not taken or too long."""
        if not self.makes_files:
            return wanted
        name = os.fsencode(wanted)
        fitting = wanted if len(name) <= LONGEST - SPARE else name[: LONGEST - SPARE].decode("utf-8", "ignore")
        stem, again = fitting, 1
        while stem in self._taken:
            again += 1
            stem = f"{fitting}_{again}"
        self._taken.add(stem)
        if fitting != wanted:
            say(f"{source}: the name is too long for what is made of it; it is written as {stem}")
        elif again > 1:
            say(f"{source}: {wanted} is the name of an earlier one; it is written as {stem}")
        return stem

    def write(self, source: str, stem: str, text: str, *, named: bool = False) -> None:
        """Write a result; one that cannot be written is told and counted.

        Args:
            source: What it is about.
            stem: Name from `stem`.
            text: The result, with its line ends.
            named: On standard output, begin the line with the source.
        """
        if self.folder is None:
            sys.stdout.write(f"{visible(source)}\t{visible(text, LINES)}" if named else visible(text, LINES))
            sys.stdout.flush()
            return
        with self.counting():
            write_text(Path(self.folder) / f"{stem}.{self.suffix}", text)

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Tell and count what cannot be written, so that the rest of a batch is done."""
        try:
            yield
        except InputError as error:
            self.failed += 1
            say(f"scriba: {error}")
