"""Batches: complete, bounded, reproducible, resumable, and shared out evenly."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from toy import ToyEncoder, ToyInputs, toy_example

from scriba.core.data import Batches, EndlessSampler, TrainingSet, pack_by_length, pad_inputs
from scriba.core.data.batching import PAD_MULTIPLE, collate, plan_epoch
from scriba.core.errors import InputError
from scriba.core.example import Example
from scriba.core.inputs import Draw
from scriba.core.model import HeadLengths

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


@given(lengths, st.integers(0, 5), st.integers(0, 5), st.integers(0, 100))
def test_a_plan_depends_on_seed_and_epoch_only(sizes: list[int], seed: int, epoch: int, other: int) -> None:
    """No global random state is read or moved, and no plan depends on those made before."""
    torch.manual_seed(0)
    np.random.seed(0)
    before = np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # type: ignore[index, union-attr]
    plan = plan_epoch(sizes, 4, 1000, seed, epoch)
    assert before == (np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())  # type: ignore[index, union-attr]
    plan_epoch(sizes, 4, 1000, seed, other)
    np.random.seed(1)
    assert plan_epoch(sizes, 4, 1000, seed, epoch) == plan


def test_epochs_and_seeds_have_different_orders() -> None:
    """Batches come in another order, with other neighbours, in each epoch and for each seed."""
    sizes = np.random.default_rng(0).integers(50, 800, 200).tolist()
    plans = [plan_epoch(sizes, 8, 10**6, seed, epoch) for seed, epoch in ((1, 0), (1, 1), (2, 0), (2, 1))]
    batches = [frozenset(map(frozenset, plan)) for plan in plans]
    assert len(set(batches)) == 4
    assert all(plan != sorted(plan, key=lambda batch: sizes[batch[0]]) for plan in plans)


@given(lengths, st.integers(1, 9), st.integers(1, 2000))
def test_batches_as_padded_keep_the_bound(sizes: list[int], items: int, frames: int) -> None:
    """The bound counts the padding that is really added: it is what keeps a batch within the memory there is."""
    for batch in plan_epoch(sizes, items, frames, 1, 0):
        padded, _ = pad_inputs([torch.ones(sizes[i]) for i in batch])
        assert len(batch) == 1 or padded.numel() <= frames


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


def sampler(sizes: list[int], items: int = 4, rank: int = 0, processes: int = 1) -> EndlessSampler:
    return EndlessSampler(sizes, max_items=items, max_frames=1000, seed=7, rank=rank, processes=processes)


@given(lengths, st.integers(1, 5), st.integers(0, 3), st.integers(0, 30), st.integers(1, 3))
def test_sampler_resumes_in_the_middle(sizes: list[int], items: int, epoch: int, batch: int, processes: int) -> None:
    """Starting at a place, the end of an epoch too, gives every process what an endless run gives from there on."""
    for rank in range(processes):
        whole, resumed = (sampler(sizes, items, rank, processes) for _ in range(2))
        before = sum(len(whole.plan(e)) for e in range(epoch))
        batch = min(batch, len(whole.plan(epoch)))
        resumed.epoch, resumed.batch = epoch, batch
        assert list(islice(whole, before + batch, before + batch + 5)) == list(islice(resumed, 5))


@given(lengths)
def test_sampler_gives_the_plans_one_after_the_other(sizes: list[int]) -> None:
    """An endless run is the plans of its epochs one after the other, each index with its epoch; and so once more."""
    endless = sampler(sizes)
    expected = [[(epoch, i) for i in batch] for epoch in range(3) for batch in plan_epoch(sizes, 4, 1000, 7, epoch)]
    for _ in range(2):
        assert list(islice(endless, len(expected))) == expected


@given(lengths, st.integers(1, 5), st.integers(0, 3))
def test_processes_share_an_epoch(sizes: list[int], processes: int, epoch: int) -> None:
    """Every process gets equally many batches; together they are the whole plan, some batches once more to even out."""
    plans = [sampler(sizes, 4, rank, processes).plan(epoch) for rank in range(processes)]
    whole = plan_epoch(sizes, 4, 1000, 7, epoch)
    assert len({len(plan) for plan in plans}) == 1
    counts = Counter(tuple(batch) for plan in plans for batch in plan)
    assert counts.keys() == set(map(tuple, whole))
    assert max(counts.values()) - min(counts.values()) <= 1
    assert sum(counts.values()) - len(whole) < processes


def test_collate_pads_and_counts() -> None:
    """Inputs and targets are zero padded, lengths are the true ones."""
    batch = collate([("a", torch.ones(5, 2), [3, 4], ("it",)), ("b", torch.ones(40, 2), [5], ("a", "an"))])
    assert batch.ids == ("a", "b") and batch.texts == (("it",), ("a", "an"))
    assert batch.lengths_B.tolist() == [5, 40] and batch.target_lengths_B.tolist() == [2, 1]
    assert batch.targets_BU.tolist() == [[3, 4], [5, 0]]
    assert batch.inputs.shape == (2, 2 * PAD_MULTIPLE, 2) and batch.inputs.sum() == 90


@given(st.lists(st.integers(1, 200), min_size=1, max_size=5))
def test_padded_lengths_are_few(sizes: list[int]) -> None:
    """Padded lengths are multiples of one number, so that compiled kernels are met again."""
    padded, lengths_B = pad_inputs([torch.ones(n) for n in sizes])
    assert padded.shape[1] % PAD_MULTIPLE == 0 and 0 <= padded.shape[1] - max(sizes) < PAD_MULTIPLE
    assert lengths_B.tolist() == sizes


class ShrinkingInputs(ToyInputs):
    """Augmentation that leaves a single frame."""

    def prepare(self, example: Example, draw: Draw | None = None) -> torch.Tensor:
        return super().prepare(example)[: None if draw is None else 1]


def test_augmentation_never_makes_ctc_infeasible() -> None:
    """Where the augmented input is too short for its text, the plain one is taken; not so elsewhere or without CTC."""
    examples, targets = [toy_example("long", "abc"), toy_example("short", "a")], [[3, 4, 5], [3]]
    for positions, frames in ((HeadLengths(ToyEncoder()), [6, 1]), (None, [1, 1])):
        items = TrainingSet(ShrinkingInputs(), examples, targets, positions, seed=1)
        assert [len(items[(0, i)][1]) for i in range(2)] == frames


class SpoilingInputs(ToyInputs):
    """Augmentation that leaves nothing that could be used."""

    def prepare(self, example: Example, draw: Draw | None = None) -> torch.Tensor:
        if draw is not None:
            raise InputError(f"{example.id}: is of one colour.")
        return super().prepare(example)


def test_an_augmentation_that_spoils_an_input_does_not_stop_training() -> None:
    """The plain input is taken instead."""
    items = TrainingSet(SpoilingInputs(), [toy_example("x", "abc")], [[3, 4, 5]], HeadLengths(ToyEncoder()), seed=1)
    torch.testing.assert_close(items[(0, 0)][1], ToyInputs().prepare(toy_example("x", "abc")))


def test_workers_prepare_the_same_batches() -> None:
    """Batches, from any place on, do not depend on how many processes prepare them."""
    examples = [toy_example(str(i), "ab") for i in range(8)]
    found = []
    for workers in (0, 2):
        training = TrainingSet(ToyInputs(), examples, [[3, 4]] * 8, HeadLengths(ToyEncoder()), 1)
        batches = Batches(training, sampler([4] * 8, 3), workers)
        assert batches.per_epoch(0) == 3
        found.append([[batch.ids for batch in islice(batches.iterate(*place), 5)] for place in ((0, 0), (1, 2))])
    assert found[0] == found[1]
    (whole, later), plan = found[0], sampler([4] * 8, 3)
    assert whole == [tuple(map(str, batch)) for epoch in range(2) for batch in plan.plan(epoch)][:5]
    assert later == [tuple(map(str, batch)) for batch in (*plan.plan(1)[2:], *plan.plan(2), *plan.plan(3))][:5]
