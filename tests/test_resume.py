"""Exact resume: a training that was killed anywhere ends in the same weights as one that never was."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from scriba.cli import main
from scriba.core.errors import UsageError
from scriba.core.training.identity import Identity
from scriba.core.training.run_folder import RunFolder, Standing

OPTIONS = """
data: {train: "synth:dtmf:train:36", dev: "synth:dtmf:dev:4"}
features: {sample_rate: 8000, mel_bins: 40, window: 0.032}
augment: {start_epoch: 1, speeds: [0.9, 1.0, 1.1]}
encoder: {channels: 8, size: 24, layers: 2, dropout: 0.2}
decoder: {size: 24, embedding_size: 8, dropout: 0.2}
attention: {kind: additive, size: 24}
training: {epochs: 4, batch_size: 6, learning_rate: 0.003, accumulate: 2, checkpoint_every: 3, log_every: 1}
device: cpu
"""
SERVER = get_context("forkserver")
SERVER.set_forkserver_preload(["scriba.asr.train", "torch._dynamo"])  # the second is what optimisers import


def words(folder: Path, *options: str) -> list[str]:
    """Return the words of the command that trains in a folder."""
    config = folder.parent / "options.yaml"
    config.write_text(OPTIONS)
    return ["asr", "train", "--config", str(config), "--run_dir", str(folder), *options]


def run(folder: Path, *options: str) -> None:
    """Train as the leader of a group of processes, with standard error in a file."""
    os.setsid()
    os.dup2(os.open(folder.parent / f"{os.getpid()}.txt", os.O_WRONLY | os.O_CREAT), 2)
    torch.set_num_threads(1)
    sys.exit(main(words(folder, *options)))


def start(folder: Path, *options: str) -> ForkServerProcess:
    """Start a training in a process of its own, forked from one that has imported what it needs."""
    process = SERVER.Process(target=run, args=(folder, *options))
    process.start()
    return process


def end(folder: Path, process: ForkServerProcess) -> tuple[int | None, str]:
    """Wait for a training; returns its exit status and what it said."""
    process.join(60)
    return process.exitcode, (folder.parent / f"{process.pid}.txt").read_text()


def finish(folder: Path) -> None:
    status, said = end(folder, start(folder))
    assert status == 0, said


def logged_step(folder: Path) -> int:
    """Return the last step in the log, 0 before there is one."""
    log = folder / "log.jsonl"
    lines = log.read_text().splitlines() if log.exists() else []
    steps = [json.loads(line)["step"] for line in lines if line.endswith("}")]
    return max(steps, default=0)


def wait_for_step(folder: Path, step: int, process: ForkServerProcess) -> None:
    """Wait until a training has logged that step."""
    while logged_step(folder) < step and process.is_alive():
        time.sleep(0.005)


def assert_same_checkpoints(one: Path, other: Path) -> None:
    first, second = (load_file(folder / "checkpoints" / "last") for folder in (one, other))
    assert first.keys() == second.keys()
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]), name


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training by the command itself; where sets are in another order than in the forked ones, nothing differs."""
    folder = tmp_path_factory.mktemp("unbroken") / "run"
    command = [sys.executable, "-m", "scriba.cli", *words(folder)]
    subprocess.run(command, env=os.environ | {"OMP_NUM_THREADS": "1"}, check=True, timeout=300)
    return folder


def test_killed_three_times_gives_the_same_weights(unbroken: Path, tmp_path: Path) -> None:
    """kill -9 at three moments; weights, moments and average end bit for bit the same, and so does the log."""
    folder = tmp_path / "run"
    last = logged_step(unbroken)
    for step in sorted(random.Random(7).sample(range(1, last), 3)):
        process = start(folder)
        wait_for_step(folder, step, process)
        process.kill()
        process.join(60)
    finish(folder)
    assert_same_checkpoints(unbroken, folder)
    dev = [
        [line for line in (run / "log.jsonl").read_text().splitlines() if '"kind": "dev"' in line]
        for run in (unbroken, folder)
    ]
    assert dev[0] == dev[1]


def test_interrupt_writes_a_checkpoint_first(unbroken: Path, tmp_path: Path) -> None:
    """Ctrl-C stops after the present step with a checkpoint of it, exit status 1, and the run goes on from there."""
    folder = tmp_path / "run"
    process = start(folder)
    wait_for_step(folder, 4, process)
    os.kill(process.pid, signal.SIGINT)
    assert end(folder, process)[0] == 1
    finish(folder)
    assert_same_checkpoints(unbroken, folder)


def test_a_signal_to_the_group_spares_the_workers(unbroken: Path, tmp_path: Path) -> None:
    """SIGTERM to all processes of a training with workers, as a shell or a scheduler sends it: a checkpoint first."""
    folder = tmp_path / "run"
    process = start(folder, "--data.workers", "2")
    wait_for_step(folder, 4, process)
    os.killpg(process.pid, signal.SIGTERM)
    status, said = end(folder, process)
    assert status == 1 and "the same command resumes" in said and "Error" not in said
    assert (folder / "checkpoints" / "last").is_file()
    finish(folder)
    assert_same_checkpoints(unbroken, folder)


def test_two_trainings_cannot_share_a_folder(tmp_path: Path) -> None:
    """The second is refused at once and told which process has it; the first is not disturbed."""
    folder, long = tmp_path / "run", ("--training.epochs", "1000")
    first = start(folder, *long)
    while not (folder / ".holder").exists() and first.is_alive():
        time.sleep(0.01)
    status, said = end(folder, start(folder, *long))
    assert status == 2 and f"process {first.pid} on " in said and "trains in it" in said
    first.terminate()
    assert end(folder, first)[0] == 1 and not (folder / ".holder").exists()
    assert (folder / "checkpoints" / "last").is_file()


def test_what_a_killed_training_left_is_cleared_up(unbroken: Path, tmp_path: Path) -> None:
    """A file that was half written is no one's: it goes when the run goes on."""
    folder = tmp_path / "run"
    shutil.copytree(unbroken, folder)
    left = [folder / "checkpoints" / ".0123abcd.77.part", folder / "bundle" / ".89abcdef.5.part"]
    for path in left:
        path.write_bytes(b"half")
    assert main(words(folder)) == 0
    assert not any(path.exists() for path in left)


def test_other_options_do_not_resume(unbroken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run folder is never continued with other options by accident; the message names the option."""
    assert main(words(unbroken, "--training.learning_rate", "0.1")) == 2
    assert "training.learning_rate was 0.003, is 0.1" in capsys.readouterr().err


def test_an_older_run_resumes_with_newer_options_at_their_defaults(tmp_path: Path) -> None:
    """An option that a run does not know yet was at its default; any other value of it is another run."""
    folder = RunFolder(tmp_path)
    folder.save_checkpoint({}, Standing(), Identity.of({"a": 1}))
    folder.compare(Identity.of({"a": 1, "b": {"new": 2}}), Identity.of({"a": 0, "b": {"new": 2}}))
    with pytest.raises(UsageError, match=r"\(c was 0, is 3\)"):
        folder.compare(Identity.of({"a": 1, "c": 3}), Identity.of({"a": 0, "c": 0}))
