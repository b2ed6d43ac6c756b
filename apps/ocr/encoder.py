"""The line encoder: convolutions that collapse the height and subsample the width by 4, then bidirectional LSTM layers.

After two plain convolutions that halve both sides, the others are depthwise separable (Howard et al. 2017,
arXiv 1704.04861), with a connection past those that keep the shape (He et al. 2016): a fraction of the time of
plain ones of that size.

Shapes: B batch, T columns or encoder positions, F rows, C channels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scriba.core.errors import UsageError
from scriba.core.model import BidirectionalStack, Memory, mask_images
from scriba.core.ranges import Dropout, Layers, Size

STEM = 2
"""Plain convolutions, of stride 2 in both directions."""
ROW_STRIDES = (1, 1, 2, 1, 2)
"""Strides of the separable ones down the rows; they take the place of pooling, which costs more than convolving."""
SUBSAMPLING = 2**STEM


@dataclass(frozen=True)
class EncoderConfig:
    """The line encoder.

    Args:
        kind: blstm, convolutions and bidirectional LSTM layers; or backbone, a network of torchvision in their place.
        channels: Channels of each of the seven 3x3 convolutions of blstm.
        size: Size of each direction of an LSTM layer.
        layers: Number of bidirectional LSTM layers.
        dropout: Dropout probability after the convolutions and after each layer.
    """

    kind: str = "blstm"
    channels: tuple[Size, ...] = (32, 64, 112, 112, 128, 128, 112)
    size: Size = 192
    layers: Layers = 2
    dropout: Dropout = 0.1


class NormedConvolution(nn.Module):
    """A convolution and batch normalisation; in evaluation, where the norm is a fixed scale and shift, one operation.

    Args:
        before: Channels of the input.
        after: Channels of the output.
        size: Columns and rows of the filters.
        stride: Steps along columns and rows.
        groups: `before` for a depthwise convolution.
    """

    def __init__(
        self, before: int, after: int, size: tuple[int, int], *, stride: tuple[int, int] = (1, 1), groups: int = 1
    ) -> None:
        super().__init__()
        padding = (size[0] // 2, size[1] // 2 if size[1] > stride[1] else 0)
        self.convolution = nn.Conv2d(before, after, size, stride, padding, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(after)

    def forward(self, images_BCTF: Tensor) -> Tensor:
        convolution, norm = self.convolution, self.norm
        if norm.training:
            return norm(convolution(images_BCTF))
        assert norm.running_var is not None and norm.running_mean is not None
        scale_C = norm.weight * (norm.running_var + norm.eps).rsqrt()
        shift_C = norm.bias - norm.running_mean * scale_C
        weight = convolution.weight * scale_C[:, None, None, None]
        strides, padding, groups = convolution.stride, convolution.padding, convolution.groups
        return F.conv2d(images_BCTF, weight, shift_C, strides, padding, groups=groups)


class SeparableConvolution(nn.Module):
    """A depthwise 3x3 convolution and a pointwise one; the input is added where the shape stays.

    The pointwise one reads as many rows at once as it steps down: a depthwise stride would be slow to train on a CPU.

    Args:
        before: Channels of the input.
        after: Channels of the output.
        row_stride: Steps down the rows.
    """

    def __init__(self, before: int, after: int, row_stride: int) -> None:
        super().__init__()
        self.depthwise = NormedConvolution(before, before, (3, 3), groups=before)
        self.pointwise = NormedConvolution(before, after, (1, row_stride), stride=(1, row_stride))
        self.adds = before == after and row_stride == 1

    def forward(self, images_BCTF: Tensor) -> Tensor:
        result_BCTF = self.pointwise(self.depthwise(images_BCTF))
        return result_BCTF + images_BCTF if self.adds else result_BCTF


def build_convolutions(channels: Sequence[int]) -> nn.ModuleList:
    """Build the stem and the separable convolutions.

    Raises:
        UsageError: There are not seven numbers of channels.
    """
    if len(channels) != STEM + len(ROW_STRIDES):
        raise UsageError(f"--encoder.channels: give {STEM + len(ROW_STRIDES)} numbers, not {len(channels)}.")
    layers = nn.ModuleList(
        NormedConvolution(before, after, (3, 3), stride=(2, 2))
        for before, after in zip((1, *channels), channels[:STEM], strict=False)
    )
    for before, after, stride in zip(channels[STEM - 1 :], channels[STEM:], ROW_STRIDES, strict=False):
        layers.append(SeparableConvolution(before, after, stride))
    layers.to(memory_format=torch.channels_last)  # type: ignore[call-overload] # of weights too
    return layers


class LineEncoder(nn.Module):
    """Ink of a line, columns first, to `Memory`: one position for every four columns.

    Args:
        config: Sizes.
        height: F.

    Raises:
        UsageError: There are not seven numbers of channels, or too few rows.
    """

    subsampling = SUBSAMPLING

    def __init__(self, config: EncoderConfig, height: int) -> None:
        super().__init__()
        self.convolutions = build_convolutions(config.channels)
        rows = -(-height // SUBSAMPLING)
        for stride in ROW_STRIDES:
            rows //= stride
        if rows == 0:
            raise UsageError(f"--line.height {height}: the convolutions leave no row of it; use 16 or more.")
        self.dropout = nn.Dropout(config.dropout)
        self.recurrent = BidirectionalStack(
            rows * config.channels[-1], hidden_size=config.size, layers=config.layers, dropout=config.dropout
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
        for i, convolution in enumerate(self.convolutions):
            columns_B = columns_B // 2 if i < STEM else columns_B
            images_BCTF = mask_images(F.relu(convolution(images_BCTF), inplace=True), columns_B)
        states_BTD = self.dropout(images_BCTF.permute(0, 2, 3, 1).flatten(2))
        return Memory(self.recurrent(states_BTD, lengths_B), lengths_B)
