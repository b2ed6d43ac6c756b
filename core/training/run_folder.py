"""The folder of a training run: bundle/ (best), checkpoints/last, config.yaml, check.json, log.jsonl, events/.

A checkpoint holds everything that resuming needs - weights, optimiser moments, average and where the run stands - as
plain tensors and numbers in one safetensors file.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter

from scriba.core.command import flatten
from scriba.core.errors import UsageError
from scriba.core.files import read_metadata, read_tensors, replacing, write_text
from scriba.core.training.averaging import Average

Values = Mapping[str, Any]

AFRESH = "remove it to start the run afresh"
FREE_TO_CHANGE = ("run_dir", "device", "data.workers", "training.checkpoint_every", "training.log_every")
"""Options that may differ when a run is resumed."""


@dataclass
class Standing:
    """Where a run stands.

    Attributes:
        step: Optimiser steps done, skipped ones included.
        epoch: Epochs done.
        batch: Batches done in the present epoch.
        averaged: Steps in the average.
        skipped: Steps skipped in a row because of a non-finite loss.
        best: Best score on dev so far; NaN before the first.
        waited: Evaluations since then.
        scale: Loss scale of float16 training.
        finished: Whether the run came to its end.
    """

    step: int = 0
    epoch: int = 0
    batch: int = 0
    averaged: int = 0
    skipped: int = 0
    best: float = math.nan
    waited: int = 0
    scale: float = 65536.0
    finished: bool = False


class RunFolder:
    """Reads and writes one run.

    Args:
        path: The folder; made on the first write.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = path = Path(path)
        self.bundle = path / "bundle"
        self.checkpoint = path / "checkpoints" / "last"
        self.config = path / "config.yaml"
        self.check = path / "check.json"
        self.log_file = path / "log.jsonl"
        self._events: SummaryWriter | None = None

    def compare(self, values: Values, defaults: Values) -> None:
        """Refuse to go on with a run of other options.

        Args:
            values: All options.
            defaults: Their defaults, which a run had for options that are newer than it.

        Raises:
            UsageError: The folder holds a checkpoint of a run with other options; the first are named.
        """
        if not (self.checkpoint.exists() and self.config.exists()):
            return
        old = flatten(defaults) | flatten(yaml.safe_load(self.config.read_text()))
        new = flatten(values)
        names = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
        changed = [f"{n} was {old.get(n)}, is {new.get(n)}" for n in names if n not in FREE_TO_CHANGE]
        if changed:
            more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
            raise UsageError(
                f"{self.path} holds a run with other options ({'; '.join(changed[:3])}{more}); "
                "resume it with the same options or choose another --run_dir."
            )

    def save_config(self, values: Values) -> None:
        """Write the options of the run."""
        write_text(self.config, yaml.safe_dump(json.loads(json.dumps(values)), sort_keys=False, allow_unicode=True))

    def standing(self) -> Standing | None:
        """Return where the last checkpoint stands, without its tensors, or None if there is none.

        Raises:
            InputError: It is damaged.
        """
        if not self.checkpoint.exists():
            return None
        return Standing(**json.loads(read_metadata(self.checkpoint, AFRESH)["state"]))

    def load_checkpoint(self) -> tuple[dict[str, Tensor], Standing] | None:
        """Return the last checkpoint, or None if there is none.

        Raises:
            InputError: It is damaged.
        """
        if not self.checkpoint.exists():
            return None
        tensors, metadata = read_tensors(self.checkpoint, AFRESH)
        return tensors, Standing(**json.loads(metadata["state"]))

    def save_checkpoint(self, tensors: Mapping[str, Tensor], standing: Standing) -> None:
        """Write everything that resuming needs, whole or not at all."""
        with replacing(self.checkpoint) as aside:
            contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
            save_file(contiguous, aside, metadata={"state": json.dumps(asdict(standing))})

    def forget_after(self, step: int) -> None:
        """Drop log lines after a step, those of work that a resumed run does again."""
        if self.log_file.exists():
            lines = self.log_file.read_text(encoding="utf-8").splitlines()
            kept = [line for line in lines if _step_of(line) <= step]
            write_text(self.log_file, "".join(f"{line}\n" for line in kept))
        self._events = SummaryWriter(str(self.path / "events"), purge_step=step + 1)

    def log(self, kind: str, step: int, values: Values) -> None:
        """Append a line to the log and its numbers to TensorBoard."""
        with self.log_file.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"kind": kind, "step": step, **values}, ensure_ascii=False) + "\n")
        if self._events is not None:
            for name, value in values.items():
                if isinstance(value, int | float):
                    self._events.add_scalar(f"{kind}/{name}", value, step)
            self._events.flush()


def _step_of(line: str) -> float:
    """Return the step of a log line; a half-written line counts as after everything."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return float("inf")


def pack(module: nn.Module, optimizer: torch.optim.Optimizer, average: Average) -> dict[str, Tensor]:
    """Return everything a resumed run needs beside its `Standing`, as flat named tensors."""
    tensors = {f"model.{name}": tensor for name, tensor in module.state_dict().items()}
    tensors |= {f"average.{name}": tensor for name, tensor in average.averaged.items()}
    for index, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": torch.as_tensor(value) for name, value in moments.items()}
    return tensors


def unpack(
    tensors: Mapping[str, Tensor],
    standing: Standing,
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    average: Average,
) -> None:
    """Restore what `pack` returned."""
    module.load_state_dict(_under("model.", tensors))
    device = next(module.parameters()).device
    averaged = {name: tensor.to(device) for name, tensor in _under("average.", tensors).items()}
    average.load(averaged, standing.averaged)
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in _under("optimizer.", tensors).items():
        index, moment = name.split(".")
        state.setdefault(int(index), {})[moment] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
