"""Another line encoder: a network of torchvision that knows pictures, then bidirectional LSTM layers.

Shapes: B batch, T columns or encoder positions, F rows, C channels; H' and W' rows and columns of the map.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from scriba.core.errors import UsageError
from scriba.core.model import Backbone, BackboneConfig, BidirectionalStack, Memory
from scriba.core.precision import full
from scriba.ocr.encoder import EncoderConfig

PROBE = 512
"""Columns by which the network's steps along the line are measured."""


class BackboneEncoder(nn.Module):
    """Ink of a line, columns first, to `Memory`: one position for every column of the network's map.

    Args:
        config: Sizes of the LSTM layers.
        backbone: The network.
        height: F.

    Raises:
        UsageError: The network leaves no row of so low a line.
    """

    def __init__(self, config: EncoderConfig, backbone: BackboneConfig, height: int) -> None:
        super().__init__()
        self.backbone = Backbone(backbone)
        channels, rows, columns = self.backbone.map_shape(height, PROBE)
        if rows == 0:
            raise UsageError(f"--line.height {height}: {backbone.name} leaves no row of it; raise it.")
        self.subsampling = PROBE // columns
        self.dropout = nn.Dropout(config.dropout)
        self.recurrent = BidirectionalStack(
            rows * channels, hidden_size=config.size, layers=config.layers, dropout=config.dropout
        )
        self.memory_size = 2 * config.size

    def output_lengths(self, lengths_B: Tensor) -> Tensor:
        """Return the number of positions for inputs of that many columns."""
        return -(-lengths_B // self.subsampling)

    def forward(self, inputs: Tensor, lengths_B: Tensor) -> Memory:
        """Encode padded ink (B, T, F)."""
        lengths_B = self.output_lengths(lengths_B)
        ink_BTF = F.pad(inputs, (0, 0, 0, -inputs.shape[1] % self.subsampling))
        paper_BFT = 255 * (1 - ink_BTF.transpose(1, 2))
        map_BCHW = self.backbone(paper_BFT[..., None].expand(-1, -1, -1, 3))
        states_BTD = self.dropout(full(map_BCHW).permute(0, 3, 2, 1).flatten(2))
        return Memory(self.recurrent(states_BTD, lengths_B), lengths_B)
