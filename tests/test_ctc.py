"""CTC against brute force over every path of tiny sizes."""

from __future__ import annotations

from itertools import groupby, product
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from models import collapse, log_probability
from toy import ToyEncoder, toy_example

from scriba.core.files import Bundle
from scriba.core.model import ModelConfig, build_model
from scriba.core.model.ctc import CTCConfig, CTCHead, HeadLengths, ctc_loss, greedy_path, required_positions
from scriba.core.model.memory import Memory
from scriba.core.search import Decoding, DecodingConfig, decode
from scriba.core.text import CharTokenizer
from scriba.core.text.tokenizer import BLANK
from scriba.core.training.run import start_from

sizes = st.tuples(st.integers(1, 5), st.integers(2, 4))
targets = st.lists(st.integers(1, 3), max_size=4).map(tuple)


@settings(max_examples=60)
@given(sizes, st.integers(0, 10**6), targets)
def test_loss_is_the_sum_over_all_paths(size: tuple[int, int], seed: int, target: tuple[int, ...]) -> None:
    """-log of the brute-force sum; infinite exactly where no path exists, which is where T is below the requirement."""
    positions, labels = size
    target = tuple(min(label, labels - 1) for label in target)
    log_probs_BTV = torch.randn(1, positions, labels, generator=torch.Generator().manual_seed(seed)).log_softmax(-1)
    labels_BU = torch.tensor([target], dtype=torch.long)
    loss = ctc_loss(log_probs_BTV, torch.tensor([positions]), labels_BU, torch.tensor([len(target)]))
    expected = log_probability(log_probs_BTV[0], target)
    assert (required_positions(target) <= positions) == bool(expected > -torch.inf)
    torch.testing.assert_close(loss[0], -expected, rtol=1e-4, atol=1e-5)


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(1, 5), targets), min_size=1, max_size=3), st.integers(0, 10**6))
def test_loss_and_gradient_of_a_padded_batch(rows: list[tuple[int, tuple[int, ...]]], seed: int) -> None:
    """Rows of different lengths do not meet: each has the loss and gradient of its brute-force sum, in double."""
    rows = [(positions, target) for positions, target in rows if required_positions(target) <= positions] or [(1, (1,))]
    generator = torch.Generator().manual_seed(seed)
    logits_BTV = torch.randn(len(rows), 5, 4, dtype=torch.double, generator=generator, requires_grad=True)
    lengths_B = torch.tensor([positions for positions, _ in rows])
    sizes_B = torch.tensor([len(target) for _, target in rows])
    targets_BU = torch.tensor([[*target, *[BLANK] * (4 - len(target))] for _, target in rows])
    log_probs_BTV = logits_BTV.log_softmax(-1)
    loss_B = ctc_loss(log_probs_BTV, lengths_B, targets_BU, sizes_B)
    expected = [-log_probability(log_probs_BTV[b, :n], target) for b, (n, target) in enumerate(rows)]
    torch.testing.assert_close(loss_B, torch.stack(expected))
    pull_B = torch.rand(len(rows), dtype=torch.double, generator=generator)
    found, wanted = (
        torch.autograd.grad((x * pull_B).sum(), logits_BTV, retain_graph=True)[0]
        for x in (loss_B, torch.stack(expected))
    )
    torch.testing.assert_close(found, wanted, rtol=1e-8, atol=1e-10)


def test_an_infeasible_target_is_infinite_and_leaves_the_other_rows_alone() -> None:
    """Two equal labels do not fit into two positions: infinite, not a silent zero, and only in that row."""
    log_probs_BTV = torch.randn(2, 2, 3).log_softmax(-1)
    loss_B = ctc_loss(log_probs_BTV, torch.tensor([2, 2]), torch.tensor([[1, 1], [1, 2]]), torch.tensor([2, 2]))
    assert loss_B[0] == torch.inf
    torch.testing.assert_close(loss_B[1], -(log_probs_BTV[1, 0, 1] + log_probs_BTV[1, 1, 2]))


