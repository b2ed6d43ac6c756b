"""The commands that every app has over its own task: training, evaluation and the data check."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any, Protocol, TypeVar

from scriba.core.bundle import Bundle
from scriba.core.check import BROKEN_ROW, Dropped
from scriba.core.config import RunConfig
from scriba.core.errors import InputError, UsageError
from scriba.core.example import Example, map_target
from scriba.core.files import write_json, write_text
from scriba.core.metrics import normalisation
from scriba.core.options import OptionParser, build_parser, parse_config
from scriba.core.precision import Device, Precision
from scriba.core.progress import say, track
from scriba.core.recogniser import Recogniser
from scriba.core.search import DecodingConfig
from scriba.core.task import Task
from scriba.core.tokenizer import Tokenizer
from scriba.core.trainer import Evaluate, Interrupted, score_methods
from scriba.core.training import NamedSource, train
from scriba.datasets.source import open_source
from scriba.loading import build_recogniser, check_task, open_bundle, read_config

NO_TRAINING_DATA = "--data.train: name the training data (a manifest, hf:NAME or synth:NAME)."
NO_PERCENTAGES = ("cider",)
"""Scores that are no percentages."""


def open_named(name: str, media: str, split: str = "train", streaming: bool = False) -> NamedSource:
    """Open a source and keep its name and the rows it could not read."""
    source = open_source(name, media=media, default_split=split, streaming=streaming)
    problems = [Dropped(p.where, BROKEN_ROW, f"{p.where}: {p.sentence}") for p in getattr(source, "problems", ())]
    return NamedSource(name, source, problems)


def open_all(names: str | Sequence[str], media: str, split: str) -> NamedSource:
    """Open one or several sources as one."""
    sources = [open_named(name, media, split) for name in ([names] if isinstance(names, str) else names)]
    problems = [problem for source in sources for problem in source.problems]
    examples = chain.from_iterable(source.examples for source in sources)
    return NamedSource(" + ".join(source.name for source in sources), examples, problems)


def train_app(
    task: Task,
    config: RunConfig,
    media: str,
    *,
    tokenizer: Tokenizer | None = None,
    evaluate: Evaluate = score_methods,
) -> int:
    """Train, and say where the result is; returns the exit status.

    Args:
        task: The app's part.
        config: The run.
        media: Column of the inputs.
        tokenizer: The units that texts are made of; by default they are learnt from the training texts.
        evaluate: Scores the model on dev.

    Raises:
        UsageError: No training source was named.
    """
    if not config.data.train:
        raise UsageError(NO_TRAINING_DATA)
    training = open_all(config.data.train, media, "train")
    dev = open_all(config.data.dev, media, "dev") if config.data.dev else None
    init = open_bundle(config.init) if config.init else None
    if init is not None:
        check_task(init, task.name, "--init")
    try:
        progress = train(task, config, training, dev, init, tokenizer=tokenizer, evaluate=evaluate)
    except Interrupted:
        say(f"stopped; the same command resumes {config.run_dir}")
        return 1
    best = "" if math.isnan(progress.best) else f", best dev {task.shown[0]} {progress.best:.2f}"
    say(f"finished after {progress.step} steps{best}: {config.run_dir}/bundle")
    return 0


class UsesModel(Protocol):
    """Options that name a model."""

    @property
    def model(self) -> str:
        """Bundle folder, name of a bundled model, or hf:owner/name."""
        ...


C = TypeVar("C", bound=UsesModel)


def parse_for_model(parser: OptionParser, config: type[C], argv: Sequence[str], task: str) -> tuple[Bundle, C]:
    """Open the model that a command line names, and parse the line with the model's own decoding as the default.

    Raises:
        InputError: There is no such model, or it is one of another app.
        UsageError: An option or a value is wrong.
    """
    bundle = open_bundle(parse_config(parser, config, argv).model)
    check_task(bundle, task)
    decoding = {f"decoding.{option}": value for option, value in bundle.config.get("decoding", {}).items()}
    return bundle, parse_config(parser, config, argv, decoding)


@dataclass(frozen=True)
class EvalConfig:
    """Options of evaluation.

    Args:
        model: Bundle folder, name of a bundled model, or hf:owner/name.
        data: Source: a manifest, hf:NAME[:CONFIG[:SPLIT]] or synth:NAME.
        json: File to write the scores to, or null.
        texts: JSONL file to write every reference and result to, or null.
        decoding: How text is found; defaults are those of the model.
        normalise: Normalisation of texts before scoring.
        limit: Score only the first so many examples, or null.
        streaming: Read hf: sources as a stream.
        batch_size: Examples in a batch at most.
        device: auto takes a GPU when there is one.
        precision: Number format of convolutions and recurrent layers; auto asks the hardware for bfloat16.
    """

    model: str = ""
    data: str = ""
    json: str | None = None
    texts: str | None = None
    decoding: DecodingConfig = field(default_factory=DecodingConfig)
    normalise: str = "none"
    limit: int | None = None
    streaming: bool = False
    batch_size: int = 16
    device: Device = "auto"
    precision: Precision = "auto"


POSITIONALS = {
    "model": "Bundle folder, name of a bundled model, or hf:owner/name.",
    "data": "Source: a manifest, hf:NAME[:CONFIG[:SPLIT]] or synth:NAME.",
}


def eval_app(task: str, media: str, command: str, description: str, argv: Sequence[str]) -> int:
    """Score a model on data, from each of its heads; returns the exit status."""
    parser = build_parser(command, description, EvalConfig, POSITIONALS)
    bundle, options = parse_for_model(parser, EvalConfig, argv, task)
    recogniser = build_recogniser(bundle, read_config(bundle), options.device, options.precision, options.decoding.lm)
    source = open_named(options.data, media, "test", options.streaming)
    for problem in source.problems:
        say(problem.sentence)
    rows = [with_written_texts(example) for example in islice(source.examples, options.limit)]
    examples = [example for example in rows if example.target != ()]
    for example in rows:
        if example.target == ():
            say(f"{example.id}: has no text to compare with; fill it in or remove the row.")
    missing = len(rows) - len(examples)
    methods = dict.fromkeys((*recogniser.methods, options.decoding.method))  # the two heads, and both if asked for
    scores = {
        method: score_head(recogniser, examples, replace(options.decoding, method=method), options)
        for method in methods
    }
    chosen = scores[options.decoding.method]
    report = {
        "task": task,
        "model": options.model,
        "data": options.data,
        "normalise": options.normalise,
        "precision": str(recogniser.dtype).removeprefix("torch."),
        "device": recogniser.device.type,
        "batch_size": options.batch_size,
        "decoding": asdict(options.decoding),
        **chosen,
        "heads": scores,
        "broken_rows": len(source.problems) + missing,
    }
    for method, values in scores.items():
        shown = ", ".join(f"{n} {values[n]:.2f}{unit(n)}" for n in recogniser.task.shown if n in values)
        print(f"{method}: {shown} on {values['n']} examples in {values['seconds']:.1f} s")
    if options.json:
        write_json(Path(options.json), report)
    return 1 if chosen["failed"] or source.problems or missing else 0


def with_written_texts(example: Example) -> Example:
    """Return an example of several texts without those that are empty; what has one text may mean an empty one."""
    if not isinstance(example.target, tuple):
        return example
    return replace(example, target=tuple(text for text in example.target if text.strip()))


def unit(score: str) -> str:
    """Return what stands behind the value of a score."""
    return "" if score in NO_PERCENTAGES else " %"


def score_head(
    recogniser: Recogniser, examples: Sequence[Example], decoding: DecodingConfig, options: EvalConfig
) -> dict[str, Any]:
    """Recognise all examples with one head and score them; what cannot be read is told and left out."""
    start = time.perf_counter()
    stream = recogniser.run(examples, decoding, batch_size=options.batch_size)
    results = list(track(stream, f"{decoding.method} decoding", len(examples)))
    seconds = time.perf_counter() - start
    for result in results:
        if result.error is not None and decoding.method == options.decoding.method:
            say(str(result.error))
    usable = [r for r in results if r.error is None]
    if not usable:
        raise InputError(f"{options.data}: no example can be read; see `scriba data check`.")
    simplify = normalisation(options.normalise)
    references = [map_target(simplify, r.example.target) for r in usable]
    texts = [simplify(r.hypotheses[decoding.method].text) for r in usable]
    extent = sum(r.extent for r in usable)
    if options.texts and decoding.method == options.decoding.method:
        rows = zip(usable, references, texts, strict=True)
        lines = [json.dumps({"id": r.example.id, "reference": a, "text": b}, ensure_ascii=False) for r, a, b in rows]
        write_text(Path(options.texts), "\n".join(lines) + "\n")
    return {
        "n": len(usable),
        "failed": [{"id": r.example.id, "error": str(r.error)} for r in results if r.error is not None],
        "seconds": round(seconds, 3),
        f"input_{recogniser.task.unit}": round(extent, 3),
        "real_time_factor" if recogniser.task.unit == "s" else f"seconds_per_{recogniser.task.unit}": round(
            seconds / extent, 5
        ),
        **recogniser.task.score(references, texts),
    }
