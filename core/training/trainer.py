"""The training loop.

Everything random about a step is a function of the seed and of where the step stands, never of what ran before:
the order of batches and the augmentation of (seed, epoch, example), dropout of (seed, step, process). So a run
that was killed and resumed gives the same weights, bit for bit on a CPU, as one that never stopped.
"""

import math
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from types import FrameType
from typing import cast

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from torch import Tensor, nn

from scriba.core.command import say
from scriba.core.data import Batch, Batches
from scriba.core.errors import InputError
from scriba.core.training.averaging import Average
from scriba.core.training.config import TrainingConfig
from scriba.core.training.identity import Identity
from scriba.core.training.journal import Journal
from scriba.core.training.objective import Losses, Objective
from scriba.core.training.optimiser import Optimiser
from scriba.core.training.reward import BatchReward
from scriba.core.training.run_folder import RunFolder, Standing, pack, unpack
from scriba.core.training.selection import Selection

MAX_SKIPPED = 10
"""Steps in a row with a non-finite loss after which training stops."""


class Interrupted(Exception):
    """Training was asked to stop, and stopped after a checkpoint."""


def steps_of(batches: Batches, options: TrainingConfig) -> int:
    """Return the optimiser steps of a whole run."""
    total = options.epochs * math.ceil(batches.per_epoch(0) / options.accumulate)
    return min(total, options.max_steps or total)


