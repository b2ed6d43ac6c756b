"""scripts/kill.py: kills that fall anywhere, and a comparison that notices every difference."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

import kill  # noqa: E402

from scriba.core.training import RunFolder  # noqa: E402


def test_killed_where_files_are_written() -> None:
    """Three kills, in a process of its own: one that has trained before cannot fork trainings."""
    options = ["--forked", "--kills", "3", "--epochs", "5", "--seed", "3"]
    command = [sys.executable, str(ROOT / "scripts" / "kill.py"), *options]
    done = subprocess.run(command, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "kill 3/3" in done.stdout and done.stdout.endswith("identical to the one left alone\n")


def save_checkpoint(training: kill.Training, value: float, step: int) -> None:
    state = json.dumps({"step": step, "finished": True})
    path = training.folder / "checkpoints" / "last"
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({"w": torch.tensor([value, torch.nan])}, path, metadata={"state": state})


@pytest.fixture
def two(tmp_path: Path) -> tuple[kill.Training, kill.Training]:
    """Two trainings as they would be in the end."""
    trainings = []
    for name in ("one", "other"):
        training = kill.Training(tmp_path / name, 1, forked=False)
        folder = RunFolder(training.folder)
        save_checkpoint(training, 0.0, step=2)
        folder.bundle.mkdir()
        save_file({"w": torch.ones(2)}, folder.bundle / "model.safetensors")
        for file in ("config.json", "tokenizer.json", "README.md"):
            (folder.bundle / file).write_text("{}")
        for step in (1, 2):
            folder.log("train", step, {"loss": 1.0, "seconds_per_step": len(trainings)})
        trainings.append(training)
    return trainings[0], trainings[1]


def test_timings_are_no_difference(two: tuple[kill.Training, kill.Training]) -> None:
    assert kill.differences(*two) == [] and two[1].logged() == two[1].kept() == 2


def test_differences_are_named(two: tuple[kill.Training, kill.Training]) -> None:
    """A sign of zero, a word, a line of the log, where the run stands, and a file that was not written to its end."""
    folder = two[1].folder
    save_checkpoint(two[1], -0.0, step=3)
    weights = load_file(folder / "bundle" / "model.safetensors")
    save_file(weights | {"v": torch.ones(1)}, folder / "bundle" / "model.safetensors")
    (folder / "bundle" / "README.md").write_text("x")
    (folder / "checkpoints" / ".last.7.part").touch()
    RunFolder(folder).log("train", 3, {"loss": 1.0})
    found = "; ".join(kill.differences(*two))
    for words in (
        "checkpoints/.last.7.part is left over",
        "checkpoints/last: w differs",
        "model.safetensors: v differs",
        "README.md differs",
        "stands at Standing(step=3",
        "train lines of the log differ (2 and 3)",
    ):
        assert words in found
