"""The training loop.

Everything random about a step is a function of the seed and of where the step stands, never of what ran before:
the order of batches and the augmentation of (seed, epoch, example), dropout of (seed, step, process). So a run
that was killed and resumed gives the same weights, bit for bit on a CPU, as one that never stopped.
"""

from __future__ import annotations

import copy
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from types import FrameType
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import broadcast_object_list
from torch import Tensor
from tqdm import tqdm

from scriba.core.averaging import Average
from scriba.core.batching import Batch, EndlessSampler, TrainingSet, build_loader
from scriba.core.bundle import save_bundle
from scriba.core.card import model_card
from scriba.core.checkpoint import Progress, pack, unpack
from scriba.core.config import RunConfig, TrainingConfig
from scriba.core.errors import InputError, UsageError, nearest
from scriba.core.example import Example
from scriba.core.loss import Losses
from scriba.core.model import Seq2Seq
from scriba.core.precision import resolve_device, resolve_precision
from scriba.core.progress import say
from scriba.core.recogniser import Recogniser
from scriba.core.reward import Reward
from scriba.core.run_folder import RunFolder
from scriba.core.schedule import learning_rate
from scriba.core.task import Task
from scriba.core.tokenizer import Tokenizer

MAX_SKIPPED = 10
"""Steps in a row with a non-finite loss after which training stops."""
NOT_IN_BUNDLE = ("data", "training", "run_dir", "init", "device", "precision")
"""Options of a run that say nothing about how the model is used."""


Evaluate = Callable[[Recogniser, Sequence[Example], RunConfig], dict[str, float]]
"""Scores a model on dev; the score that chooses the best weights is the one of `main_score`."""


class Interrupted(Exception):
    """Training was asked to stop, and stopped after a checkpoint."""


def build_accelerator(config: RunConfig) -> Accelerator:
    """Return the accelerator for the configured device and number format."""
    if not torch.distributed.is_initialized():  # else the settings of an earlier run in this process would stay
        AcceleratorState._reset_state(reset_partial_state=True)
    device = resolve_device(config.device)
    dtype = resolve_precision(config.precision, device)
    mixed = {torch.float32: "no", torch.bfloat16: "bf16", torch.float16: "fp16"}[dtype]
    return Accelerator(mixed_precision=mixed, cpu=device.type == "cpu")


