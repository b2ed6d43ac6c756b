"""scriba asr eval: score a speech recogniser on data."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from scriba.commands import eval_app
from scriba.core.options import run_command

DESCRIPTION = """Score a speech recogniser: WER and CER in percent, from each of its heads.

Example: scriba asr eval asr-an4-en test.jsonl --json scores.json
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    return run_command(lambda rest: eval_app("asr", "audio", "scriba asr eval", DESCRIPTION, rest), argv)


if __name__ == "__main__":
    sys.exit(main())
