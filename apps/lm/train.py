"""scriba lm train: train a language model on texts."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace

from scriba.commands import train_app
from scriba.core.options import build_parser, parse_config, run_command
from scriba.lm.task import LmConfig, LmTask, foresight
from scriba.loading import open_bundle

DESCRIPTION = """Train a language model on texts: files with one text on each line, or sources whose texts are taken.

Example: scriba lm train texts.txt --like asr-an4-en --data.dev more-texts.txt --run_dir runs/lm
"""
POSITIONALS = {"texts*": "Files with one text on each line, or sources whose texts are taken."}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    return run_command(_train, argv)


def _train(argv: Sequence[str]) -> int:
    config = parse_config(build_parser("scriba lm train", DESCRIPTION, LmConfig, POSITIONALS), LmConfig, argv)
    config = replace(config, data=replace(config.data, train=config.texts))
    tokenizer = open_bundle(config.like).tokenizer if config.like else None
    return train_app(LmTask(config), config, media="text", tokenizer=tokenizer, evaluate=foresight)


if __name__ == "__main__":
    sys.exit(main())