class Trainer:
    """One training run.

    Args:
        accelerator: Devices, processes and number format.
        task: The app's part.
        config: The run.
        model: The model, freshly built or initialised.
        tokenizer: The tokenizer of its vocabulary.
        examples: Training examples, all usable; one with several texts is trained on with each of them.
        frames: Their numbers of frames.
        dev: Examples that choose the best weights; without any, the last weights are kept.
        evaluate: Scores the model on them.
    """

    def __init__(
        self,
        *,
        accelerator: Accelerator,
        task: Task,
        config: RunConfig,
        model: Seq2Seq,
        tokenizer: Tokenizer,
        examples: Sequence[Example],
        frames: Sequence[int],
        dev: Sequence[Example],
        evaluate: Evaluate,
    ) -> None:
        self.accelerator = accelerator
        self.task, self.config, self.tokenizer, self.dev, self.evaluate = task, config, tokenizer, dev, evaluate
        self.folder = RunFolder(config.run_dir)
        self.progress = Progress()
        self.average = Average(config.training.average, config.training.ema_decay, config.training.average_last)
        evaluated = copy.deepcopy(model).to(accelerator.device).eval()
        dtype = resolve_precision(config.precision, accelerator.device)
        self.recogniser = Recogniser(task, evaluated, tokenizer, accelerator.device, dtype)
        self.judge = task.judge([example.texts for example in examples]) if config.loss.samples else None
        taught = [example.texts[:1] if self.judge else example.texts for example in examples]
        pairs = [(i, tokenizer.encode(text)) for i, texts in enumerate(taught) for text in texts]
        dataset = TrainingSet(
            task, [examples[i] for i, _ in pairs], [ids for _, ids in pairs], model.encoder, config.seed
        )
        plan = config.training
        self.sampler = EndlessSampler(
            [frames[i] for i, _ in pairs],
            max_items=plan.batch_size,
            max_frames=plan.max_batch_frames,
            seed=config.seed,
            rank=accelerator.process_index,
            processes=accelerator.num_processes,
        )
        self.loader = build_loader(dataset, self.sampler, config.data.workers)
        total = plan.epochs * math.ceil(len(self.sampler.plan(0)) / plan.accumulate)
        self.total_steps = min(total, plan.max_steps or total)
        optimizer = torch.optim.AdamW(_groups(model, plan), betas=(0.9, 0.98), fused=True)
        self.module = model
        self.model, self.optimizer = accelerator.prepare(model, optimizer)
        self.meter = Meter()

    def run(self) -> Progress:
        """Train to the end, from the last checkpoint if there is one.

        Raises:
            Interrupted: Ctrl-C or SIGTERM came; a checkpoint was written first.
            InputError: The loss stayed non-finite.
        """
        if self.accelerator.is_main_process:
            self.folder.save_config(asdict(self.config), asdict(type(self.config)()))
        self.accelerator.wait_for_everyone()
        self._resume()
        if self.progress.finished:
            return self.progress
        self.folder.forget_after(self.progress.step)
        self.sampler.start_at(self.progress.epoch, self.progress.batch)
        batches = iter(self.loader)
        bar = tqdm(
            desc="training",
            total=self.total_steps,
            initial=self.progress.step,
            unit="step",
            dynamic_ncols=True,
            disable=None if self.accelerator.is_main_process else True,
        )
        with bar, _stop_signal() as stop:
            while not self.progress.finished:
                self._epoch(batches, bar, stop)
        return self.progress

    def _epoch(self, batches: Iterator[Batch], bar: tqdm[None], stop: threading.Event) -> None:
        """Run what is left of the present epoch, then evaluate if it is due."""
        plan, progress = self.config.training, self.progress
        count = len(self.sampler.plan(progress.epoch))
        while progress.batch < count and progress.step < self.total_steps:
            group = [next(batches) for _ in range(min(plan.accumulate, count - progress.batch))]
            self._step(group)
            progress.step += 1
            progress.batch += len(group)
            bar.update()
            if progress.step % plan.log_every == 0:
                self._log_window(bar)
            if stop.is_set():
                self._checkpoint()
                raise Interrupted
            if progress.step % plan.checkpoint_every == 0 and progress.batch < count:
                self._checkpoint()
        if progress.batch >= count:
            progress.epoch, progress.batch = progress.epoch + 1, 0
        ended = progress.step >= self.total_steps or progress.epoch >= plan.epochs
        if ended or progress.epoch % plan.eval_every == 0:
            self._evaluate()
        progress.finished = ended or (plan.patience is not None and progress.waited >= plan.patience)
        self._checkpoint()

    def _step(self, group: Sequence[Batch]) -> None:
        """One optimiser step over a group of batches, skipped if the loss or its gradient is not finite."""
        plan, progress = self.config.training, self.progress
        torch.manual_seed(_step_seed(self.config.seed, progress.step, self.accelerator.process_index))
        self.model.train()
        held = self._set_rates()
        finite = True
        for i, batch in enumerate(group):
            last = i == len(group) - 1
            with nullcontext() if last else self.accelerator.no_sync(self.model):
                losses: Losses = self.model(*batch.to(self.accelerator.device).tensors(), self._reward(batch))
                finite = finite and self._all_finite(losses.total)
                if not finite:
                    break
                self.accelerator.backward(losses.total / len(group))
            self.meter.add(losses, int(batch.lengths_B.sum()))
        for parameter in held:
            parameter.grad = None
        if finite:
            norm = self.accelerator.clip_grad_norm_(self.model.parameters(), plan.clip_norm)
            finite = self.accelerator.scaler is not None or bool(torch.isfinite(norm))
        if finite:
            self.optimizer.step()
            self.average.after_step(self.module)
            progress.skipped = 0
        else:
            self._skip(group)
        self.optimizer.zero_grad()

    def _reward(self, batch: Batch) -> Reward | None:
        """Return what rates outputs sampled for a batch, when training is on scores."""
        if (judge := self.judge) is None:
            return None
        decode = self.tokenizer.decode
        return lambda samples: [judge(own, [*map(decode, ids)]) for own, ids in zip(batch.texts, samples, strict=True)]

    def _set_rates(self) -> list[Tensor]:
        """Set the learning rates of the present step; return the weights that are not trained yet."""
        step, plan = self.progress.step, self.config.training
        held: list[Tensor] = []
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(
                step, self.total_steps, peak=group["peak"], warmup=plan.warmup, decay=plan.decay
            )
            waits = step < group["first"]
            held += group["params"] if waits else []
            if self.accelerator.num_processes == 1:  # several wait for the gradients of all, which are then dropped
                for parameter in group["params"]:
                    parameter.requires_grad_(not waits)
        return held

    def _all_finite(self, loss: Tensor) -> bool:
        flag = torch.isfinite(loss.detach()).float()
        return bool(self.accelerator.reduce(flag, "mean") == 1) if self.accelerator.num_processes > 1 else bool(flag)

    def _skip(self, group: Sequence[Batch]) -> None:
        ids = [id for batch in group for id in batch.ids]
        self.progress.skipped += 1
        say(f"step {self.progress.step}: the loss is not finite; skipped the batch of {', '.join(ids)}")
        self.folder.log("skipped", self.progress.step, {"ids": ids})
        if self.progress.skipped >= MAX_SKIPPED:
            raise InputError(
                f"the loss was not finite in {MAX_SKIPPED} steps in a row, last for {', '.join(ids)}; "
                "lower --training.learning_rate or look at these examples."
            )

    def _evaluate(self) -> None:
        """Score the averaged weights on dev, and keep them as the bundle if they are the best so far."""
        self.average.before_evaluation(self.module)
        if self.accelerator.is_main_process:
            weights = {n: t.half() if t.is_floating_point() else t for n, t in self._averaged().items()}
            self.recogniser.model.load_state_dict(weights)
            scores = self.evaluate(self.recogniser, self.dev, self.config)
            self.progress.waited += 1
            score = main_score(scores, self.config, self.task) if self.dev else math.nan
            if not self.dev or self._is_better(score):
                self.progress.best, self.progress.waited = score, 0
                self._save_bundle(weights, scores)
            self.folder.log("dev", self.progress.step, {"epoch": self.progress.epoch, **scores})
            shown = ", ".join(f"{n} {v:.2f}" for n, v in scores.items())
            say(f"epoch {self.progress.epoch}, step {self.progress.step}: dev {shown or 'none'}")
        place = broadcast_object_list([self.progress.best, self.progress.waited])
        self.progress.best, self.progress.waited = place

    def _is_better(self, score: float) -> bool:
        best = self.progress.best
        return math.isnan(best) or (score > best if self.task.higher_is_better else score < best)

    def _averaged(self) -> dict[str, Tensor]:
        return self.average.weights(self.module)

    def _save_bundle(self, weights: dict[str, Tensor], scores: dict[str, float]) -> None:
        values = {n: v for n, v in asdict(self.config).items() if n not in NOT_IN_BUNDLE}
        parameters = sum(p.numel() for p in self.module.parameters())
        card = model_card(self.task.name, self.config, scores, parameters)
        save_bundle(
            self.folder.bundle,
            task=self.task.name,
            config=values,
            tokenizer=self.tokenizer,
            weights=weights,
            card=card,
        )

    def _checkpoint(self) -> None:
        self.progress.averaged = self.average.steps
        if self.accelerator.scaler is not None:
            self.progress.scale = float(self.accelerator.scaler.get_scale())
        if self.accelerator.is_main_process:
            self.folder.save_checkpoint(
                pack(self.module, self.optimizer.optimizer, self.average), asdict(self.progress)
            )
        self.accelerator.wait_for_everyone()

    def _resume(self) -> None:
        saved = self.folder.load_checkpoint()
        if saved is None:
            return
        tensors, state = saved
        self.progress = Progress(**state)
        unpack(tensors, self.progress, self.module, self.optimizer.optimizer, self.average)
        if self.accelerator.scaler is not None:
            self.accelerator.scaler.load_state_dict(
                {**self.accelerator.scaler.state_dict(), "scale": self.progress.scale}
            )
        if self.accelerator.is_main_process:
            say(f"resuming {self.folder.path} after step {self.progress.step} of {self.total_steps}")

    def _log_window(self, bar: tqdm[None]) -> None:
        if not self.accelerator.is_main_process:
            self.meter = Meter()
            return
        values = self.meter.means(self.config.training.log_every) | {
            "learning_rate": self.optimizer.param_groups[0]["lr"]
        }
        self.meter = Meter()
        self.folder.log("train", self.progress.step, values)
        if bar.disable:
            left = self.total_steps - self.progress.step
            minutes = left * values["seconds_per_step"] / 60
            say(f"step {self.progress.step}/{self.total_steps}: loss {values['loss']:.3f}, {minutes:.0f} min left")
        else:
            bar.set_postfix(loss=f"{values['loss']:.3f}")