@dataclass
class Trainer:
    """One training run. All parts come built.

    Attributes:
        accelerator: Devices, processes and number format.
        options: How to train.
        seed: Seed of everything random.
        module: Model and loss.
        frozen: Parts of the model that stay in evaluation mode.
        optimiser: Moves the weights.
        average: Average of the weights, which is evaluated and kept.
        batches: The training data.
        reward: Rates sampled outputs of a batch, when training is on scores.
        selection: Keeps the best weights.
        folder: The run's folder.
        journal: Tells how it goes.
        identity: What makes it the same run when it goes on.
        standing: Where it stands.
    """

    accelerator: Accelerator
    options: TrainingConfig
    seed: int
    module: Objective
    frozen: Sequence[nn.Module]
    optimiser: Optimiser
    average: Average
    batches: Batches
    reward: BatchReward | None
    selection: Selection
    folder: RunFolder
    journal: Journal
    identity: Identity
    standing: Standing = field(default_factory=Standing)

    def __post_init__(self) -> None:
        self.objective, self.prepared = self.accelerator.prepare(self.module, self.optimiser.adamw)

    def run(self) -> Standing:
        """Train to the end, from the last checkpoint if there is one.

        Raises:
            Interrupted: Ctrl-C or SIGTERM came; a checkpoint was written first.
            InputError: The loss stayed non-finite.
        """
        self._resume()
        if self.accelerator.is_main_process:
            self.folder.forget_after(self.standing.step)
        with self.journal.begin(self.standing), _stop_signal() as stop:
            batches = self.batches.iterate(self.standing.epoch, self.standing.batch)
            while not self.standing.finished:
                self._epoch(batches, stop)
        return self.standing

    def _epoch(self, batches: Iterator[Batch], stop: threading.Event) -> None:
        """Run what is left of the present epoch, then evaluate if it is due."""
        options, standing = self.options, self.standing
        count = self.batches.per_epoch(standing.epoch)
        while standing.batch < count and standing.step < self.optimiser.total_steps:
            group = [next(batches) for _ in range(min(options.accumulate, count - standing.batch))]
            self._step(group)
            standing.step += 1
            standing.batch += len(group)
            self.journal.step(standing, self.optimiser.rate)
            if self._any(stop.is_set()):
                self._checkpoint()
                raise Interrupted
            if standing.step % options.checkpoint_every == 0 and standing.batch < count:
                self._checkpoint()
        if standing.batch >= count:
            standing.epoch, standing.batch = standing.epoch + 1, 0
        ended = standing.step >= self.optimiser.total_steps or standing.epoch >= options.epochs
        if ended or standing.epoch % options.eval_every == 0:
            self._evaluate()
        standing.finished = ended or (options.patience is not None and standing.waited >= options.patience)
        self._checkpoint()

    def _step(self, group: Sequence[Batch]) -> None:
        """One optimiser step over a group of batches, skipped if the loss or its gradient is not finite."""
        torch.manual_seed(_step_seed(self.seed, self.standing.step, self.accelerator.process_index))
        self.objective.train()
        for part in self.frozen:
            part.eval()
        held = self.optimiser.set_rates(self.standing.step, alone=self.accelerator.num_processes == 1)
        finite = self._backward(group)
        for parameter in held:
            parameter.grad = None
        if finite:
            norm = self.accelerator.clip_grad_norm_(self.objective.parameters(), self.options.clip_norm)
            finite = self.accelerator.scaler is not None or bool(torch.isfinite(norm))
        if finite:
            self.prepared.step()
            self.average.after_step(self.module.model)
            self.standing.skipped = 0
        else:
            self._skip([id for batch in group for id in batch.ids])
        self.prepared.zero_grad()

    def _backward(self, group: Sequence[Batch]) -> bool:
        """Add up the gradients of a group of batches; returns whether all losses are finite."""
        for i, batch in enumerate(group):
            last = i == len(group) - 1
            reward = None if self.reward is None else self.reward(batch)
            with nullcontext() if last else self.accelerator.no_sync(self.objective):
                losses: Losses = self.objective(*batch.to(self.accelerator.device).tensors(), reward)
                if self._any(not bool(torch.isfinite(losses.total))):
                    return False
                self.accelerator.backward(losses.total / len(group))
            self.journal.add(losses, int(batch.lengths_B.sum()))
        return True

    def _any(self, here: bool) -> bool:
        """Tell whether something is so in any process; all of them hear the same."""
        if self.accelerator.num_processes == 1:
            return here
        flag = torch.tensor(float(here), device=self.accelerator.device)
        return bool(cast(Tensor, self.accelerator.reduce(flag, "sum")) > 0)

    def _skip(self, ids: list[str]) -> None:
        self.standing.skipped += 1
        self.journal.skipped(self.standing, ids)
        if self.standing.skipped >= MAX_SKIPPED:
            raise InputError(
                f"the loss was not finite in {MAX_SKIPPED} steps in a row, last for {', '.join(ids)}; "
                "lower --training.learning_rate or look at these examples."
            )

    def _evaluate(self) -> None:
        """Score the averaged weights on dev, and keep them as the bundle if they are the best so far."""
        if self.accelerator.is_main_process:
            scores = self.selection.consider(self.average.weights(self.module.model), self.standing)
            self.journal.evaluated(self.standing, scores)
        best_and_waited = broadcast_object_list([self.standing.best, self.standing.waited])
        self.standing.best, self.standing.waited = best_and_waited

    def _checkpoint(self) -> None:
        self.standing.averaged = self.average.steps
        if self.accelerator.scaler is not None:
            self.standing.scale = float(self.accelerator.scaler.get_scale())
        if self.accelerator.is_main_process:
            tensors = pack(self.module, self.prepared.optimizer, self.average)
            self.folder.save_checkpoint(tensors, self.standing, self.identity)
        self.accelerator.wait_for_everyone()

    def _resume(self) -> None:
        saved = self.folder.load_checkpoint()
        if saved is None:
            return
        tensors, self.standing = saved
        try:
            unpack(tensors, self.standing, self.module, self.prepared.optimizer, self.average)
        except (RuntimeError, KeyError, ValueError, IndexError) as error:
            raise self.folder.damaged(str(error).split("\n")[0]) from error
        if (scaler := self.accelerator.scaler) is not None:
            scaler.load_state_dict({**scaler.state_dict(), "scale": self.standing.scale})
        if self.accelerator.is_main_process:
            say(f"resuming {self.folder.path} after step {self.standing.step} of {self.optimiser.total_steps}")


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
