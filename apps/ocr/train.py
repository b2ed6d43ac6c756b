"""scriba ocr train: train a recogniser of text lines from a config file and options."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from scriba.commands import train_app
from scriba.core.options import build_parser, parse_config, run_command
from scriba.ocr.task import OcrConfig, OcrTask

DESCRIPTION = """Train a recogniser of text lines.

Example, with no data at all: scriba ocr train --config apps/ocr/configs/quickstart.yaml --run_dir runs/lines
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    return run_command(_train, argv)


def _train(argv: Sequence[str]) -> int:
    config = parse_config(build_parser("scriba ocr train", DESCRIPTION, OcrConfig), OcrConfig, argv)
    return train_app(OcrTask(config), config, media="image")


if __name__ == "__main__":
    sys.exit(main())
