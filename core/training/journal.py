"""What a training tells of itself: a progress bar or lines on the terminal, and the log of the run."""

from __future__ import annotations

import math
import time

import numpy as np
from tqdm import tqdm

from scriba.core.command import say
from scriba.core.training.objective import Losses
from scriba.core.training.run_folder import RunFolder, Standing


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


class Journal:
    """Tells how a run goes; of several processes only the first speaks.

    Args:
        folder: The run's.
        total_steps: Steps of the whole run.
        every: Steps between lines.
        speaks: Whether this is the first process.
    """

    def __init__(self, folder: RunFolder, total_steps: int, every: int, speaks: bool) -> None:
        self.folder, self.total_steps, self.every, self.speaks = folder, total_steps, every, speaks
        self.meter, self.bar = Meter(), tqdm(disable=True)

    def begin(self, standing: Standing) -> tqdm[None]:
        """Show a bar from where the run stands; it closes at the end of a `with` statement."""
        disable = None if self.speaks else True
        options = {"total": self.total_steps, "initial": standing.step, "disable": disable}
        self.bar = tqdm(desc="training", unit="step", dynamic_ncols=True, **options)
        self.meter = Meter()
        return self.bar

    def add(self, losses: Losses, frames: int) -> None:
        """Take in a batch."""
        self.meter.add(losses, frames)

    def step(self, standing: Standing, learning_rate: float) -> None:
        """Take in the end of a step; every so many, log the means since the last time."""
        self.bar.update()
        if standing.step % self.every:
            return
        values = self.meter.means(self.every) | {"learning_rate": learning_rate}
        self.meter = Meter()
        if not self.speaks:
            return
        self.folder.log("train", standing.step, values)
        if self.bar.disable:
            minutes = (self.total_steps - standing.step) * values["seconds_per_step"] / 60
            say(f"step {standing.step}/{self.total_steps}: loss {values['loss']:.3f}, {minutes:.0f} min left")
        else:
            self.bar.set_postfix(loss=f"{values['loss']:.3f}")

    def skipped(self, standing: Standing, ids: list[str]) -> None:
        """Tell of a step that was skipped."""
        say(f"step {standing.step}: the loss is not finite; skipped the batch of {', '.join(ids)}")
        if self.speaks:
            self.folder.log("skipped", standing.step, {"ids": ids})

    def evaluated(self, standing: Standing, scores: dict[str, float]) -> None:
        """Tell of an evaluation."""
        self.folder.log("dev", standing.step, {"epoch": standing.epoch, **scores})
        shown = ", ".join(f"{n} {v:.2f}" for n, v in scores.items())
        say(f"epoch {standing.epoch}, step {standing.step}: dev {shown or 'none'}")
