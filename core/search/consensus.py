"""Of the outputs that a search found, the one that is most like all the others: minimum Bayes risk decoding.

The most probable output is a poor guess where many say nearly the same in different words. Of outputs y_1..y_N with
log probabilities l (Kumar & Byrne 2004),

    y = argmax_i sum_j p_j likeness(y_i, y_j),   p = softmax(l / temperature)                                       (1)

Shapes: B batch, N outputs of each input, U output length, T encoder positions.
"""

from collections import Counter
from collections.abc import Sequence

import torch

from scriba.core.search.outputs import Outputs
from scriba.core.text import SOS_EOS

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


def by_consensus(outputs: Outputs, temperature: float, count: int) -> Outputs:
    """Return the `count` outputs of each input that are most like all, best first, whatever they are ranked by."""
    log_probs_BN = outputs.log_probs_BNU.sum(2)
    order_BN = torch.arange(outputs.ranks_BN.shape[1]).repeat(len(outputs.ranks_BN), 1)
    for b, ranks_N in enumerate(outputs.ranks_BN):
        found = int((ranks_N > -torch.inf).sum())
        said = [ids[: ids.index(SOS_EOS)] for ids in outputs.ids_BNU[b, :found].tolist()]
        if found:
            liked = torch.tensor(expected_likeness(said, log_probs_BN[b, :found].tolist(), temperature))
            order_BN[b, :found] = liked.argsort(descending=True, stable=True)
    return outputs.reordered(order_BN[:, :count])
