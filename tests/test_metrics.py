"""Error rates against a plain edit distance; normalisations; averages of weights; the learning rate."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scriba.core.averaging import Average
from scriba.core.errors import UsageError
from scriba.core.metrics import error_rates, normalisation
from scriba.core.schedule import learning_rate


def edit_distance(a: Sequence[str], b: Sequence[str]) -> int:
    """Levenshtein's distance from its recursion, row by row."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, start=1):
        previous, row[0] = row[0], i
        for j, y in enumerate(b, start=1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (x != y))
    return row[-1]


words = st.lists(st.sampled_from(["a", "b", "ab", "c"]), min_size=1, max_size=6).map(" ".join)
texts = st.lists(st.tuples(words, words | st.just("")), min_size=1, max_size=5)


@given(texts)
def test_error_rates(pairs: list[tuple[str, str]]) -> None:
    """WER and CER are edits over reference units, all texts together, and the counts add up."""
    references, found = zip(*pairs, strict=True)
    rates = error_rates(references, found)
    for rate, unit, split in (("wer", "word", str.split), ("cer", "char", list)):
        total = sum(len(split(r)) for r in references)
        edits = sum(edit_distance(split(r), split(f)) for r, f in pairs)
        assert rates[rate] == pytest.approx(100 * edits / total)
        assert sum(rates[f"{unit}_{kind}"] for kind in ("substitutions", "deletions", "insertions")) == edits
        assert rates[f"{unit}s"] == total


def test_normalisations() -> None:
    """`none` changes nothing, `words` leaves lower-case words; an unknown name is told with the nearest."""
    assert normalisation("none")(" A, b ") == " A, b "
    assert normalisation("words")("Don’t  STOP, - please_now!") == "don't stop please now"
    with pytest.raises(UsageError, match=r"--normalise word: .* Did you mean 'words'\?"):
        normalisation("word")


def layer_with(value: float) -> torch.nn.Module:
    layer = torch.nn.BatchNorm1d(2)
    with torch.no_grad():
        layer.weight.fill_(value)
        layer.num_batches_tracked.fill_(int(value))
    return layer


def test_ema_against_a_loop() -> None:
    """EMA follows its recursion, with the short memory of the first steps; counters are copied."""
    average, expected = Average("ema", decay=0.9), None
    for step, value in enumerate([1.0, 4.0, 2.0, 8.0] * 5, start=1):
        average.after_step(layer_with(value))
        decay = min(0.9, (1 + step) / (10 + step))
        expected = value if expected is None else decay * expected + (1 - decay) * value
    weights = average.weights(layer_with(0))
    assert weights["weight"].tolist() == pytest.approx([expected] * 2, rel=1e-5)
    assert int(weights["num_batches_tracked"]) == 8


def test_last_is_the_mean_of_the_last_evaluations() -> None:
    """Only the newest N snapshots count; without any, the weights themselves; state and load round-trip."""
    average = Average("last", count=3)
    assert average.weights(layer_with(5))["weight"].tolist() == [5, 5]
    for value in (100.0, 1.0, 2.0, 6.0):
        average.before_evaluation(layer_with(value))
    again = Average("last", count=3)
    again.load(average.state(), average.steps)
    for found in (average, again):
        assert found.weights(layer_with(0))["weight"].tolist() == [3, 3]


@pytest.mark.parametrize("decay", ["cosine", "linear", "constant"])
def test_learning_rate(decay: str) -> None:
    """It rises linearly to the peak over the warm-up, never exceeds it, and falls to zero unless constant."""
    rates = [learning_rate(s, 100, peak=2.0, warmup=0.1, decay=decay) for s in range(101)]  # type: ignore[arg-type]
    assert rates[:10] == pytest.approx([0.2 * s for s in range(1, 11)])
    assert max(rates) == 2.0
    assert all(a >= b for a, b in itertools.pairwise(rates))
    assert rates[100] == pytest.approx(2.0 if decay == "constant" else 0.0)
