"""What an encoder hands to the heads: its states and how many of them are real.

Shapes: B batch, T encoder positions, D memory size, C channels, F rows or bins of an image.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor


def mask_from_lengths(lengths_B: Tensor, size: int) -> Tensor:
    """Return a boolean mask, shape (B, size), true where the position is below its length."""
    positions_T = torch.arange(size, device=lengths_B.device)
    return positions_T[None, :] < lengths_B[:, None]


def mask_images(images_BCTF: Tensor, lengths_B: Tensor) -> Tensor:
    """Zero what lies beyond the lengths in dimension 2, else padding leaks into the windows of the next convolution.

    On a CPU where no gradient is recorded this is done in place.
    """
    if images_BCTF.device.type == "cpu" and not torch.is_grad_enabled():
        for image_CTF, length in zip(images_BCTF, lengths_B.tolist(), strict=True):
            image_CTF[:, length:] = 0.0
        return images_BCTF
    mask_BT = mask_from_lengths(lengths_B, images_BCTF.shape[2])
    return images_BCTF * mask_BT[:, None, :, None].to(images_BCTF.dtype)  # ten times as fast as masked_fill


@dataclass(frozen=True)
class Memory:
    """Encoder states h_1..h_T of a batch.

    Attributes:
        states_BTD: The states; what lies at or beyond a length is never looked at.
        lengths_B: Number of valid positions, int64.
        grid: (H', W') when the positions are the cells of an image map in row order, else None.
    """

    states_BTD: Tensor
    lengths_B: Tensor
    grid: tuple[int, int] | None = None

    @cached_property
    def mask_BT(self) -> Tensor:
        """True at valid positions."""
        return mask_from_lengths(self.lengths_B, self.states_BTD.shape[1])

    def last_state(self) -> Tensor:
        """Return the state at the last valid position, shape (B, D)."""
        rows_B = torch.arange(self.lengths_B.shape[0], device=self.lengths_B.device)
        return self.states_BTD[rows_B, self.lengths_B - 1]

    def mean_state(self) -> Tensor:
        """Return the mean over the valid positions, shape (B, D)."""
        mask_BT = self.mask_BT.to(self.states_BTD.dtype)
        return torch.bmm(mask_BT[:, None], self.states_BTD)[:, 0] / self.lengths_B[:, None]

    def select(self, rows: Tensor) -> Memory:
        """Return the memory of the given rows of the batch (indices may repeat)."""
        return Memory(self.states_BTD[rows], self.lengths_B[rows], self.grid)


class Encoder(Protocol):
    """What a core model asks of an app's encoder (an `nn.Module`)."""

    memory_size: int
    """D, the size of one state."""

    @property
    def subsampling(self) -> int | None:
        """Input frames in one position; None where positions have no place along the input."""
        ...

    def __call__(self, inputs: Tensor, lengths_B: Tensor) -> Memory:
        """Encode a padded batch; `lengths_B` counts the valid entries of dimension 1."""
        ...

    def output_lengths(self, lengths_B: Tensor) -> Tensor:
        """Return the number of encoder positions for inputs of the given lengths."""
        ...
