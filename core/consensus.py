"""Of the outputs that a search found, the one that is most like all the others: minimum Bayes risk decoding.

The most probable output is a poor guess where many say nearly the same in different words. Of outputs y_1..y_N with
log probabilities l (Kumar & Byrne 2004),

    y = argmax_i sum_j p_j likeness(y_i, y_j),   p = softmax(l / temperature)                                       (1)

Shapes: B batch, N outputs of each input, U output length, T encoder positions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor

from scriba.core.beam import Path
from scriba.core.tokenizer import SOS_EOS

ORDERS = (1, 2, 3, 4)
"""Lengths of n-grams."""


def likeness(grams: Sequence[Counter[tuple[int, ...]]], others: Sequence[Counter[tuple[int, ...]]]) -> float:
    """Return the mean over the orders of the F-score of common n-grams, in [0, 1]; two empty outputs are alike."""
    return sum(map(_f_score, grams, others)) / len(ORDERS)


def _f_score(counts: Counter[tuple[int, ...]], others: Counter[tuple[int, ...]]) -> float:
    total = counts.total() + others.total()
    return 2 * (counts & others).total() / total if total else 1.0


def ngrams(tokens: Sequence[int]) -> list[Counter[tuple[int, ...]]]:
    """Return how often each n-gram occurs, for each order."""
    return [Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)) for n in ORDERS]


def expected_likeness(outputs: Sequence[Sequence[int]], log_probs: Sequence[float], temperature: float) -> list[float]:
    """Return for each output the sum of equation (1).

    Args:
        outputs: Their tokens.
        log_probs: Their log probabilities.
        temperature: Above 0: small trusts the probabilities, large lets all outputs count alike.
    """
    weights = torch.tensor(log_probs, dtype=torch.double).div(temperature).softmax(0).tolist()
    grams = [ngrams(output) for output in outputs]
    return [sum(p * likeness(own, other) for p, other in zip(weights, grams, strict=True)) for own in grams]


def by_consensus(path: Path, temperature: float, count: int) -> Path:
    """Return the `count` outputs of each input that are most like all, best first, whatever they are ranked by."""
    log_probs_BN = path.log_probs_BNU.sum(2)
    order_BN = torch.arange(path.ranks_BN.shape[1]).repeat(len(path.ranks_BN), 1)
    for b, ranks_N in enumerate(path.ranks_BN):
        found = int((ranks_N > -torch.inf).sum())
        outputs = [ids[: ids.index(SOS_EOS)] for ids in path.ids_BNU[b, :found].tolist()]
        if found:
            liked = torch.tensor(expected_likeness(outputs, log_probs_BN[b, :found].tolist(), temperature))
            order_BN[b, :found] = liked.argsort(descending=True, stable=True)
    order_BN = order_BN[:, :count]
    return Path(
        _reordered(path.ids_BNU, order_BN),
        _reordered(path.log_probs_BNU, order_BN),
        _reordered(path.ranks_BN, order_BN),
        {name: _reordered(part_BN, order_BN) for name, part_BN in path.parts.items()},
        None if path.weights_BNUT is None else _reordered(path.weights_BNUT, order_BN),
        None if path.agreed_BNU is None else _reordered(path.agreed_BNU, order_BN),
    )


def _reordered(values: Tensor, order_BN: Tensor) -> Tensor:
    return values[torch.arange(len(order_BN))[:, None], order_BN]
