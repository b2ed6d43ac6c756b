"""Narrower line models: the least used channels and units are taken out of a trained one, so that it reads faster.

A network cut to size needs far less training than one of that size from the start (Li et al. 2017, arXiv 1608.08710).
What a channel is worth is the gain of its batch normalisation (Liu et al. 2017, arXiv 1708.06519); for the unit of an
LSTM, the gain of the layer normalisation times the norm of the weights that read it.

Shapes: C channels, F rows, H units of one direction, E size of an embedding.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from scriba.core.errors import UsageError
from scriba.ocr.encoder import ROW_STRIDES, STEM

READERS = (
    "ctc.output.weight",
    "decoder.attention.energy.W1.weight",
    "decoder.attention.energy.Wk.weight",
    "decoder.start.weight",
    "decoder.start.hidden.0.weight",
    "decoder.start.cell.0.weight",
)
"""Weights that read a state of the memory and nothing else; the first there is tells what a unit is worth."""
GATES = 4
"""Of an LSTM: its matrices hold four blocks of H rows."""


class Narrowing:
    """The weights of a line model while they get fewer.

    Args:
        weights: As in a bundle; the mapping is changed in place.
    """

    def __init__(self, weights: dict[str, Tensor]) -> None:
        self.weights = weights

    def keep(self, prefix: str, index: Tensor, axis: int = 0) -> None:
        """Keep the given entries along an axis of every tensor whose name starts so and that has the axis."""
        for name, tensor in self.weights.items():
            if name.startswith(prefix) and tensor.ndim > axis:
                self.weights[name] = tensor.index_select(axis, index)

    def convolutions(self, before: Sequence[int], after: Sequence[int]) -> Tensor:
        """Narrow the convolutions and return the kept channels of the last, shape (C,).

        Raises:
            UsageError: Channels would be added, or a connection past a convolution would be lost.
        """
        kept_C = torch.zeros(1, dtype=torch.long)
        for i, (old, new) in enumerate(zip(before, after, strict=True)):
            name = f"encoder.convolutions.{i}"
            tied = i >= STEM and ROW_STRIDES[i - STEM] == 1 and old == before[i - 1]
            if new > old or (tied and new != after[i - 1]):
                wanted = f"{after[i - 1]}, as in the place before it" if tied else f"at most {old}"
                raise UsageError(f"--channels: {new} in place {i + 1}; it has to be {wanted}.")
            if i >= STEM:
                self.keep(f"{name}.depthwise", kept_C)
                name += ".pointwise"
            self.keep(f"{name}.convolution", kept_C, axis=1)
            kept_C = kept_C if tied else best(self.weights[f"{name}.norm.weight"].abs(), new)
            self.keep(name, kept_C)
        return kept_C

    def recurrent(self, layers: int, read: Tensor, old: int, new: int) -> Tensor:
        """Narrow the LSTM layers and return the kept entries of their output, shape (2H,).

        Args:
            layers: Number of layers.
            read: Entries that remain of the input.
            old: H before.
            new: H after.
        """
        for i in range(layers):
            reader = (
                f"encoder.recurrent.layers.{i + 1}.ahead.weight_ih_l0"
                if i + 1 < layers
                else next(n for n in READERS if n in self.weights)
            )
            worth_2H = self.weights[f"encoder.recurrent.norms.{i}.weight"].abs() * self.weights[reader].norm(dim=0)
            kept = []
            for j, direction in enumerate(("ahead", "back")):
                name = f"encoder.recurrent.layers.{i}.{direction}."
                units_H = best(worth_2H[j * old : (j + 1) * old], new)
                self.keep(f"{name}weight_ih", read, axis=1)
                self.keep(f"{name}weight_hh", units_H, axis=1)
                self.keep(name, (torch.arange(GATES)[:, None] * old + units_H).flatten())
                kept.append(units_H + j * old)
            read = torch.cat(kept)
            self.keep(f"encoder.recurrent.norms.{i}.", read)
        return read

    def heads(self, read: Tensor, old: int) -> None:
        """Narrow what reads the memory or, behind the embedding, the context: entries `read` of `old` remain."""
        for name in READERS:
            self.keep(name, read, axis=1)
        for name in ("decoder.combine.weight", "decoder.cells.cells.0.weight_ih"):
            if name in self.weights:
                embedding = self.weights["decoder.embedding.weight"].shape[1]
                behind = torch.arange(embedding + old, self.weights[name].shape[1])
                self.keep(name, torch.cat([torch.arange(embedding), embedding + read, behind]), axis=1)


def best(worth: Tensor, count: int) -> Tensor:
    """Return the indices of the `count` largest, in their order."""
    return worth.topk(count).indices.sort().values


def narrowed(
    config: Mapping[str, Any], weights: Mapping[str, Tensor], channels: Sequence[int], size: int
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return config and weights of a bundle with narrower convolutions and LSTM layers.

    Args:
        config: As in the bundle.
        weights: As in the bundle.
        channels: Channels of each convolution.
        size: Size of each direction of an LSTM layer.

    Raises:
        UsageError: Something would become wider, or a connection past a convolution would be lost.
    """
    encoder = dict(config["encoder"])
    before, old = encoder["channels"], encoder["size"]
    if len(channels) != len(before):
        raise UsageError(f"--channels: give {len(before)} numbers, not {len(channels)}.")
    if not 0 < size <= old:
        raise UsageError(f"--size {size}: it has to be between 1 and {old}.")
    narrow = {n: t.float() if t.is_floating_point() else t for n, t in weights.items()}
    narrowing = Narrowing(narrow)
    channels_C = narrowing.convolutions(before, channels)
    rows = narrow["encoder.recurrent.layers.0.ahead.weight_ih_l0"].shape[1] // before[-1]
    columns = (torch.arange(rows)[:, None] * before[-1] + channels_C).flatten()
    narrowing.heads(narrowing.recurrent(encoder["layers"], columns, old, size), 2 * old)
    return {**config, "encoder": {**encoder, "channels": list(channels), "size": size}}, narrow
