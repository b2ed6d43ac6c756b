"""Weight averaging: the model that is evaluated and kept is an average of the trained weights."""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn

StateDict = dict[str, Tensor]
AverageKind = Literal["none", "ema"]


def copy_weights(module: nn.Module) -> StateDict:
    """Return a detached copy of all parameters and buffers."""
    return {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}


class Average:
    """An average of a module's weights over time.

    - `none`: the weights themselves.
    - `ema`: exponential moving average over steps, with decay min(decay, (1 + n) / (10 + n)) after n steps, so
      that the random start is soon forgotten.

    Args:
        kind: See above.
        decay: Decay of ema.
    """

    def __init__(self, kind: AverageKind, decay: float = 0.999) -> None:
        self.kind = kind
        self.decay = decay
        self.steps = 0
        self.averaged: StateDict = {}

    @torch.no_grad()
    def after_step(self, module: nn.Module) -> None:
        """Take in the weights after an optimiser step."""
        if self.kind == "none":
            return
        self.steps += 1
        if not self.averaged:
            self.averaged = copy_weights(module)
            return
        rate = 1 - min(self.decay, (1 + self.steps) / (10 + self.steps))
        floats, news = [], []
        for name, new in module.state_dict().items():
            old = self.averaged[name]
            if old.is_floating_point():
                floats.append(old)
                news.append(new.detach())
            else:
                old.copy_(new)
        torch._foreach_lerp_(floats, news, rate)

    def weights(self, module: nn.Module) -> StateDict:
        """Return the averaged weights."""
        return {name: tensor.clone() for name, tensor in self.averaged.items()} or copy_weights(module)

    def load(self, averaged: Mapping[str, Tensor], steps: int) -> None:
        """Restore the average."""
        self.averaged, self.steps = dict(averaged), steps
