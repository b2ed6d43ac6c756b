"""The picture encoder: a network's feature map, projected, one memory position for each cell.

Shapes: B batch, T cells of the map in row order, C channels of the network, D memory size.
"""

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor, nn

from scriba.core.model import Backbone, BackboneConfig, Memory
from scriba.core.precision import full
from scriba.core.ranges import Dropout, Range, Size

BACKBONE = "encoder.backbone"
"""The network's name in a model."""


@dataclass(frozen=True)
class PictureConfig(BackboneConfig):
    """The convolutional network, and what pictures are made to for it.

    Args:
        size: Pixels along each side that a picture is scaled to.
    """

    size: Annotated[int, Range(1, 4096)] = 224


@dataclass(frozen=True)
class EncoderConfig:
    """The picture encoder.

    Args:
        kind: backbone, a convolutional network of torchvision.
        size: Memory size D that the features are projected to.
        dropout: Dropout probability after the projection.
        cache: Folder for the features of training pictures, which are computed once where the network is frozen
            (training.frozen); null computes them anew in every epoch.
    """

    kind: str = "backbone"
    size: Size = 512
    dropout: Dropout = 0.3
    cache: str | None = "runs/features"


class PictureEncoder(nn.Module):
    """Pictures, or the features that the network gave for them, to `Memory`.

    Args:
        config: Sizes.
        backbone: The network.

    Raises:
        UsageError: There is no such network, or it has no feature map.
    """

    subsampling = None

    def __init__(self, config: EncoderConfig, backbone: PictureConfig) -> None:
        super().__init__()
        self.backbone = Backbone(backbone)
        self.size = backbone.size
        channels, *grid = self.backbone.map_shape(backbone.size, backbone.size)
        self.grid = (grid[0], grid[1])
        self.project = nn.Linear(channels, config.size)
        self.norm = nn.LayerNorm(config.size)
        self.dropout = nn.Dropout(config.dropout)
        self.memory_size = config.size

    def output_lengths(self, lengths_B: Tensor) -> Tensor:
        """Return the number of cells, the same for all pictures."""
        return torch.full_like(lengths_B, self.grid[0] * self.grid[1])

    def forward(self, inputs: Tensor, lengths_B: Tensor) -> Memory:
        """Encode pictures (B, H, W, 3) of bytes, or their features (B, T, C), padded in dimension 1."""
        lengths_B = self.output_lengths(lengths_B)
        if inputs.ndim == 3:
            features_BTC = inputs[:, : int(lengths_B[0])]
        else:
            features_BTC = cells_of(self.backbone(inputs[:, : self.size]))
        states_BTD = self.dropout(self.norm(full(self.project(features_BTC))))
        return Memory(states_BTD, lengths_B, self.grid)


def cells_of(map_BCHW: Tensor) -> Tensor:
    """Return the cells of feature maps in row order, (B, T, C)."""
    return map_BCHW.flatten(2).transpose(1, 2)
