"""Texts alone: a file with one on each line."""

from pathlib import Path

from scriba.core.errors import InputError
from scriba.core.example import Example
from scriba.datasets.listed import Listed


def read_texts(path: Path) -> Listed:
    """Return an example without input for each line that is not blank.

    Raises:
        InputError: The file is missing, not UTF-8 text or blank.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text; save it as UTF-8.") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path.") from error
    texts = {number: line.strip() for number, line in enumerate(lines, start=1) if line.strip()}
    if not texts:
        raise InputError(f"{path}: has no text; write one on each line.")
    return Listed([Example(f"{path}:{number}", b"", text) for number, text in texts.items()], ())
