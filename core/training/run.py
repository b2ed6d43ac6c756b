"""From sources to a trained model: everything of a run is built here, checked first and handed to the `Trainer`."""

import copy
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch import nn

from scriba.core.command import FIRST, say
from scriba.core.data import Batches, EndlessSampler, Report, TrainingSet
from scriba.core.errors import InputError
from scriba.core.files import Bundle, load_weights
from scriba.core.inputs import Inputs
from scriba.core.model import Encoder, HeadLengths, Pretrained, Seq2Seq, build_model, load_pretrained_parts
from scriba.core.precision import resolve_device, resolve_precision
from scriba.core.recogniser import Recogniser
from scriba.core.search import Decoding, Scorer
from scriba.core.text import UNK, Tokenizer, build_tokenizer
from scriba.core.training.app import App, Split
from scriba.core.training.averaging import Average
from scriba.core.training.checked import CheckedData, NamedSource, all_texts, with_texts
from scriba.core.training.config import RunConfig, check_run, present
from scriba.core.training.identity import Identity
from scriba.core.training.journal import Journal
from scriba.core.training.objective import build_objective
from scriba.core.training.optimiser import Optimiser, freeze
from scriba.core.training.reward import reward_by
from scriba.core.training.run_folder import RunFolder, Standing
from scriba.core.training.selection import Selection
from scriba.core.training.tied import carried, known_rows
from scriba.core.training.trainer import Trainer, steps_of

HARDLY = 1e-4
"""Share of the units of a text that may be unknown to a tokenizer which is kept."""
NOT_OF_DATA = ("training", "loss", "decoding", "decoder", "attention", "run_dir", "device", "precision")
"""Options that the data check does not depend on."""


@dataclass(frozen=True)
class Sources:
    """What a run learns from, beside its options.

    Attributes:
        training: Training examples.
        dev: Examples that choose the best weights, or None.
        init: Bundle whose weights the training starts from, or None.
        tokenizer: The units that texts are made of; None: they are learnt from the training texts.
        language: Makes the language model that helps the search on dev, for a tokenizer; None without one.
    """

    training: NamedSource
    dev: NamedSource | None = None
    init: Bundle | None = None
    tokenizer: Tokenizer | None = None
    language: Callable[[Tokenizer], Scorer] | None = None


class _Data(NamedTuple):
    """Examples that can be used, and how they are read."""

    inputs: Inputs
    training: Report
    dev: Report | None
    tokenizer: Tokenizer

    def identity(self, config: RunConfig) -> Identity:
        """Return what makes a run on these examples the same run."""
        dev = {} if self.dev is None else {"dev": self.dev}
        return Identity.of(asdict(config), self.tokenizer, training=self.training, **dev)


def train(app: App[Any, Any], config: RunConfig, sources: Sources) -> Standing:
    """Check options and data, build the model and train it; an interrupted run in `config.run_dir` goes on.

    Args:
        app: The task.
        config: The run.
        sources: What it learns from.

    Raises:
        UsageError: Options make no sense, or the folder holds another run.
        InputError: Too much of the data is unusable, or the loss stays non-finite.
        Interrupted: Ctrl-C or SIGTERM came; a checkpoint was written first.
    """
    check_run(config)
    folder = RunFolder(config.run_dir)
    with folder.locked() if FIRST else nullcontext():
        return _train(app, config, sources, folder)


def _train(app: App[Any, Any], config: RunConfig, sources: Sources, folder: RunFolder) -> Standing:
    defaults = Identity.of(asdict(app.configure()))
    folder.compare(Identity.of(asdict(config)), defaults)
    standing = folder.standing()
    if standing is not None and standing.finished:
        return standing
    accelerator = build_accelerator(config)
    torch.manual_seed(config.seed)
    encoder = app.encoder(config)
    give_weights(encoder, sources.init)
    data = prepare_data(app, config, sources, encoder, folder, accelerator)
    folder.compare(data.identity(config), defaults)
    model = build_model(config.model(), encoder, len(data.tokenizer))
    if sources.init is not None:
        start_from(model, data.tokenizer, sources.init)
    trainer = build_trainer(app, config, sources, accelerator, data, model, folder)
    if accelerator.is_main_process:
        folder.save_config(asdict(config))
    accelerator.wait_for_everyone()
    return trainer.run()


