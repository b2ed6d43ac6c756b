"""scriba lm train: train a language model on texts."""

import sys
from collections.abc import Sequence
from dataclasses import replace

from scriba.commands.train import train_run
from scriba.core.command import build_parser, parse_config, program
from scriba.core.errors import UsageError
from scriba.lm.app import APP, LmConfig
from scriba.loading import open_bundle

DESCRIPTION = """Train a language model on texts: files with one text on each line, or sources whose texts are taken.

Example: scriba lm train texts.txt --like asr-an4-en --data.dev more-texts.txt --run_dir runs/lm
"""
POSITIONALS = {"texts*": "Files with one text on each line, or sources whose texts are taken."}


def _train(argv: Sequence[str]) -> int:
    parser = build_parser("scriba lm train", DESCRIPTION, LmConfig, positionals=POSITIONALS, defaults=APP.defaults)
    config = parse_config(parser, LmConfig, argv)
    if config.data.train:
        raise UsageError("--data.train: a language model's texts are given by place: scriba lm train TEXTS ….")
    config = replace(config, data=replace(config.data, train=config.texts))
    return train_run(APP, config, open_bundle(config.like).tokenizer if config.like else None)


main = program(_train)

if __name__ == "__main__":
    sys.exit(main())
