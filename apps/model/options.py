"""What the commands on models share."""

from pathlib import Path

from scriba.core.errors import UsageError
from scriba.core.files import Bundle


def check_out(out: str) -> Path:
    """Return the folder of a bundle that is to be written.

    Raises:
        UsageError: None is named, or it is a file.
    """
    if not out or Path(out).is_file():
        raise UsageError(f"--out {out}: name a folder for the new model." if out else "--out: name a folder.")
    return Path(out)


def card_of(bundle: Bundle) -> str:
    """Return the text of a bundle's card; empty where it has none."""
    path = bundle.path / "README.md"
    return path.read_text(encoding="utf-8") if path.is_file() else ""