def build_accelerator(config: RunConfig) -> Accelerator:
    """Return the accelerator for the configured device and number format."""
    if not torch.distributed.is_initialized():  # else the settings of an earlier run in this process would stay
        AcceleratorState._reset_state(reset_partial_state=True)
    device = resolve_device(config.device)
    dtype = resolve_precision(config.precision, device)
    mixed = {torch.float32: "no", torch.bfloat16: "bf16", torch.float16: "fp16"}[dtype]
    return Accelerator(mixed_precision=mixed, cpu=device.type == "cpu")


def build_trainer(
    app: App[Any, Any],
    config: RunConfig,
    sources: Sources,
    accelerator: Accelerator,
    data: _Data,
    model: Seq2Seq,
    folder: RunFolder,
) -> Trainer:
    """Build the parts of the training loop and put them together."""
    options, device, examples = config.training, accelerator.device, data.training.kept
    language = None if sources.language is None else sources.language(data.tokenizer)
    decoding = config.decoding
    if decoding.method == "auto" and config.loss.ctc_weight == 0:  # a CTC head that is there is not trained
        decoding = replace(decoding, method="attention")
    recogniser = Recogniser(
        data.inputs,
        copy.deepcopy(model).to(device).eval(),
        data.tokenizer,
        Decoding(decoding, present(config.model().heads), language),
        device,
        resolve_precision(config.precision, device),
    )
    judge = app.scores.judge([example.texts for example in examples]) if config.loss.samples else None
    pairs = [(i, text) for i, e in enumerate(examples) for text in (e.texts[:1] if judge else e.texts)]
    dataset = TrainingSet(
        data.inputs,
        [examples[i] for i, _ in pairs],
        [data.tokenizer.encode(text) for _, text in pairs],
        HeadLengths(model.encoder, config.ctc.rate) if config.loss.ctc_weight > 0 else None,
        config.seed,
    )
    sampler = EndlessSampler(
        [data.training.frames[i] for i, _ in pairs],
        max_items=options.batch_size,
        max_frames=options.max_batch_frames,
        seed=config.seed,
        rank=accelerator.process_index,
        processes=accelerator.num_processes,
    )
    batches = Batches(dataset, sampler, config.data.workers)
    objective = build_objective(model, config.loss, hard=config.attention.selection == "hard")
    frozen = freeze(model, options.frozen)
    total_steps = steps_of(batches, options)
    return Trainer(
        accelerator=accelerator,
        options=options,
        seed=config.seed,
        module=objective,
        frozen=frozen,
        optimiser=Optimiser(model, options, total_steps),
        average=Average(options.average, options.ema_decay),
        batches=batches,
        reward=None if judge is None else reward_by(judge, data.tokenizer),
        selection=Selection(app, config, recogniser, () if data.dev is None else data.dev.kept, folder),
        folder=folder,
        journal=Journal(folder, total_steps, options.log_every, accelerator.is_main_process),
        identity=data.identity(config),
    )


