"""Batches: complete, bounded, reproducible, resumable, and shared out evenly."""

from __future__ import annotations

from itertools import islice

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from toy import ToyEncoder, ToyTask, toy_example

from scriba.core.batching import (
    PAD_MULTIPLE,
    EndlessSampler,
    TrainingSet,
    build_loader,
    collate,
    pack_by_length,
    pad_inputs,
    plan_epoch,
)
from scriba.core.example import Example
from scriba.core.task import Draw

lengths = st.lists(st.integers(1, 500), min_size=1, max_size=60)


@given(lengths, st.integers(1, 9), st.integers(1, 2000), st.integers(0, 5), st.integers(0, 5))
def test_an_epoch_is_complete_bounded_and_reproducible(
    sizes: list[int], items: int, frames: int, seed: int, epoch: int
) -> None:
    """Every example once; neither bound broken (but for a single long one); the same plan for the same seed."""
    batches = plan_epoch(sizes, items, frames, seed, epoch)
    assert sorted(i for batch in batches for i in batch) == list(range(len(sizes)))
    for batch in batches:
        assert len(batch) <= items
        assert len(batch) == 1 or max(sizes[i] for i in batch) * len(batch) <= frames
    assert batches == plan_epoch(sizes, items, frames, seed, epoch)


@given(lengths, st.integers(1, 9), st.integers(1, 2000))
def test_packing_keeps_the_order(sizes: list[int], items: int, frames: int) -> None:
    """Consecutive slices that cover everything: nothing is lost when a batch is cut."""
    slices = list(pack_by_length(sizes, items, frames))
    assert [i for s in slices for i in range(s.start, s.stop)] == list(range(len(sizes)))


def test_neighbours_have_similar_lengths() -> None:
    """Bucketing wastes little: padding is under a tenth of all frames for realistic lengths."""
    sizes = np.random.default_rng(0).integers(50, 800, 1000).tolist()
    batches = plan_epoch(sizes, 8, 10**6, 1, 0)
    padded = sum(len(batch) * max(sizes[i] for i in batch) for batch in batches)
    assert padded < 1.1 * sum(sizes)


@given(lengths, st.integers(1, 5), st.integers(0, 3), st.integers(0, 30))
def test_sampler_resumes_in_the_middle(sizes: list[int], items: int, epoch: int, batch: int) -> None:
    """Starting at a place gives what an endless run gives from that place on."""
    whole = EndlessSampler(sizes, max_items=items, max_frames=1000, seed=7)
    before = sum(len(whole.plan(e)) for e in range(epoch))
    batch = min(batch, len(whole.plan(epoch)) - 1)
    resumed = EndlessSampler(sizes, max_items=items, max_frames=1000, seed=7)
    resumed.start_at(epoch, batch)
    assert list(islice(whole, before + batch, before + batch + 5)) == list(islice(resumed, 5))


@given(lengths, st.integers(1, 5))
def test_processes_share_an_epoch(sizes: list[int], processes: int) -> None:
    """Every process gets equally many batches, and together they see every example."""
    samplers = [
        EndlessSampler(sizes, max_items=4, max_frames=1000, seed=7, rank=rank, processes=processes)
        for rank in range(processes)
    ]
    plans = [sampler.plan(0) for sampler in samplers]
    assert len({len(plan) for plan in plans}) == 1
    assert {i for plan in plans for batch in plan for i in batch} == set(range(len(sizes)))


def test_collate_pads_and_counts() -> None:
    """Inputs and targets are zero padded, lengths are the true ones."""
    batch = collate([("a", torch.ones(5, 2), [3, 4]), ("b", torch.ones(40, 2), [5])])
    assert batch.ids == ("a", "b")
    assert batch.lengths_B.tolist() == [5, 40] and batch.target_lengths_B.tolist() == [2, 1]
    assert batch.targets_BU.tolist() == [[3, 4], [5, 0]]
    assert batch.inputs.shape == (2, 2 * PAD_MULTIPLE, 2) and batch.inputs.sum() == 90


@given(st.lists(st.integers(1, 200), min_size=1, max_size=5))
def test_padded_lengths_are_few(sizes: list[int]) -> None:
    """Padded lengths are multiples of one number, so that compiled kernels are met again."""
    padded, lengths_B = pad_inputs([torch.ones(n) for n in sizes])
    assert padded.shape[1] % PAD_MULTIPLE == 0 and 0 <= padded.shape[1] - max(sizes) < PAD_MULTIPLE
    assert lengths_B.tolist() == sizes


class ShrinkingTask(ToyTask):
    """Augmentation that leaves a single frame."""

    def prepare(self, example: Example, draw: Draw | None = None) -> torch.Tensor:
        return super().prepare(example)[: None if draw is None else 1]


def test_augmentation_never_makes_ctc_infeasible() -> None:
    """Where the augmented input is too short for its text, the plain one is taken; elsewhere it is not."""
    examples = [toy_example("long", "abc"), toy_example("short", "a")]
    items = TrainingSet(ShrinkingTask(), examples, [[3, 4, 5], [3]], ToyEncoder(), seed=1)
    assert len(items[(0, 0)][1]) == 6 and len(items[(0, 1)][1]) == 1


def test_workers_prepare_the_same_batches() -> None:
    """Batches do not depend on how many processes prepare them."""
    examples = [toy_example(str(i), "ab") for i in range(8)]
    found = []
    for workers in (0, 2):
        sampler = EndlessSampler([4] * 8, max_items=3, max_frames=100, seed=1)
        loader = build_loader(TrainingSet(ToyTask(), examples, [[3, 4]] * 8, ToyEncoder(), 1), sampler, workers)
        found.append([batch.ids for batch in islice(loader, 5)])
    assert found[0] == found[1]
