"""Take the least used channels and units out of a trained line model, so that it reads faster; then train it on.

    python scripts/narrow_model.py runs/wide/bundle --channels 32 64 112 112 128 128 112 --size 192 --out runs/narrow
    scriba ocr train --init runs/narrow --encoder.channels "[32, 64, 112, 112, 128, 128, 112]" --encoder.size 192 …

A network cut to size needs far less training than one of that size from the start (Li et al. 2017, arXiv 1608.08710).
What a channel is worth is the gain of its batch normalisation (Liu et al. 2017, arXiv 1708.06519); for the unit of an
LSTM, the gain of the layer normalisation times the norm of the weights that read it.

Shapes: C channels, F rows, H units of one direction, E size of an embedding.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from scriba.core.bundle import load_bundle, save_bundle
from scriba.core.errors import UsageError
from scriba.ocr.encoder import ROW_STRIDES, STEM

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
            reader = f"encoder.recurrent.layers.{i + 1}.ahead.weight_ih_l0" if i + 1 < layers else "ctc.output.weight"
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
        for name in ("ctc.output.weight", "decoder.attention.energy.W1.weight"):
            self.keep(name, read, axis=1)
        for name in ("decoder.combine.weight", "decoder.cells.cells.0.weight_ih"):
            if name in self.weights:
                embedding = self.weights["decoder.embedding.weight"].shape[1]
                behind = torch.arange(embedding + old, self.weights[name].shape[1])
                self.keep(name, torch.cat([torch.arange(embedding), embedding + read, behind]), axis=1)


def best(worth: Tensor, count: int) -> Tensor:
    """Return the indices of the `count` largest, in their order."""
    return worth.topk(count).indices.sort().values


def narrow(model: Path, channels: Sequence[int], size: int, out: Path) -> None:
    """Write the model with narrower convolutions and LSTM layers as a bundle.

    Raises:
        InputError: The bundle cannot be read.
        UsageError: Something would become wider, or a connection past a convolution would be lost.
    """
    bundle = load_bundle(model)
    encoder = dict(bundle.config["encoder"])
    before, old = encoder["channels"], encoder["size"]
    if len(channels) != len(before):
        raise UsageError(f"--channels: give {len(before)} numbers, not {len(channels)}.")
    if not 0 < size <= old:
        raise UsageError(f"--size {size}: it has to be between 1 and {old}.")
    weights = {n: t.float() if t.is_floating_point() else t for n, t in bundle.weights.items()}
    narrowing = Narrowing(weights)
    channels_C = narrowing.convolutions(before, channels)
    rows = weights["encoder.recurrent.layers.0.ahead.weight_ih_l0"].shape[1] // before[-1]
    columns = (torch.arange(rows)[:, None] * before[-1] + channels_C).flatten()
    narrowing.heads(narrowing.recurrent(encoder["layers"], columns, old, size), 2 * old)
    config = {**bundle.config, "encoder": {**encoder, "channels": list(channels), "size": size}}
    card = (model / "README.md").read_text(encoding="utf-8")
    card += f"\nNarrowed from `{model}` to channels {list(channels)} and LSTM layers of {size}; not yet trained on.\n"
    save_bundle(out, task=bundle.task, config=config, tokenizer=bundle.tokenizer, weights=weights, card=card)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="bundle folder")
    parser.add_argument("--channels", type=int, nargs="+", required=True, help="channels of each convolution")
    parser.add_argument("--size", type=int, required=True, help="size of each direction of an LSTM layer")
    parser.add_argument("--out", type=Path, required=True, help="bundle folder to write")
    options = parser.parse_args()
    narrow(options.model, options.channels, options.size, options.out)


if __name__ == "__main__":
    main()