def prepare_data(
    app: App[Any, Any],
    config: RunConfig,
    sources: Sources,
    encoder: Encoder,
    folder: RunFolder,
    accelerator: Accelerator,
) -> _Data:
    """Check the data, or remember what a check of the same found, and choose the tokenizer.

    Raises:
        InputError: Nothing is usable, or too much is not.
    """
    rows = with_texts(sources.training.examples, config.data.normalise)
    dev_rows = [] if sources.dev is None else with_texts(sources.dev.examples, config.data.normalise)
    splits: list[Split] = [("train", rows), ("dev", dev_rows)]
    if not accelerator.is_main_process:
        accelerator.wait_for_everyone()  # for what the first process computes and checks
    inputs = app.training_inputs(config, encoder, splits) if app.training_inputs else app.inputs(config)
    options = {name: value for name, value in asdict(config).items() if name not in NOT_OF_DATA}
    checked = CheckedData(folder.check, options | {"aligned": config.loss.ctc_weight > 0})
    positions = HeadLengths(encoder, config.ctc.rate) if config.loss.ctc_weight > 0 else None
    fresh = sources.tokenizer or build_tokenizer(config.tokenizer, all_texts(rows))
    training = checked.check(sources.training, rows, inputs, positions=positions, encode=fresh.encode)
    accept(training, config.data.max_lost)
    reports, dev = [(rows, training)], None
    if sources.dev is not None:
        dev = checked.check(sources.dev, dev_rows, inputs)
        for line in dev.lines():
            say(line)
        if unseen := dev.unseen_in(training):
            say(f"  only in {dev.name}, never to be recognised: {' '.join(map(repr, unseen))}")
        reports.append((dev_rows, dev))
    if accelerator.is_main_process:
        checked.keep(reports)
        accelerator.wait_for_everyone()
    texts = all_texts(training.kept)
    tokenizer = fresh
    if sources.tokenizer is None and len(training.kept) < len(rows):
        tokenizer = build_tokenizer(config.tokenizer, texts)
    if sources.init is not None and knows_as_much(sources.init.tokenizer, tokenizer, texts):
        tokenizer = sources.init.tokenizer
    return _Data(inputs, training, dev, tokenizer)


def accept(report: Report, max_lost: float) -> None:
    """Show the report of the training data and refuse it when too much is lost.

    Raises:
        InputError: Nothing is usable, or more than the share `max_lost` is not.
    """
    for line in report.lines():
        say(line)
    if not report.kept:
        raise InputError(f"{report.name}: no usable example; see the reasons above.")
    if report.share_lost > max_lost:
        raise InputError(
            f"{report.name}: {100 * report.share_lost:.1f} % of the rows cannot be used, more than "
            f"{100 * max_lost:g} %; mend them, or accept the loss with --data.max_lost {report.share_lost + 0.001:.3f}."
        )


def knows_as_much(known: Tokenizer, fresh: Tokenizer, texts: Sequence[str]) -> bool:
    """Tell whether a tokenizer is of the same kind as another and leaves hardly more units of the texts unknown.

    Heads have to learn anew for another alphabet; for one unit in ten thousand that would be a poor bargain.
    """
    if type(known) is not type(fresh):
        return False
    units, new = ([unit for text in texts for unit in t.encode(text)] for t in (known, fresh))
    return units.count(UNK) - new.count(UNK) <= HARDLY * len(units)


def give_weights(encoder: Encoder, init: Bundle | None) -> None:
    """Give the pretrained parts of an encoder the weights that training begins from: those of `init`, or their own.

    Raises:
        InputError: They cannot be had, or `init` has none for such a part.
    """
    assert isinstance(encoder, nn.Module)
    if init is None:
        load_pretrained_parts(encoder)
        return
    for name, part in encoder.named_modules(prefix="encoder"):
        if isinstance(part, Pretrained):
            own = {n.removeprefix(f"{name}."): t for n, t in init.weights.items() if n.startswith(f"{name}.")}
            load_weights(part, own, f"--init {init.path}, {name}")  # type: ignore[arg-type]


def start_from(model: Seq2Seq, tokenizer: Tokenizer, init: Bundle) -> None:
    """Copy the weights that fit; of those tied to the tokens, the rows of tokens that both have.

    Raises:
        InputError: Less than half of them fits.
    """
    own, copied = model.state_dict(), 0
    with torch.no_grad():
        for name, tensor in init.weights.items():
            if name in own and (value := carried(name, own[name], tensor, tokenizer, init.tokenizer)) is not None:
                own[name].copy_(value)
                copied += 1
    if 2 * copied < min(len(own), len(init.weights)):
        raise InputError(
            f"--init {init.path}: {copied} of its {len(init.weights)} tensors fit the configured model; give the "
            "options that it was made with (scriba model info --format json)."
        )
    new = len(tokenizer) - len(known_rows(tokenizer, init.tokenizer)[0])
    say(f"started from {init.path}: {copied} of {len(own)} tensors, {new} of {len(tokenizer)} tokens are new")
