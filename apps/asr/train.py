"""scriba asr train: train a speech recogniser from a config file and options."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from scriba.asr.task import AsrConfig, AsrTask
from scriba.commands import train_app
from scriba.core.options import build_parser, parse_config, run_command

DESCRIPTION = """Train a speech recogniser.

Example, with no data at all: scriba asr train --config apps/asr/configs/quickstart.yaml --run_dir runs/dtmf
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    return run_command(_train, argv)


def _train(argv: Sequence[str]) -> int:
    config = parse_config(build_parser("scriba asr train", DESCRIPTION, AsrConfig), AsrConfig, argv)
    return train_app(AsrTask(config), config, media="audio")


if __name__ == "__main__":
    sys.exit(main())
