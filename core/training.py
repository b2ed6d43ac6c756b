"""From sources to a trained model: the data check, tokenizer, model and `Trainer` of one run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import torch

from scriba.core.bundle import Bundle
from scriba.core.check import Dropped, Report, check
from scriba.core.checkpoint import Progress
from scriba.core.config import RunConfig
from scriba.core.errors import InputError
from scriba.core.example import Example, map_target
from scriba.core.metrics import normalisation
from scriba.core.model import Seq2Seq, build_model
from scriba.core.progress import say
from scriba.core.search import available_methods
from scriba.core.task import Task
from scriba.core.tokenizer import UNK, Tokenizer, build_tokenizer
from scriba.core.trainer import Evaluate, Trainer, build_accelerator, score_methods

RARE = 1e-4
"""Share of the units of a text that may be unknown to a tokenizer which is kept."""


@dataclass(frozen=True)
class NamedSource:
    """Examples with the name they were asked for by and the rows that their source could not read."""

    name: str
    examples: Iterable[Example]
    problems: Sequence[Dropped] = ()


def train(
    task: Task,
    config: RunConfig,
    training: NamedSource,
    dev: NamedSource | None,
    init: Bundle | None = None,
    *,
    tokenizer: Tokenizer | None = None,
    evaluate: Evaluate = score_methods,
) -> Progress:
    """Check the data, build the model and train it; an interrupted run in `config.run_dir` goes on.

    Args:
        task: The app's part.
        config: The run.
        training: Training examples.
        dev: Examples that choose the best weights, or None.
        init: Bundle whose weights the training starts from, or None.
        tokenizer: The units that texts are made of; by default they are learnt from the training texts.
        evaluate: Scores the model on dev.

    Raises:
        InputError: Too much of the data is unusable, or the loss stays non-finite.
        Interrupted: Ctrl-C or SIGTERM came; a checkpoint was written first.
    """
    accelerator = build_accelerator(config)
    torch.manual_seed(config.seed)
    encoder = task.build_encoder()
    needs_ctc = config.loss.ctc_weight > 0
    rows = with_texts(training.examples, config.data.normalise)
    fresh = tokenizer or build_tokenizer(config.tokenizer, all_texts(rows))
    kept = check(
        training.name, rows, task, encoder, problems=training.problems, encode=fresh.encode, needs_ctc=needs_ctc
    )
    accept(kept, config.data.max_lost)
    texts = all_texts(kept.kept)
    if tokenizer is None:
        tokenizer = fresh if len(kept.kept) == len(rows) else build_tokenizer(config.tokenizer, texts)
    dev_examples: Sequence[Example] = ()
    if dev is not None:
        dev_rows = with_texts(dev.examples, config.data.normalise)
        report = check(dev.name, dev_rows, task, encoder, problems=dev.problems, needs_ctc=False)
        announce(report)
        if unseen := report.unseen_in(kept):
            say(f"  only in {dev.name}, never to be recognised: {' '.join(map(repr, unseen))}")
        dev_examples = report.kept
    if init is not None and knows_as_much(init.tokenizer, tokenizer, texts):
        tokenizer = init.tokenizer
    model = build_model(config.model(), encoder, len(tokenizer))
    if init is not None:
        start_from(model, tokenizer, init)
    methods = available_methods(model)
    if config.decoding.method not in methods:  # attention only, say: the head there is chooses the best weights
        config = replace(config, decoding=replace(config.decoding, method=methods[0]))
    trainer = Trainer(
        accelerator=accelerator,
        task=task,
        config=config,
        model=model,
        tokenizer=tokenizer,
        examples=kept.kept,
        frames=kept.frames,
        dev=dev_examples,
        evaluate=evaluate,
    )
    return trainer.run()


def accept(report: Report, max_lost: float) -> None:
    """Show the report of the training data and refuse it when too much is lost.

    Raises:
        InputError: Nothing is usable, or more than the share `max_lost` is not.
    """
    announce(report)
    if not report.kept:
        raise InputError(f"{report.name}: no usable example; see the reasons above.")
    if report.share_lost > max_lost:
        raise InputError(
            f"{report.name}: {100 * report.share_lost:.1f} % of the rows cannot be used, more than "
            f"{100 * max_lost:g} %; mend them, or accept the loss with --data.max_lost {report.share_lost + 0.001:.3f}."
        )


def announce(report: Report) -> None:
    """Print a report."""
    for line in report.lines():
        say(line)


def with_texts(examples: Iterable[Example], normalise: str) -> list[Example]:
    """Return the examples with their texts normalised.

    Raises:
        UsageError: There is no such normalisation.
    """
    simplify = normalisation(normalise)
    return [replace(example, target=map_target(simplify, example.target)) for example in examples]


def all_texts(examples: Iterable[Example]) -> list[str]:
    """Return all texts of all examples."""
    return [text for example in examples for text in example.texts]


def knows_as_much(known: Tokenizer, fresh: Tokenizer, texts: Sequence[str]) -> bool:
    """Tell whether a tokenizer is of the same kind as another and leaves hardly more units of the texts unknown.

    Heads have to learn anew for another alphabet; for one unit in ten thousand that would be a poor bargain.
    """
    if type(known) is not type(fresh):
        return False
    units, new = ([unit for text in texts for unit in t.encode(text)] for t in (known, fresh))
    return units.count(UNK) - new.count(UNK) <= RARE * len(units)


def start_from(model: Seq2Seq, tokenizer: Tokenizer, init: Bundle) -> None:
    """Copy the weights that fit: all with the same alphabet, all but those tied to it otherwise.

    Raises:
        InputError: Nothing fits.
    """
    own = model.state_dict()
    same = tokenizer.to_json() == init.tokenizer.to_json()
    tied = {n for n, t in own.items() if t.shape[:1] == (len(tokenizer),)}
    fits = [
        name
        for name, tensor in init.weights.items()
        if name in own and own[name].shape == tensor.shape and (same or name not in tied)
    ]
    if not fits:
        raise InputError(f"--init {init.path}: none of its weights fits the configured model; use its options.")
    with torch.no_grad():
        for name in fits:
            own[name].copy_(init.weights[name])
    say(f"started from {init.path}: {len(fits)} of {len(own)} tensors")
