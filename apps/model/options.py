"""What the commands on models share."""

from pathlib import Path

from scriba.core.errors import UsageError
from scriba.core.files import Bundle, check_writable, read_text


def check_out(out: str) -> Path:
    """Return the folder of a bundle that is to be written.

    Raises:
        UsageError: None is named, or it is a file.
    """
    if not out:
        raise UsageError("--out: name a folder for the new model.")
    check_writable(out, "--out", folder=True)
    return Path(out)


def card_of(bundle: Bundle) -> str:
    """Return the text of a bundle's card; empty where it has none."""
    path = bundle.path / "README.md"
    return read_text(path, remedy="copy the model folder again") if path.is_file() else ""
