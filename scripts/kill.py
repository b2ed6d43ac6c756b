"""Kill a small training over and over, resume it by the same command each time, and compare it with one left alone.

    python scripts/kill.py                       50 kills, in as many trainings as that takes
    python scripts/kill.py --kills 5 --seed 7 --forked

Trains a speech model on synth:dtmf by `scriba asr train`. Kills come at random moments of start-up and training, and at
the instant when a file is being written in checkpoints/ or bundle/; most are SIGKILL, some SIGTERM and SIGINT. Every
training that came to its end has to be bit for bit the one that was never killed: bundle, checkpoint, and the log but
for its timings; and nothing half written may be left in its folder. The exit status is 0 only then. The seed chooses
the kills, but where they fall depends on how fast the machine is.
"""

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch._dynamo  # optimisers import it: here, so that forked processes need not
from safetensors.torch import load_file

from scriba.cli import main as scriba_main
from scriba.core.errors import ScribaError
from scriba.core.training import RunFolder

CONFIG = """
data: {train: "synth:dtmf:train:60", dev: "synth:dtmf:dev:8"}
features: {sample_rate: 8000, mel_bins: 40, window: 0.032}
augment: {start_epoch: 1, speeds: [0.9, 1.0, 1.1]}
encoder: {channels: 8, size: 24, layers: 1, dropout: 0.2}
decoder: {size: 24, embedding_size: 8, dropout: 0.2}
attention: {size: 24}
loss: {ctc_weight: 0.5}
decoding: {method: attention}
training: {batch_size: 6, learning_rate: 0.006, ema_decay: 0.9, checkpoint_every: 3, log_every: 1}
device: cpu
run_dir: run
"""
"""Ten steps an epoch, of a hundredth of a second each; the bundle is written in most of the first epochs."""
STEPS_PER_EPOCH = 10
AIMS = ("start-up", "any moment", "any moment", "checkpoint", "checkpoint", "bundle", "bundle")
SIGNALS = (signal.SIGKILL,) * 6 + (signal.SIGTERM, signal.SIGINT)
TIMINGS = ("frames_per_second", "seconds_per_step")


class Kill(NamedTuple):
    """What was done to a training, and what it was doing.

    Attributes:
        aim: Where the kill was to fall.
        signal: Name of the signal.
        seconds: From the start of the process.
        stage: Where it fell, from what the folder says: start-up, training, evaluation, checkpoint or bundle.
        logged: Last step in the log.
        kept: Step of the checkpoint that the next process goes on from.
    """

    aim: str
    signal: str
    seconds: float
    stage: str
    logged: int
    kept: int


class Seen(NamedTuple):
    """What a folder shows: how many processes came to a step, half-written files, and when the bundle was begun."""

    starts: int
    parts: frozenset[Path]
    bundle: int


class Training:
    """A training in a folder, which is run by one process after the other.

    Args:
        place: Where the command is given; the run is in the folder `run` there.
        epochs: Length of the training.
        forked: Make processes by forking this one: they import nothing, but have its hash seed.
    """

    def __init__(self, place: Path, epochs: int, forked: bool) -> None:
        place.mkdir(parents=True)
        (place / "kill.yaml").write_text(CONFIG)
        self.place, self.forked, self.folder = place, forked, place / "run"
        self.words = ["asr", "train", "--config", "kill.yaml", "--training.epochs", str(epochs)]

    def start(self) -> int:
        """Begin or go on with the training in a process of its own; returns its number."""
        told = os.open(self.place / "told", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        pid = os.fork()
        if pid:
            os.close(told)
            return pid
        status = 1
        try:
            os.dup2(told, 1)
            os.dup2(told, 2)
            os.chdir(self.place)
            sys.argv = ["scriba", *self.words]  # which the model card quotes
            if not self.forked:
                os.execv(sys.executable, [sys.executable, "-m", "scriba.cli", *self.words])
            status = scriba_main(self.words)
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)

    def finish(self) -> None:
        """Run the training to its end.

        Raises:
            SystemExit: It fails.
        """
        if status := os.waitstatus_to_exitcode(os.waitpid(self.start(), 0)[1]):
            raise SystemExit(f"the training ended with status {status}:\n{(self.place / 'told').read_text()[-2000:]}")

    def kill(self, aim: str, number: signal.Signals, rng: random.Random) -> Kill | None:
        """Go on with the training and kill it; returns None if it came to its end before.

        Raises:
            SystemExit: It failed by itself.
        """
        began, before = time.perf_counter(), self.seen()
        pid = self.start()
        for waiting in self._until(aim, before, rng):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done and (code := os.waitstatus_to_exitcode(status)):
                raise SystemExit(f"exit status {code} before a kill:\n{(self.place / 'told').read_text()[-2000:]}")
            if done:
                return None
            time.sleep(waiting)
        seconds = time.perf_counter() - began
        os.kill(pid, number)
        stage = None if number == signal.SIGKILL else self.stage(before)  # others may go on for a while
        if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0:
            return None
        return Kill(aim, number.name, seconds, stage or self.stage(before), self.logged(), self.kept())

    def _until(self, aim: str, before: Seen, rng: random.Random) -> Iterator[float]:
        """Yield the seconds to sleep until the next look at a process, as long as its time has not come."""
        if aim == "start-up":
            yield rng.uniform(0, 0.5 if self.forked else 6)
            return
        while self.seen().starts == before.starts:
            yield 0.001
        yield rng.expovariate(2)
        if aim == "any moment":
            return
        folder = self.folder / {"checkpoint": "checkpoints", "bundle": "bundle"}[aim]
        while not set(folder.glob(".*.part")) - before.parts:
            yield 0
        if rng.random() < 0.5:
            yield rng.uniform(0, 0.004)

    def seen(self) -> Seen:
        """Return what the folder shows."""
        config = self.folder / "bundle" / "config.json"
        written = config.stat().st_mtime_ns if config.exists() else 0
        starts = len(list(self.folder.glob("events/*")))  # each process makes a file there
        return Seen(starts, frozenset(self.folder.rglob("*.part")), written)

    def stage(self, before: Seen) -> str:
        """Return what a process was doing, from what it left."""
        now, lines = self.seen(), self.lines()
        places = {path.parent.name for path in now.parts - before.parts}
        weights = self.folder / "bundle" / "model.safetensors"
        behind = now.bundle > (weights.stat().st_mtime_ns if weights.exists() else 0)
        if now.starts == before.starts:
            return "start-up"
        if "bundle" in places or (behind and now.bundle != before.bundle):
            return "bundle"
        if "checkpoints" in places:
            return "checkpoint"
        if lines and lines[-1]["kind"] == "train" and lines[-1]["step"] % STEPS_PER_EPOCH == 0:
            return "evaluation"
        return "training"

    def lines(self) -> list[dict[str, Any]]:
        """Return the whole lines of the log, without timings."""
        log = self.folder / "log.jsonl"
        found = []
        for line in log.read_text().splitlines(keepends=True) if log.exists() else ():
            if line.endswith("}\n"):
                found.append({name: value for name, value in json.loads(line).items() if name not in TIMINGS})
        return found

    def logged(self) -> int:
        """Return the last step of the log."""
        return max((line["step"] for line in self.lines()), default=0)

    def kept(self) -> int:
        """Return the step of the checkpoint; -1 where it is damaged."""
        try:
            standing = RunFolder(self.folder).standing()
        except ScribaError:
            return -1
        return standing.step if standing else 0


