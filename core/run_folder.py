"""The folder of a training run: bundle/ (best), checkpoints/last, config.yaml, log.jsonl, TensorBoard events."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from safetensors.torch import save_file
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from scriba.core.errors import UsageError
from scriba.core.files import read_tensors, replacing, write_text

Values = Mapping[str, Any]

FREE_TO_CHANGE = ("run_dir", "device", "data.workers", "training.checkpoint_every", "training.log_every")
"""Options that may differ when a run is resumed."""


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
        self.log_file = path / "log.jsonl"
        self._events: SummaryWriter | None = None

    def save_checkpoint(self, tensors: Mapping[str, Tensor], state: Values) -> None:
        """Write everything that resuming needs, as one safetensors file, whole or not at all."""
        with replacing(self.checkpoint) as aside:
            contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
            save_file(contiguous, aside, metadata={"state": json.dumps(state)})

    def load_checkpoint(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """Return tensors and state of the last checkpoint, or None if there is none.

        Raises:
            InputError: The checkpoint is damaged.
        """
        if not self.checkpoint.exists():
            return None
        tensors, metadata = read_tensors(self.checkpoint, "remove it to start the run afresh")
        return tensors, json.loads(metadata["state"])

    def save_config(self, values: Values, defaults: Values) -> None:
        """Write the config of the run.

        Args:
            values: All options.
            defaults: Their defaults, which a run had for options that are newer than it.

        Raises:
            UsageError: The folder holds a checkpoint of a run with other options; the first are named.
        """
        if self.checkpoint.exists() and self.config.exists():
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
        write_text(self.config, yaml.safe_dump(json.loads(json.dumps(values)), sort_keys=False, allow_unicode=True))

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


def flatten(values: Values, prefix: str = "") -> dict[str, Any]:
    """Return nested values as one mapping with dotted names, as on the command line."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = list(value) if isinstance(value, tuple) else value
    return flat