def test_head_gives_float32_log_probabilities() -> None:
    """Whatever number format the layers run in, the softmax is in float32, and in double for double."""
    memory = Memory(torch.randn(2, 3, 4), torch.tensor([3, 2]))
    head = CTCHead(4, 5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        log_probs_BTV = head(memory)
    assert log_probs_BTV.dtype == torch.float32
    torch.testing.assert_close(log_probs_BTV.exp().sum(-1), torch.ones(2, 3))
    assert head.double()(Memory(memory.states_BTD.double(), memory.lengths_B)).dtype == torch.double


@settings(max_examples=60)
@given(sizes, st.integers(0, 10**6))
def test_probabilities_of_all_targets_sum_to_one(size: tuple[int, int], seed: int) -> None:
    """The reference itself is sound: every path belongs to exactly one target."""
    positions, labels = size[0], min(size[1], 3)
    log_probs_TV = torch.randn(positions, labels, generator=torch.Generator().manual_seed(seed)).log_softmax(-1)
    targets = {collapse(path) for path in product(range(labels), repeat=positions)}
    assert sum(float(log_probability(log_probs_TV, target).exp()) for target in targets) == pytest.approx(1, rel=1e-4)


@given(st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=12), min_size=1, max_size=4), st.integers(0, 10**6))
def test_greedy_collapse(paths: list[list[int]], seed: int) -> None:
    """Tokens, spans and probabilities of each row equal those of a plain walk over its best path."""
    longest = max(map(len, paths))
    generator = torch.Generator().manual_seed(seed)
    probabilities = torch.rand(len(paths), longest, 4, generator=generator) * 0.5
    for b, path in enumerate(paths):
        for t, label in enumerate(path):
            probabilities[b, t, label] += 0.6
    found = greedy_path(probabilities.log(), torch.tensor([len(path) for path in paths]))
    for b, path in enumerate(paths):
        expected = []
        for label, run in groupby(range(len(path)), key=lambda t: path[t]):
            places = list(run)
            if label != BLANK:
                best = max(float(probabilities[b, t, label]) for t in places)
                expected.append((label, places[0], places[-1] + 1, best))
        best_T = probabilities[b, : len(path)].amax(-1)
        assert [spike[:3] for spike in found[b].spikes] == [e[:3] for e in expected]
        assert [spike.probability for spike in found[b].spikes] == pytest.approx([e[3] for e in expected], rel=1e-5)
        assert found[b].log_prob == pytest.approx(float(best_T.log().sum()), rel=1e-5)


@given(st.lists(st.integers(1, 3), max_size=8))
def test_required_positions_is_the_shortest_path(labels: list[int]) -> None:
    """L plus adjacent repeats is the least number of positions that can carry the labels."""
    shortest: list[int] = []
    for label in labels:
        shortest += [BLANK, label] if shortest and shortest[-1] == label else [label]
    assert required_positions(labels) == len(shortest)
    assert collapse(tuple(shortest)) == tuple(labels)


def test_a_head_of_a_higher_rate_has_positions_between_those_of_the_encoder() -> None:
    """Position r p + k of the head is the k-th block of labels at position p; lengths and what fits follow the rate."""
    head, memory = CTCHead(6, 4, rate=3), Memory(torch.randn(2, 5, 6), torch.tensor([5, 2]))
    log_probs_BTV = head(memory)
    assert log_probs_BTV.shape == (2, 15, 4) and head.lengths(memory).tolist() == [15, 6]
    logits_BPV = head.output(memory.states_BTD)
    for p, k in product(range(5), range(3)):
        torch.testing.assert_close(log_probs_BTV[:, 3 * p + k], logits_BPV[:, p, 4 * k : 4 * k + 4].log_softmax(-1))
    assert HeadLengths(ToyEncoder(), 3)(5) == 15 and HeadLengths(ToyEncoder())(5) == 5


def test_a_higher_rate_begins_where_the_lower_one_ended(tmp_path: Path) -> None:
    """Started from a model of rate 1, one of rate 2 says the same there; the joint search takes it, too."""
    tokenizer = CharTokenizer(list("abcd"))
    torch.manual_seed(0)
    before, after = (
        build_model(ModelConfig(ctc=CTCConfig(rate)), ToyEncoder(), len(tokenizer)).eval() for rate in (1, 2)
    )
    start_from(after, tokenizer, Bundle(tmp_path, "toy", {}, tokenizer, before.state_dict()))
    frames = torch.from_numpy(toy_example("x", "abcdabcdabcd").source.values)[None]  # type: ignore[union-attr]
    found = []
    for model, method, beam_size in ((before, "ctc", 1), (after, "ctc", 1), (after, "joint", 4)):
        options = DecodingConfig(method=method, beam_size=beam_size)  # type: ignore[arg-type]
        with torch.inference_mode():
            memory = model.encode(frames, torch.tensor([frames.shape[1]]))
            found += decode(model, memory, tokenizer, Decoding(options, model.heads), 1.0)
    assert found[0].text == found[1].text and len(found[0].text) > 2
    for one, other in zip(found[0].tokens, found[1].tokens, strict=True):
        assert abs(one.start - other.start) <= 0.5 and abs(one.end - other.end) <= 0.5  # type: ignore[operator]
    assert all(0 <= token.start < token.end <= frames.shape[1] for token in found[2].tokens)  # type: ignore[operator]
