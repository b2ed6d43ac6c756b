"""Batches: which examples go together, and how they become tensors.

Shapes: B batch, U target length.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader, Dataset

from scriba.core.errors import InputError
from scriba.core.example import Example
from scriba.core.inputs import Draw, Inputs
from scriba.core.model import required_positions
from scriba.core.text import BLANK

Key = tuple[int, int]
"""Epoch and index of an example: all that its augmentation depends on, next to the seed."""


@dataclass(frozen=True)
class Batch:
    """A padded batch.

    Attributes:
        ids: Ids of the examples.
        inputs: Inputs, padded with zeros in dimension 1.
        lengths_B: Valid entries of dimension 1.
        targets_BU: Target ids, padded with 0.
        target_lengths_B: Length of each target.
        texts: All texts of each example, which its target is one of.
    """

    ids: tuple[str, ...]
    inputs: Tensor
    lengths_B: Tensor
    targets_BU: Tensor
    target_lengths_B: Tensor
    texts: tuple[tuple[str, ...], ...]

    def to(self, device: torch.device) -> Batch:
        """Return the batch on a device."""
        inputs, lengths_B, *targets = (t.to(device, non_blocking=True) for t in self.tensors())
        return Batch(self.ids, inputs, lengths_B, targets[0], targets[1], self.texts)

    def tensors(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the arguments of the model."""
        return self.inputs, self.lengths_B, self.targets_BU, self.target_lengths_B


PAD_MULTIPLE = 32
"""Padded lengths are multiples of this: oneDNN compiles its recurrent kernels anew for every shape that it meets,
which costs a hundred times the work itself, so few different shapes are fast."""


