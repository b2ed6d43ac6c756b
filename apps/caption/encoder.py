"""The picture encoder: a backbone's feature map, projected, one memory position for each cell.

Shapes: B batch, T cells of the map in row order, C channels of the backbone, D memory size.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from scriba.caption.backbone import Backbone
from scriba.core.memory import Memory
from scriba.core.precision import full


@dataclass(frozen=True)
class EncoderConfig:
    """The picture encoder.

    Args:
        size: Memory size D that the features are projected to.
        dropout: Dropout probability after the projection.
        frozen: Leave the backbone as it is; its features are then computed once and kept in `cache`. Otherwise it is
            trained, from the beginning or, with --training.late.part encoder.backbone, from a given step.
        cache: Folder for the features of training pictures; null computes them anew in every epoch.
    """

    size: int = 512
    dropout: float = 0.3
    frozen: bool = True
    cache: str | None = "runs/features"


class PictureEncoder(nn.Module):
    """Pictures, or the features that the backbone gave for them, to `Memory`.

    Args:
        config: Sizes.
        backbone: The network.
    """

    def __init__(self, config: EncoderConfig, backbone: Backbone) -> None:
        super().__init__()
        self.frozen = config.frozen
        self.backbone = backbone.requires_grad_(not config.frozen)
        self.project = nn.Linear(backbone.channels, config.size)
        self.norm = nn.LayerNorm(config.size)
        self.dropout = nn.Dropout(config.dropout)
        self.memory_size = config.size

    def train(self, mode: bool = True) -> PictureEncoder:
        """Set the mode; a frozen or pretrained backbone normalises by the statistics that it came with."""
        super().train(mode)
        if self.frozen or self.backbone.config.weights != "none":
            self.backbone.eval()
        return self

    def output_lengths(self, lengths_B: Tensor) -> Tensor:
        """Return the number of cells, the same for all pictures."""
        rows, columns = self.backbone.grid
        return torch.full_like(lengths_B, rows * columns)

    def forward(self, inputs: Tensor, lengths_B: Tensor) -> Memory:
        """Encode pictures (B, H, W, 3) of bytes, or their features (B, T, C), padded in dimension 1."""
        lengths_B = self.output_lengths(lengths_B)
        if inputs.ndim == 3:
            features_BTC = inputs[:, : int(lengths_B[0])]
        else:
            with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
                features_BTC = self.backbone(inputs[:, : self.backbone.config.size])
        states_BTD = self.dropout(self.norm(full(self.project(features_BTC))))
        return Memory(states_BTD, lengths_B, self.backbone.grid)