class Meter:
    """Means over a window of steps."""

    def __init__(self) -> None:
        self.losses: list[tuple[float, float, float]] = []
        self.frames = 0
        self.start = time.perf_counter()

    def add(self, losses: Losses, frames: int) -> None:
        """Take in a batch."""
        self.losses.append((losses.total.item(), losses.ctc.item(), losses.attention.item()))
        self.frames += frames

    def means(self, steps: int) -> dict[str, float]:
        """Return mean losses, and frames per second and seconds per step over that many steps."""
        seconds = time.perf_counter() - self.start
        total, ctc, attention = np.mean(self.losses or [(math.nan,) * 3], axis=0).tolist()
        return {
            "loss": total,
            "ctc": ctc,
            "attention": attention,
            "frames_per_second": self.frames / seconds,
            "seconds_per_step": seconds / steps,
        }


def score_methods(recogniser: Recogniser, examples: Sequence[Example], config: RunConfig) -> dict[str, float]:
    """Return the task's scores for each head, named method_score; nothing without examples."""
    if not examples:
        return {}
    size = config.training.batch_size
    results = list(recogniser.run(examples, config.decoding, methods=recogniser.methods, batch_size=max(size, 16)))
    usable = [r for r in results if r.error is None]
    references = [r.example.target for r in usable]
    scores: dict[str, float] = {}
    for method in recogniser.methods:
        texts = [r.hypotheses[method].text for r in usable]
        rates = recogniser.task.score(references, texts)
        scores |= {f"{method}_{name}": rates[name] for name in recogniser.task.shown}
    return scores


