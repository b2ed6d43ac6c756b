"""The line encoder: convolutions that collapse the height and subsample the width by 4, then bidirectional LSTM layers.

Shapes: B batch, T columns or encoder positions, F rows, C channels.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scriba.core.memory import Memory, mask_images
from scriba.core.recurrent import BidirectionalStack

STRIDES = ((2, 2), (1, 1), (2, 2), (1, 1), (1, 2), (1, 2))
"""Strides (columns, rows) of the convolutions; they take the place of pooling, which costs more than convolving."""
SUBSAMPLING = 4


@dataclass(frozen=True)
class EncoderConfig:
    """The line encoder.

    Args:
        channels: Channels of each of the six 3x3 convolutions.
        size: Size of each direction of an LSTM layer.
        layers: Number of bidirectional LSTM layers.
        dropout: Dropout probability after the convolutions and after each layer.
    """

    channels: tuple[int, ...] = (32, 64, 128, 128, 128, 128)
    size: int = 256
    layers: int = 2
    dropout: float = 0.1


class LineEncoder(nn.Module):
    """Ink of a line, columns first, to `Memory`: one position for every four columns.

    Args:
        config: Sizes.
        height: F.
    """

    def __init__(self, config: EncoderConfig, height: int) -> None:
        super().__init__()
        sizes = (1, *config.channels)
        self.convolutions = nn.ModuleList(
            nn.Conv2d(before, after, kernel_size=3, stride=stride, padding=1, bias=False)
            for before, after, stride in zip(sizes, config.channels, STRIDES, strict=False)
        )
        self.convolutions.to(memory_format=torch.channels_last)  # type: ignore[call-overload] # of weights too
        self.norms = nn.ModuleList(nn.BatchNorm2d(channels) for channels in config.channels)
        for _, rows in STRIDES:
            height = -(-height // rows)
        self.dropout = nn.Dropout(config.dropout)
        self.recurrent = BidirectionalStack(
            height * config.channels[-1], hidden_size=config.size, layers=config.layers, dropout=config.dropout
        )
        self.memory_size = 2 * config.size

    def output_lengths(self, lengths_B: Tensor) -> Tensor:
        """Return the number of positions for inputs of that many columns."""
        return -(-lengths_B // SUBSAMPLING)

    def forward(self, inputs: Tensor, lengths_B: Tensor) -> Memory:
        """Encode padded ink (B, T, F)."""
        lengths_B = self.output_lengths(lengths_B)
        columns_B = lengths_B * SUBSAMPLING  # up to three columns of empty paper make the last position whole
        images_BCTF = F.pad(inputs, (0, 0, 0, -inputs.shape[1] % SUBSAMPLING))[:, None]
        images_BCTF = images_BCTF.contiguous(memory_format=torch.channels_last)
        for convolution, norm, (columns, _) in zip(self.convolutions, self.norms, STRIDES, strict=True):
            columns_B = columns_B // columns
            images_BCTF = mask_images(F.relu(normalised(convolution, norm, images_BCTF), inplace=True), columns_B)
        states_BTD = self.dropout(images_BCTF.permute(0, 2, 3, 1).flatten(2))
        return Memory(self.recurrent(states_BTD, lengths_B), lengths_B)


def normalised(convolution: nn.Module, norm: nn.Module, images_BCTF: Tensor) -> Tensor:
    """Convolve and normalise; in evaluation, where the norm is a fixed scale and shift, in one operation."""
    assert isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
    if norm.training:
        return norm(convolution(images_BCTF))
    assert norm.running_var is not None and norm.running_mean is not None
    scale_C = norm.weight * (norm.running_var + norm.eps).rsqrt()
    shift_C = norm.bias - norm.running_mean * scale_C
    weight = convolution.weight * scale_C[:, None, None, None]
    return F.conv2d(images_BCTF, weight, shift_C, convolution.stride, convolution.padding)
