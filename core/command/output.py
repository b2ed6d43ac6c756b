"""Where the results of a command go: into a folder, a file each, or one after the other to standard output."""

import sys
from pathlib import Path

from scriba.core.command.progress import say
from scriba.core.errors import UsageError
from scriba.core.files import write_text


class Output:
    """Writes results.

    Args:
        folder: The folder of `--out`, or None for standard output.
        suffix: Ending of the files, without its dot.
        plots: The folder of `--plot`, or None.

    Raises:
        UsageError: A folder is a file.
    """

    def __init__(self, folder: str | None, suffix: str, plots: str | None = None) -> None:
        for option, name in (("--out", folder), ("--plot", plots)):
            if name is not None and Path(name).is_file():
                raise UsageError(f"{option} {name}: is a file; name a folder.")
        self.folder = folder
        self.suffix = suffix
        self.makes_files = folder is not None or plots is not None
        self._taken: set[str] = set()

    def stem(self, source: str, wanted: str) -> str:
        """Return the name for the files about a source: the wanted one unless an earlier source has it."""
        if not self.makes_files:
            return wanted
        stem, again = wanted, 1
        while stem in self._taken:
            again += 1
            stem = f"{wanted}_{again}"
        self._taken.add(stem)
        if again > 1:
            say(f"{source}: {wanted} is the name of an earlier one; it is written as {stem}")
        return stem

    def write(self, source: str, stem: str, text: str, *, named: bool) -> None:
        """Write a result.

        Args:
            source: What it is about.
            stem: Name from `stem`.
            text: The result, with its line ends.
            named: On standard output, begin the line with the source.
        """
        if self.folder is not None:
            write_text(Path(self.folder) / f"{stem}.{self.suffix}", text)
            return
        sys.stdout.write(f"{source}\t{text}" if named else text)
        sys.stdout.flush()