def main_score(scores: dict[str, float], config: RunConfig, task: Task) -> float:
    """Return the score that chooses the best weights: of the head that is decoded, if heads are told apart."""
    name = task.shown[0]
    return scores[name] if name in scores else scores[f"{config.decoding.method}_{name}"]


def _groups(model: torch.nn.Module, plan: TrainingConfig) -> list[dict[str, Any]]:
    """Weights by peak learning rate, first step and weight decay: matrices decay, biases and normalisation do not.

    Raises:
        UsageError: The part that is trained late has no weights.
    """
    late, named = plan.late, [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    later = [p for name, p in named if late.part and name.startswith(late.part)]
    if late.part and not later:
        frozen = any(name.startswith(late.part) for name, _ in model.named_parameters())
        if frozen:
            raise UsageError(f"--training.late.part {late.part}: is frozen; let it be trained: --encoder.frozen false.")
        parts = [name for name, m in model.named_modules() if any(p.requires_grad for p in m.parameters())]
        raise UsageError(
            f"--training.late.part {late.part}: no weights to be trained have names that begin so."
            f"{nearest(late.part, parts)}"
        )
    rest = [p for name, p in named if not (late.part and name.startswith(late.part))]
    groups: list[dict[str, Any]] = []
    for part, peak, first in ((rest, plan.learning_rate, 0), (later, late.learning_rate, late.from_step)):
        for members, decay in (
            ([p for p in part if p.ndim > 1], plan.weight_decay),
            ([p for p in part if p.ndim <= 1], 0.0),
        ):
            groups.append({"params": members, "weight_decay": decay, "peak": peak, "first": first})
    return [group for group in groups if group["params"]]


def _step_seed(seed: int, step: int, process: int) -> int:
    return int(np.random.SeedSequence([seed, step, process]).generate_state(1, np.uint64)[0] >> 1)


@contextmanager
def _stop_signal() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C or SIGTERM into a request to stop after the present step."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def ask(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        say("stopping after this step; once more to stop at once")

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
