"""The speech encoder: convolutional subsampling by 4, then bidirectional LSTM layers.

Shapes: B batch, T frames or encoder positions, F mel bins, C channels.
"""

from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scriba.core.model import BidirectionalStack, Memory, mask_images
from scriba.core.ranges import Dropout, Layers, Size

SUBSAMPLING = 4
Lengths = TypeVar("Lengths", int, Tensor)


@dataclass(frozen=True)
class EncoderConfig:
    """The speech encoder.

    Args:
        kind: blstm, convolutions and bidirectional LSTM layers.
        channels: Channels of the two convolutions.
        size: Size of each direction of an LSTM layer.
        layers: Number of bidirectional LSTM layers.
        dropout: Dropout probability after the convolutions and after each layer.
    """

    kind: str = "blstm"
    channels: Size = 32
    size: Size = 192
    layers: Layers = 3
    dropout: Dropout = 0.1


class SpeechEncoder(nn.Module):
    """Log-mel frames to `Memory`, one position for every four frames.

    Args:
        config: Sizes.
        mel_bins: F.
    """

    subsampling = SUBSAMPLING

    def __init__(self, config: EncoderConfig, mel_bins: int) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(
            nn.Conv2d(channels, config.channels, kernel_size=3, stride=2, padding=1)
            for channels in (1, config.channels)
        )
        bins = _halved(_halved(mel_bins))
        self.dropout = nn.Dropout(config.dropout)
        self.recurrent = BidirectionalStack(
            bins * config.channels, hidden_size=config.size, layers=config.layers, dropout=config.dropout
        )
        self.memory_size = 2 * config.size

    def output_lengths(self, lengths_B: Tensor) -> Tensor:
        """Return the number of positions for inputs of that many frames."""
        return _halved(_halved(lengths_B))

    def forward(self, inputs: Tensor, lengths_B: Tensor) -> Memory:
        """Encode padded features (B, T, F)."""
        images_BCTF = mask_images(inputs[:, None].clone(memory_format=torch.channels_last), lengths_B)
        for convolution in self.convolutions:
            lengths_B = _halved(lengths_B)
            images_BCTF = mask_images(F.relu(convolution(images_BCTF), inplace=True), lengths_B)
        states_BTD = self.dropout(images_BCTF.permute(0, 2, 3, 1).flatten(2))
        return Memory(self.recurrent(states_BTD, lengths_B), lengths_B)


def _halved(lengths: Lengths) -> Lengths:
    return (lengths + 1) // 2