def padded_length(length: int) -> int:
    """Return the length that a batch whose longest input has this length is padded to."""
    return -(-length // PAD_MULTIPLE) * PAD_MULTIPLE


def pad_inputs(inputs: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Stack inputs of different lengths (dimension 0), zero padded; return them and their lengths."""
    lengths = [len(x) for x in inputs]
    padded = inputs[0].new_zeros(len(inputs), padded_length(max(lengths)), *inputs[0].shape[1:])
    for row, x in zip(padded, inputs, strict=True):
        row[: len(x)] = x
    return padded, torch.tensor(lengths)


def pack_by_length(lengths: Sequence[int], max_items: int, max_frames: int) -> Iterator[slice]:
    """Cut a sequence of lengths into consecutive batches.

    A batch holds at most `max_items`, and at most `max_frames` frames after padding (but at least one item).
    """
    start, longest = 0, 0
    for i, length in enumerate(lengths):
        longest = max(longest, padded_length(length))
        count = i - start + 1
        if count > 1 and (count > max_items or longest * count > max_frames):
            yield slice(start, i)
            start, longest = i, padded_length(length)
    if start < len(lengths):
        yield slice(start, len(lengths))


def plan_epoch(lengths: Sequence[int], max_items: int, max_frames: int, seed: int, epoch: int) -> list[list[int]]:
    """Return the batches of one epoch, as indices: a pure function of its arguments.

    Examples are ordered by length, blurred by 10 % so that the neighbours change from epoch to epoch, cut into
    batches bounded by total frames, and the batches shuffled.
    """
    rng = np.random.default_rng([seed, epoch])
    blurred = np.asarray(lengths) * rng.uniform(0.95, 1.05, len(lengths))
    order = np.argsort(blurred, kind="stable")
    slices = pack_by_length([lengths[i] for i in order], max_items, max_frames)
    batches = [order[s].tolist() for s in slices]
    rng.shuffle(batches)
    return batches


@dataclass
class EndlessSampler:
    """Batches of keys, epoch after epoch, from a given place on; each process takes every n-th batch.

    Attributes:
        lengths: Frames of each example.
        max_items: Examples per batch at most.
        max_frames: Frames per batch at most, padding included.
        seed: Seed of the order.
        rank: Number of this process.
        processes: Number of processes.
        epoch: Epoch in which the next iteration starts.
        batch: Batch of that epoch at which it starts.
    """

    lengths: Sequence[int]
    max_items: int
    max_frames: int
    seed: int
    rank: int = 0
    processes: int = 1
    epoch: int = 0
    batch: int = 0

    def plan(self, epoch: int) -> list[list[int]]:
        """Return this process's batches of an epoch; every process gets equally many."""
        batches = plan_epoch(self.lengths, self.max_items, self.max_frames, self.seed, epoch)
        whole = len(batches) + -len(batches) % self.processes
        return [batches[i % len(batches)] for i in range(self.rank, whole, self.processes)]

    def __iter__(self) -> Iterator[list[Key]]:
        epoch, start = self.epoch, self.batch
        while True:
            for batch in self.plan(epoch)[start:]:
                yield [(epoch, i) for i in batch]
            epoch, start = epoch + 1, 0


Item = tuple[str, Tensor, list[int], tuple[str, ...]]
"""Id, input, target and texts of an example."""


@dataclass(frozen=True)
class TrainingSet(Dataset[Any]):
    """Examples prepared and augmented on demand.

    Where augmentation made an input unusable, or too short for CTC to align its target, the plain input is taken.

    Attributes:
        inputs: Prepares the inputs.
        examples: The examples.
        targets: Their target ids.
        positions: Positions of the CTC head of an input of so many frames; None where nothing has to be aligned.
        seed: Seed of the augmentation.
    """

    inputs: Inputs
    examples: Sequence[Example]
    targets: Sequence[list[int]]
    positions: Callable[[int], int] | None
    seed: int

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, key: Key) -> Item:
        epoch, index = key
        example, target = self.examples[index], self.targets[index]
        draw_seed = int(np.random.SeedSequence([self.seed, epoch, index]).generate_state(1)[0])
        try:
            frames = self.inputs.prepare(example, Draw(draw_seed, epoch))
            usable = self._fits(len(frames), target)
        except InputError:
            usable = False
        return example.id, frames if usable else self.inputs.prepare(example), target, tuple(example.texts)

    def _fits(self, frames: int, target: Sequence[int]) -> bool:
        return self.positions is None or self.positions(frames) >= required_positions(target)


def collate(items: Sequence[Item]) -> Batch:
    """Pad items into a batch."""
    ids, inputs, targets, texts = zip(*items, strict=True)
    padded, lengths_B = pad_inputs(inputs)
    targets_BU = pad_sequence([torch.tensor(t) for t in targets], batch_first=True, padding_value=BLANK)
    return Batch(ids, padded, lengths_B, targets_BU, torch.tensor([len(t) for t in targets]), texts)


def _leave_signals(worker: int) -> None:
    """Let the training process alone hear Ctrl-C and SIGTERM: it finishes its step and then ends its workers."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


class Batches:
    """A process's share of the training data, batch after batch, from any place on.

    Args:
        dataset: Prepares examples.
        sampler: Tells which go together.
        workers: Processes that prepare batches; 0 prepares them in this one.
    """

    def __init__(self, dataset: TrainingSet, sampler: EndlessSampler, workers: int) -> None:
        self.sampler = sampler
        self.loader: DataLoader[Batch] = DataLoader(
            dataset,
            batch_sampler=sampler,
            collate_fn=collate,
            num_workers=workers,
            pin_memory=torch.cuda.is_available(),
            worker_init_fn=_leave_signals,
            generator=torch.Generator().manual_seed(0),  # else it draws a seed from the stream that dropout uses
        )

    def per_epoch(self, epoch: int) -> int:
        """Return the number of batches of an epoch, the same for every process."""
        return len(self.sampler.plan(epoch))

    def iterate(self, epoch: int, batch: int) -> Iterator[Batch]:
        """Yield batches without end, from a batch of an epoch on."""
        self.sampler.epoch, self.sampler.batch = epoch, batch
        return iter(self.loader)
