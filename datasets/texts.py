"""Texts alone: a file with one on each line."""

from pathlib import Path

from scriba.core.errors import InputError
from scriba.core.example import Example
from scriba.core.files import read_text
from scriba.datasets.listed import Listed


def read_texts(path: Path) -> Listed:
    """Return an example without input for each line that is not blank.

    Raises:
        InputError: The file cannot be opened, or is not UTF-8 text or blank.
    """
    lines = enumerate(read_text(path).split("\n"), start=1)
    texts = {number: line.strip() for number, line in lines if line.strip()}
    if not texts:
        raise InputError(f"{path}: has no text; write one on each line.")
    return Listed([Example(f"{path}:{number}", b"", text) for number, text in texts.items()], ())
