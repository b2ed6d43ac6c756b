"""The folder of a training run: bundle/ (best), checkpoints/last, config.yaml, check.json, log.jsonl, events/.

A checkpoint holds everything that resuming needs - weights, optimiser moments, average and where the run stands - as
plain tensors and numbers in one safetensors file.
"""

import hashlib
import json
import math
import os
import platform
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from filelock import FileLock, Timeout
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter

from scriba.core.command import config_from_values
from scriba.core.errors import InputError, UsageError
from scriba.core.files import (
    check_writable,
    parse_json,
    read_metadata,
    read_tensors,
    reading,
    replacing,
    write_text,
    writing,
)
from scriba.core.training.averaging import Average
from scriba.core.training.identity import Identity

Values = Mapping[str, Any]

AFRESH = "remove it to start the run afresh"


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

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other trainings out of the folder, and clear up what a killed one left half written.

        Raises:
            UsageError: Another process trains in it.
        """
        check_writable(self.path, "--run_dir", folder=True)
        with writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
        lock, holder = FileLock(self.path / ".lock"), self.path / ".holder"
        try:
            lock.acquire(blocking=False)
        except Timeout:
            known = holder.read_text(encoding="utf-8", errors="replace") if holder.is_file() else "another process"
            raise UsageError(
                f"{self.path}: {known} trains in it; wait for it, stop it, or choose another --run_dir."
            ) from None
        with lock:
            write_text(holder, f"process {os.getpid()} on {platform.node()}")
            for path in (self.path, self.bundle, self.checkpoint.parent):
                for part in path.glob(".*.part"):
                    part.unlink(missing_ok=True)
            try:
                yield
            finally:
                holder.unlink(missing_ok=True)
                if [path.name for path in self.path.iterdir()] == [".lock"]:  # nothing came of it
                    shutil.rmtree(self.path)

    def compare(self, identity: Identity, defaults: Identity) -> None:
        """Refuse to go on with another run; what is not known yet is not compared.

        Args:
            identity: That of the run.
            defaults: What options were that are newer than the checkpoint.

        Raises:
            UsageError: The folder holds a checkpoint of a run of other options, tokens or data; the first are named.
            InputError: It is damaged.
        """
        if not self.checkpoint.exists():
            return
        try:
            kept = Identity(**parse_json(read_metadata(self.checkpoint, AFRESH)["identity"]))
            changed = kept.changes(identity, defaults)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self.damaged(f"it lacks what it was made with, {error!r}") from error
        if changed:
            more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
            raise UsageError(
                f"{self.path} holds another run ({'; '.join(changed[:3])}{more}); resume it with the same options and "
                "data or choose another --run_dir."
            )

    def damaged(self, reason: str) -> InputError:
        """Return the error that tells that the checkpoint cannot be used."""
        return InputError(f"{self.checkpoint}: is damaged, or of another version of scriba ({reason}); {AFRESH}.")

    def save_config(self, values: Values) -> None:
        """Write the options of the run."""
        write_text(self.config, yaml.safe_dump(json.loads(json.dumps(values)), sort_keys=False, allow_unicode=True))

    def standing(self) -> Standing | None:
        """Return where the last checkpoint stands, without its tensors, or None if there is none.

        Raises:
            InputError: It is damaged.
        """
        return self._standing(read_metadata(self.checkpoint, AFRESH)) if self.checkpoint.exists() else None

    def _standing(self, metadata: Mapping[str, str]) -> Standing:
        try:
            return config_from_values(Standing, dict(parse_json(metadata["state"])), "state")
        except (KeyError, ValueError, TypeError, InputError) as error:
            raise self.damaged(str(error).rstrip(".")) from error

    def load_checkpoint(self) -> tuple[dict[str, Tensor], Standing] | None:
        """Return the last checkpoint, or None if there is none.

        Raises:
            InputError: It is damaged.
        """
        if not self.checkpoint.exists():
            return None
        tensors, metadata = read_tensors(self.checkpoint, AFRESH)
        if metadata.get("contents") != contents_of(tensors):
            raise self.damaged("its tensors are not those that were written")
        return tensors, self._standing(metadata)

    def save_checkpoint(self, tensors: Mapping[str, Tensor], standing: Standing, identity: Identity) -> None:
        """Write everything that resuming needs, whole or not at all."""
        contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        metadata = {
            "state": json.dumps(asdict(standing)),
            "identity": json.dumps(asdict(identity)),
            "contents": contents_of(contiguous),
        }
        with replacing(self.checkpoint) as aside:
            save_file(contiguous, aside, metadata=metadata)

    def forget_after(self, step: int) -> None:
        """Drop log lines after a step, those of work that a resumed run does again, and those that are damaged."""
        if self.log_file.exists():
            with reading(str(self.log_file)):
                lines = self.log_file.read_text(encoding="utf-8", errors="replace").splitlines()
            write_text(self.log_file, "".join(f"{line}\n" for line in lines if _step_of(line) <= step))
        with writing(self.path / "events"):
            self._events = SummaryWriter(str(self.path / "events"), purge_step=step + 1)

    def log(self, kind: str, step: int, values: Values) -> None:
        """Append a line to the log and its numbers to TensorBoard."""
        with writing(self.log_file), self.log_file.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(json.dumps({"kind": kind, "step": step, **values}, ensure_ascii=False) + "\n")
        if self._events is not None:
            for name, value in values.items():
                if isinstance(value, int | float):
                    self._events.add_scalar(f"{kind}/{name}", value, step)
            self._events.flush()


def contents_of(tensors: Mapping[str, Tensor]) -> str:
    """Return a name for the names, shapes and types of tensors."""
    rows = sorted((name, str(tensor.dtype), list(tensor.shape)) for name, tensor in tensors.items())
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def _step_of(line: str) -> float:
    """Return the step of a log line; a half-written line counts as after everything."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError, OverflowError):
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
