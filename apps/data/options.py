"""Command lines whose first argument names an app, and whose options are also those of its trainings."""

from collections.abc import Sequence
from typing import Any

from scriba.core.training import App
from scriba.loading import APPS, open_app

POSITIONALS = {"app": f"App: {', '.join(APPS)}.", "source": "Source of the examples."}


def app_in(argv: Sequence[str]) -> App[Any, Any]:
    """Return the app that a command line names; where it asks for help instead, any of them.

    Raises:
        UsageError: There is none of that name.
    """
    words = [word for word in argv if not word.startswith("-")]
    name = next((word for word in words if word in APPS), words[0] if words else "")  # options may come first
    return open_app(name if name or not {"-h", "--help"} & set(argv) else APPS[0])
