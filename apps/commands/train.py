"""Training, for every app."""

import math
from collections.abc import Callable, Sequence
from typing import Any

from scriba.core.command import build_parser, parse_config, program, say
from scriba.core.errors import UsageError
from scriba.core.precision import resolve_device
from scriba.core.text import Tokenizer
from scriba.core.training import App, Interrupted, RunConfig, Sources, check_run
from scriba.core.training import train as train_model
from scriba.loading import check_task, language_model, open_bundle
from scriba.sources import open_all


def train(app: App[Any, Any], description: str) -> Callable[..., int]:
    """Return the command `scriba APP train`, with the first lines of its help."""

    def body(words: Sequence[str]) -> int:
        parser = build_parser(f"scriba {app.name} train", description, app.config, defaults=app.defaults)
        return train_run(app, parse_config(parser, app.config, words))

    return program(body)


def train_run(app: App[Any, Any], config: RunConfig, tokenizer: Tokenizer | None = None) -> int:
    """Open what a run learns from, train, and say where the result is; returns the exit status.

    Args:
        app: The app.
        config: The run.
        tokenizer: The units that texts are made of; by default they are learnt from the training texts.

    Raises:
        UsageError: Options make no sense.
        InputError: A source or model cannot be used.
    """
    check_run(config)
    if not config.data.train:
        raise UsageError("--data.train: name the training data (a manifest, hf:NAME or synth:NAME).")
    init = open_bundle(config.init) if config.init else None
    if init is not None:
        check_task(init, app.name, "--init")
    language = language_model(config.decoding.lm, resolve_device(config.device)) if config.decoding.lm else None
    training = open_all(config.data.train, app.media, "train")
    dev = open_all(config.data.dev, app.media, "dev") if config.data.dev else None
    try:
        standing = train_model(app, config, Sources(training, dev, init, tokenizer, language))
    except Interrupted:
        say(f"stopped; the same command resumes {config.run_dir}")
        return 1
    best = "" if math.isnan(standing.best) else f", best dev {app.scores.shown[0]} {standing.best:.2f}"
    say(f"finished after {standing.step} steps{best}: {config.run_dir}/bundle")
    return 0
