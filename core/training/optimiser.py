"""What moves the weights: AdamW over groups of them, the learning rate of each step, and what stays frozen or waits."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from scriba.core.errors import UsageError, nearest
from scriba.core.training.config import TrainingConfig
from scriba.core.training.schedule import learning_rate


def freeze(model: nn.Module, part: str) -> list[nn.Module]:
    """Freeze the weights whose names begin with `part`; return the modules that hold them, to be kept in evaluation.

    Raises:
        UsageError: There are none.
    """
    if not part:
        return []
    if not any(within(name, part) for name, _ in model.named_parameters()):
        raise UsageError(f"--training.frozen {part}: no weights have names that begin so.{_hint(model, part)}")
    for name, parameter in model.named_parameters():
        if within(name, part):
            parameter.requires_grad_(False)
    return [module for name, module in model.named_modules() if within(name, part)]


class Optimiser:
    """AdamW with the schedule of a run. Matrices decay, biases and normalisation do not.

    Attributes:
        adamw: The optimiser of torch.

    Args:
        model: The model, with what is frozen frozen.
        options: Rates, decay and the part that is trained late.
        total_steps: Steps of the whole run.

    Raises:
        UsageError: The part that is trained late has no weights.
    """

    def __init__(self, model: nn.Module, options: TrainingConfig, total_steps: int) -> None:
        self.options = options
        self.total_steps = total_steps
        self.adamw = torch.optim.AdamW(list(_groups(model, options)), betas=(0.9, 0.98), fused=True)

    def set_rates(self, step: int, *, alone: bool) -> list[Tensor]:
        """Set the learning rates of a step; return the weights that are not trained yet, whose gradients are dropped.

        Args:
            step: Number of the step, from 0.
            alone: Whether this is the only process: several wait for the gradients of all.
        """
        held: list[Tensor] = []
        for group in self.adamw.param_groups:
            group["lr"] = learning_rate(
                step, self.total_steps, peak=group["peak"], warmup=self.options.warmup, decay=self.options.decay
            )
            waits = step < group["first"]
            held += group["params"] if waits else []
            if alone:
                for parameter in group["params"]:
                    parameter.requires_grad_(not waits)
        return held

    @property
    def rate(self) -> float:
        """Learning rate of the present step."""
        return float(self.adamw.param_groups[0]["lr"])


def _groups(model: nn.Module, options: TrainingConfig) -> Iterator[dict[str, Any]]:
    """Yield weights with their peak learning rate, first step and weight decay."""
    late, named = options.late, [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    later = [p for name, p in named if late.part and within(name, late.part)]
    if late.part and not later:
        if any(within(name, late.part) for name, _ in model.named_parameters()):
            raise UsageError(f"--training.late.part {late.part}: is frozen; let it be trained: --training.frozen=")
        raise UsageError(
            f"--training.late.part {late.part}: no weights to be trained have names that begin so."
            f"{_hint(model, late.part)}"
        )
    rest = [p for name, p in named if not (late.part and within(name, late.part))]
    for part, peak, first in ((rest, options.learning_rate, 0), (later, late.learning_rate, late.from_step)):
        matrices, vectors = [p for p in part if p.ndim > 1], [p for p in part if p.ndim <= 1]
        for members, decay in ((matrices, options.weight_decay), (vectors, 0.0)):
            if members:
                yield {"params": members, "weight_decay": decay, "peak": peak, "first": first}


def within(name: str, part: str) -> bool:
    """Tell whether a name begins with that of a part: encoder.back is no part of encoder.backbone."""
    part = part.rstrip(".")
    return name == part or name.startswith(f"{part}.")


def _hint(model: nn.Module, part: str) -> str:
    return nearest(part, [name for name, m in model.named_modules() if name and any(True for _ in m.parameters())])