def differences(one: Training, other: Training) -> list[str]:
    """Return what of a finished training is not as in another, in words."""
    found = [f"{path.relative_to(other.folder)} is left over" for path in other.folder.rglob("*.part")]
    for name in ("checkpoints/last", "bundle/model.safetensors"):
        first, second = (load_file(training.folder / name) for training in (one, other))
        keys = sorted(first.keys() | second.keys())
        same = [k for k in keys if k in first and k in second and same_bits(first[k], second[k])]
        found += [f"{name}: {key} differs" for key in keys if key not in same]
    for name in ("config.json", "tokenizer.json", "README.md"):
        if (one.folder / "bundle" / name).read_bytes() != (other.folder / "bundle" / name).read_bytes():
            found.append(f"bundle/{name} differs")
    states = [str(RunFolder(training.folder).standing()) for training in (one, other)]
    if states[0] != states[1]:
        found.append(f"the run stands at {states[1]}, not at {states[0]}")
    for kind in ("train", "dev"):
        first, second = ([line for line in run.lines() if line["kind"] == kind] for run in (one, other))
        if first != second:
            steps = [a["step"] for a, b in zip(first, second, strict=False) if a != b]
            found.append(f"{kind} lines of the log differ ({len(first)} and {len(second)}), first at {steps[:1]}")
    return found


def same_bits(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Tell whether two tensors are the same, NaN and signs of zero included."""
    return one.dtype == other.dtype and one.shape == other.shape and one.numpy().tobytes() == other.numpy().tobytes()


def run(place: Path, kills: int, seed: int, epochs: int, forked: bool) -> bool:
    """Deal out the kills, print what became of them, and tell whether all trainings are as the one left alone."""
    rng = random.Random(seed)
    began = time.perf_counter()
    alone = Training(place / "alone", epochs, forked)
    alone.finish()
    print(f"left alone: {alone.logged()} steps in {time.perf_counter() - began:.1f} s", flush=True)
    dealt: list[Kill] = []
    wrong: list[str] = []
    rounds = 0
    while len(dealt) < kills:
        rounds += 1
        training = Training(place / f"round-{rounds}", epochs, forked)
        while len(dealt) < kills:
            aim, number = rng.choice(AIMS), rng.choice(SIGNALS)
            if aim == "bundle" and training.kept() > alone.logged() / 2:
                aim = "any moment"  # no better weights are to come
            kill = training.kill(aim, number, rng)
            if kill is None:
                break
            dealt.append(kill)
            print(
                f"kill {len(dealt)}/{kills}, round {rounds}: {kill.signal} after {kill.seconds:.2f} s, aimed at "
                f"{kill.aim}, in {kill.stage}; step {kill.logged} logged, resumes after {kill.kept}",
                flush=True,
            )
        training.finish()
        found = differences(alone, training)
        wrong += [f"round {rounds}: {words}" for words in found]
        print(f"round {rounds}: {'; '.join(found) or 'identical'}", flush=True)
    stages = Counter(kill.stage for kill in dealt)
    names = Counter(kill.signal for kill in dealt)
    print(f"{len(dealt)} kills in {rounds} trainings, {time.perf_counter() - began:.0f} s")
    print(f"fell into {', '.join(f'{name} {n}' for name, n in stages.most_common())}")
    print(f"signals {', '.join(f'{name} {n}' for name, n in names.most_common())}")
    print("\n".join(wrong) or "every training is identical to the one left alone")
    return not wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50, help="(default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="(default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=30, help="length of a training (default: %(default)s)")
    parser.add_argument("--forked", action="store_true", help="fork processes, which need not import anything: fast")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as place:
        return 0 if run(Path(place), options.kills, options.seed, options.epochs, options.forked) else 1


if __name__ == "__main__":
    sys.exit(main())
