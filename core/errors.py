"""The two errors a user can cause, and the nearest-name hint that goes with them.

Both carry one sentence that names the file, row or option and the remedy. The command line prints
the sentence without a traceback; `UsageError` ends with exit status 2, `InputError` with 1.
"""

import difflib
from collections.abc import Iterable


class ScribaError(Exception):
    """Base of the errors that are told to the user in one sentence."""

    exit_status = 1


class InputError(ScribaError):
    """A file, row or model cannot be used; the message names it and says what to do."""


class TooLong(InputError):
    """An input is longer than what is accepted."""


class UsageError(ScribaError):
    """An option, command or combination of them is wrong; the message says what to use instead."""

    exit_status = 2


def nearest(name: str, valid: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" for the valid name closest to `name`, or "" when none is close."""
    close = difflib.get_close_matches(name, list(valid), n=1)
    return f" Did you mean '{close[0]}'?" if close else ""
