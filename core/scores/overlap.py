"""How much of its references a text says: BLEU, ROUGE-L and CIDEr-D, all over words between white space.

Texts are scored as they are; lower case and punctuation are a matter of the normalisation before
(`core/text/normalise.py`).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from sacrebleu.metrics.bleu import BLEU

from scriba.core.scores.scores import Judge, Reference
from scriba.core.text import plain_words

ORDERS = (1, 2, 3, 4)
"""Lengths of n-grams."""
ROUGE_BETA = 1.2
"""Weight of recall against precision in ROUGE-L, as the COCO captioning challenge has it."""
CIDER_SIGMA = 6.0
"""Standard deviation of CIDEr-D's length penalty, in words."""

References = Sequence[Sequence[str]]
"""Texts that say the same, for each item."""
Grams = Counter[tuple[str, ...]]


@dataclass(frozen=True)
class WordOverlap:
    """The `Scores` of what may be said in several ways, of lower-case words without punctuation."""

    shown: tuple[str, ...] = ("cider", "bleu4")
    higher_is_better: bool = True

    def score(self, references: Sequence[Reference], texts: Sequence[str]) -> Mapping[str, float]:
        """Return BLEU and ROUGE-L in percent, and CIDEr-D."""
        sets = [tuple(map(plain_words, (r,) if isinstance(r, str) else r)) for r in references]
        return overlap(sets, [plain_words(text) for text in texts])

    def judge(self, references: Sequence[tuple[str, ...]]) -> Judge:
        """Rate texts by CIDEr-D, with the rarity of words among all references."""
        measure = Cider([tuple(map(plain_words, texts)) for texts in references])
        return lambda own, texts: measure([*map(plain_words, own)], [*map(plain_words, texts)])


def overlap(references: References, texts: Sequence[str]) -> dict[str, float]:
    """Return bleu1..bleu4 and rouge_l in percent, and cider.

    Args:
        references: At least one reference for each text.
        texts: The texts.
    """
    scores = {f"bleu{n}": bleu(references, texts, n) for n in ORDERS}
    return scores | {"rouge_l": rouge_l(references, texts), "cider": cider(references, texts)}


def bleu(references: References, texts: Sequence[str], order: int = 4) -> float:
    """Return BLEU over all texts together, in percent (Papineni et al. 2002), by sacrebleu.

    Unsmoothed, with the brevity penalty, against the reference of the closest length.
    """
    streams = [list(stream) for stream in zip_longest(*references)]  # sacrebleu wants the first of all, the second …
    metric = BLEU(tokenize="none", max_ngram_order=order, smooth_method="none")
    return float(metric.corpus_score(list(texts), streams).score)


def rouge_l(references: References, texts: Sequence[str]) -> float:
    """Return the mean ROUGE-L of the texts in percent (Lin 2004): F of the longest common subsequence of words.

    Precision and recall are those of the best reference each.
    """
    return 100 * sum(_rouge_l(*item) for item in zip(references, texts, strict=True)) / len(texts)


def _rouge_l(references: Sequence[str], text: str) -> float:
    words = text.split()
    common = [(longest_common_subsequence(words, r.split()), len(r.split())) for r in references]
    precision = max(length / max(1, len(words)) for length, _ in common)
    recall = max(length / max(1, size) for length, size in common)
    if precision == 0 or recall == 0:
        return 0.0
    return (1 + ROUGE_BETA**2) * precision * recall / (recall + ROUGE_BETA**2 * precision)


def longest_common_subsequence(a: Sequence[str], b: Sequence[str]) -> int:
    """Return the length of the longest sequence of words that both hold in this order."""
    best = [0] * (len(b) + 1)
    for word in a:
        diagonal = 0
        for j, other in enumerate(b, start=1):
            diagonal, best[j] = best[j], diagonal + 1 if word == other else max(best[j], best[j - 1])
    return best[-1]


def cider(references: References, texts: Sequence[str]) -> float:
    """Return the mean CIDEr-D of the texts (Vedantam, Zitnick & Parikh 2015, arXiv 1411.5726).

    The rarity of n-grams is that among the references of all items, so a score depends on the whole set.
    """
    measure = Cider(references)
    return sum(measure(item, [text])[0] for item, text in zip(references, texts, strict=True)) / len(texts)


class Cider:
    """CIDEr-D of single texts.

    Args:
        references: Texts of many items, which tell how rare an n-gram is.
    """

    def __init__(self, references: References) -> None:
        seen = Counter(gram for item in references for gram in set().union(*map(ngrams, item)))
        self.unseen = math.log(len(references))
        self.rarity = {gram: self.unseen - math.log(count) for gram, count in seen.items()}

    def __call__(self, references: Sequence[str], texts: Sequence[str]) -> list[float]:
        """Return the score of each text by the references of one item."""
        others = [_Vector(reference, self.rarity, self.unseen) for reference in references]
        own = [_Vector(text, self.rarity, self.unseen) for text in texts]
        return [sum(map(vector.similarity, others)) / len(others) for vector in own]


def ngrams(text: str) -> Grams:
    """Return how often each n-gram of up to four words occurs."""
    words = text.split()
    return Counter(tuple(words[i : i + n]) for n in ORDERS for i in range(len(words) - n + 1))


class _Vector:
    """A text as n-gram counts weighted by their rarity."""

    def __init__(self, text: str, rarity: Mapping[tuple[str, ...], float], unseen: float) -> None:
        self.weights = {gram: count * rarity.get(gram, unseen) for gram, count in ngrams(text).items()}
        self.length = max(0, len(text.split()) - 1)  # in pairs of words, as the authors' program counts
        self.norms = [math.sqrt(sum(w * w for gram, w in self.weights.items() if len(gram) == n)) for n in ORDERS]

    def similarity(self, reference: _Vector) -> float:
        """Return 10 times the mean over n of the clipped cosine, lessened by the difference in length."""
        products = [0.0] * len(ORDERS)
        for gram, weight in self.weights.items():
            other = reference.weights.get(gram, 0.0)
            products[len(gram) - 1] += min(weight, other) * other
        pairs = zip(products, self.norms, reference.norms, strict=True)
        cosines = [product / (own * other) if own and other else 0.0 for product, own, other in pairs]
        penalty = math.exp(-((self.length - reference.length) ** 2) / (2 * CIDER_SIGMA**2))
        return 10 * penalty * sum(cosines) / len(ORDERS)
