"""scriba ocr eval: score a recogniser of text lines on data."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from scriba.commands import eval_app
from scriba.core.options import run_command

DESCRIPTION = """Score a recogniser of text lines: WER and CER in percent, from each of its heads.

Example: scriba ocr eval ocr-print test.jsonl --json scores.json
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    return run_command(lambda rest: eval_app("ocr", "image", "scriba ocr eval", DESCRIPTION, rest), argv)


if __name__ == "__main__":
    sys.exit(main())
