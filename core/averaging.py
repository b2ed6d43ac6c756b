"""Weight averaging: the model that is evaluated and kept is an average of the trained weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor, nn

Weights = dict[str, Tensor]


def copy_weights(module: nn.Module) -> Weights:
    """Return a detached copy of all parameters and buffers."""
    return {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}


class Average:
    """An average of a module's weights over time.

    - `none`: the weights themselves.
    - `ema`: exponential moving average over steps, with decay min(decay, (1 + n) / (10 + n)) after n steps, so
      that the random start is soon forgotten.
    - `last`: mean of the weights at the last N evaluations.

    Args:
        kind: See above.
        decay: Decay of ema.
        count: N of last.
    """

    def __init__(self, kind: Literal["none", "ema", "last"], decay: float = 0.999, count: int = 5) -> None:
        self.kind = kind
        self.decay = decay
        self.count = count
        self.steps = 0
        self.snapshots: list[Weights] = []

    @torch.no_grad()
    def after_step(self, module: nn.Module) -> None:
        """Take in the weights after an optimiser step."""
        if self.kind != "ema":
            return
        self.steps += 1
        if not self.snapshots:
            self.snapshots = [copy_weights(module)]
            return
        rate = 1 - min(self.decay, (1 + self.steps) / (10 + self.steps))
        floats, news = [], []
        for name, new in module.state_dict().items():
            old = self.snapshots[0][name]
            if old.is_floating_point():
                floats.append(old)
                news.append(new.detach())
            else:
                old.copy_(new)
        torch._foreach_lerp_(floats, news, rate)

    def before_evaluation(self, module: nn.Module) -> None:
        """Take in the weights at an evaluation."""
        if self.kind == "last":
            self.snapshots = [*self.snapshots, copy_weights(module)][-self.count :]

    def weights(self, module: nn.Module) -> Weights:
        """Return the averaged weights."""
        if not self.snapshots:
            return copy_weights(module)
        return mean_weights(self.snapshots)

    def state(self) -> Weights:
        """Return what `load` needs, as flat tensors."""
        return {f"{i}.{name}": t for i, weights in enumerate(self.snapshots) for name, t in weights.items()}

    def load(self, state: Mapping[str, Tensor], steps: int) -> None:
        """Restore the average."""
        self.steps = steps
        self.snapshots = []
        for name, tensor in state.items():
            index, key = name.split(".", 1)
            while len(self.snapshots) <= int(index):
                self.snapshots.append({})
            self.snapshots[int(index)][key] = tensor


def mean_weights(snapshots: Sequence[Weights]) -> Weights:
    """Return the mean of floating weights, and the newest of the others."""
    newest = snapshots[-1]
    return {
        name: torch.stack([s[name] for s in snapshots]).mean(0) if tensor.is_floating_point() else tensor.clone()
        for name, tensor in newest.items()
    }
