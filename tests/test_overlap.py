"""BLEU, ROUGE-L and CIDEr-D agree with the COCO captioning challenge's programs, and with what they mean."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scriba.core.scores.overlap import WordOverlap, bleu, cider, longest_common_subsequence, overlap, rouge_l

REFERENCES = [
    ["a dog runs on the grass", "the brown dog is running through a field", "a dog running"],
    ["two children play with a red ball", "kids playing ball in the park", "two boys kick the red ball on the grass"],
    ["a man in a blue shirt rides a bike", "the man is on a bicycle", "a cyclist wearing blue rides down the road"],
    ["people sit at a table", "a group of people eating at a long table", "four people are sitting around the table"],
    ["a dog and a man on the beach", "a man walks his dog along the sea", "the dog follows the man in the sand"],
]
TEXTS = [
    "a dog runs through the grass",
    "two kids play with the ball in the park",
    "a man is riding a bike",
    "people sit around a table at a table",
    "a dog",
]
COCO = {
    "bleu1": 79.613883,
    "bleu2": 60.401538,
    "bleu3": 38.960967,
    "bleu4": 23.326426,
    "rouge_l": 64.911985,
    "cider": 1.4732912,
}
"""What pycocoevalcap 1.2 gives for these sentences: Bleu(4), Rouge() and Cider() on them as they are."""


def test_figures_of_the_captioning_challenge() -> None:
    assert overlap(REFERENCES, TEXTS) == pytest.approx(COCO, rel=1e-6)


def test_captions_are_scored_without_case_and_punctuation() -> None:
    """In results, in references and in training on the score alike; higher is better."""
    scores = WordOverlap()
    shouted = [tuple(f"{text.upper()}." for text in item) for item in REFERENCES]
    assert scores.score(shouted, [f"{text}!" for text in TEXTS]) == scores.score([*map(tuple, REFERENCES)], TEXTS)
    assert scores.score([*map(tuple, REFERENCES)], TEXTS) == pytest.approx(COCO, rel=1e-6)
    assert scores.score(["A cat sits here."], ["a cat sits here"])["bleu4"] == pytest.approx(100)
    assert set(scores.shown) < COCO.keys() and scores.higher_is_better
    plain, loud = (scores.judge(texts)(texts[0], TEXTS) for texts in ([*map(tuple, REFERENCES)], shouted))
    assert plain == loud and plain.index(max(plain)) == 0


def test_items_may_have_different_numbers_of_references() -> None:
    """BLEU takes the references there are."""
    assert bleu([["a b c d e"], ["f g h i", "j k l m"]], ["a b c d e", "j k l m"]) == pytest.approx(100)


def test_the_references_themselves_are_perfect() -> None:
    """100 % BLEU and ROUGE-L; CIDEr-D is 10 where an item has one reference."""
    references = [[text] for text in TEXTS if len(text.split()) >= 4]
    texts = [item[0] for item in references]
    assert bleu(references, texts) == pytest.approx(100) and rouge_l(references, texts) == pytest.approx(100)
    assert cider(references, texts) == pytest.approx(10)


def test_texts_that_share_nothing_or_are_empty() -> None:
    for text in ("", "zzz"):
        assert overlap(REFERENCES, [text] * 5) == dict.fromkeys(COCO, 0.0)


@given(st.lists(st.sampled_from("abc"), max_size=6), st.lists(st.sampled_from("abc"), max_size=6))
def test_longest_common_subsequence_is_the_longest(a: list[str], b: list[str]) -> None:
    """As long as the longest of all subsequences of one that are subsequences of the other."""

    def subsequences(words: list[str]) -> set[tuple[str, ...]]:
        return {c for n in range(len(words) + 1) for c in combinations(words, n)}

    assert longest_common_subsequence(a, b) == max(map(len, subsequences(a) & subsequences(b)))
