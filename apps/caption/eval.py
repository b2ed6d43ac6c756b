"""scriba caption eval: score a captioner on data."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from scriba.commands import eval_app
from scriba.core.options import run_command

DESCRIPTION = """Score a captioner: BLEU-1 to BLEU-4 and ROUGE-L in percent, and CIDEr-D.

Example: scriba caption eval runs/scenes/bundle synth:scenes --json scores.json
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    return run_command(lambda rest: eval_app("caption", "image", "scriba caption eval", DESCRIPTION, rest), argv)


if __name__ == "__main__":
    sys.exit(main())
