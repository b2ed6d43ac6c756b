"""The encoder of a model that hears and sees nothing, such as a language model: one empty state."""

import torch
from torch import Tensor, nn

from scriba.core.model.memory import Memory


class NoInput(nn.Module):
    """Inputs of any kind to the empty memory."""

    memory_size = 1
    subsampling = None

    def output_lengths(self, lengths_B: Tensor) -> Tensor:
        """Return 1 for every row."""
        return torch.ones_like(lengths_B)

    def forward(self, inputs: Tensor, lengths_B: Tensor) -> Memory:
        """Return the empty memory."""
        return no_memory(len(lengths_B), inputs.device)


def no_memory(rows: int, device: torch.device) -> Memory:
    """Return a memory that says nothing."""
    return Memory(torch.zeros(rows, 1, 1, device=device), torch.ones(rows, dtype=torch.long, device=device))
