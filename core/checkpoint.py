"""What a checkpoint holds: weights, optimiser moments, average and place, all as plain tensors and numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from scriba.core.averaging import Average


@dataclass
class Progress:
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


def pack(model: nn.Module, optimizer: torch.optim.Optimizer, average: Average) -> dict[str, Tensor]:
    """Return everything a resumed run needs, as flat named tensors."""
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    tensors |= {f"average.{name}": tensor for name, tensor in average.state().items()}
    for index, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": torch.as_tensor(value) for name, value in moments.items()}
    return tensors


def unpack(
    tensors: Mapping[str, Tensor],
    progress: Progress,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    average: Average,
) -> None:
    """Restore what `pack` returned."""
    model.load_state_dict(_under("model.", tensors))
    device = next(model.parameters()).device
    averaged = {name: tensor.to(device) for name, tensor in _under("average.", tensors).items()}
    average.load(averaged, progress.averaged)
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in _under("optimizer.", tensors).items():
        index, moment = name.split(".")
        state.setdefault(int(index), {})[moment] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
