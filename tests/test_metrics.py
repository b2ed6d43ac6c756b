"""Error rates against a plain edit distance; normalisations."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scriba.core.errors import UsageError
from scriba.core.scores import ErrorRates, error_rates
from scriba.core.text import normalisation


def edit_distance(a: Sequence[str], b: Sequence[str]) -> int:
    """Levenshtein's distance from its recursion, row by row."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, start=1):
        previous, row[0] = row[0], i
        for j, y in enumerate(b, start=1):
            previous, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, previous + (x != y))
    return row[-1]


words = st.lists(st.sampled_from(["a", "b", "ab", "c", "é", "字"]), min_size=1, max_size=6)
sentences = words.map(" ".join) | words.map("  ".join)
texts = st.lists(st.tuples(sentences, sentences | st.just("")), min_size=1, max_size=5)


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
        surplus = sum(len(split(r)) - len(split(f)) for r, f in pairs)
        assert rates[f"{unit}_deletions"] - rates[f"{unit}_insertions"] == surplus
        assert rates[f"{unit}s"] == total
    json.dumps(rates)


@pytest.mark.parametrize(
    ("found", "wer", "cer", "words", "characters"),
    [
        ("the cat sat", 0, 0, (0, 0, 0), (0, 0, 0)),
        ("", 100, 100, (0, 3, 0), (0, 11, 0)),
        ("the bat sat", 100 / 3, 100 / 11, (1, 0, 0), (1, 0, 0)),
        ("the sat", 100 / 3, 400 / 11, (0, 1, 0), (0, 4, 0)),
        ("the cat sat down", 100 / 3, 500 / 11, (0, 0, 1), (0, 0, 5)),
        ("thecat sat", 200 / 3, 100 / 11, (1, 1, 0), (0, 1, 0)),
    ],
)
def test_each_kind_of_error(
    found: str, wer: float, cer: float, words: tuple[int, int, int], characters: tuple[int, int, int]
) -> None:
    """Substitutions, deletions and insertions by hand: one word wrong, missing, too many, run together."""
    rates = error_rates(["the cat sat"], [found])
    assert (rates["wer"], rates["cer"]) == (pytest.approx(wer), pytest.approx(cer))
    kinds = ("substitutions", "deletions", "insertions")
    assert tuple(rates[f"word_{kind}"] for kind in kinds) == words
    assert tuple(rates[f"char_{kind}"] for kind in kinds) == characters


@pytest.mark.parametrize("space", [" ", "  ", "\t", "\n", "\u00a0", "\u3000"])
def test_any_white_space_separates_words(space: str) -> None:
    """Words are counted as a reader would, and as results are grouped into words, whatever white space is between."""
    rates = error_rates([f"one{space}two"], ["one two"])
    assert rates["wer"] == 0 and rates["words"] == 2


def test_a_reference_that_normalisation_emptied_counts_insertions() -> None:
    """Evaluation does not fail on a reference of nothing but punctuation; what is said there is inserted."""
    rates = error_rates([normalisation("words")("..."), "a"], ["b c", "a"])
    assert (rates["word_insertions"], rates["words"], rates["wer"]) == (2, 1, pytest.approx(200))


def test_of_several_texts_the_first_counts() -> None:
    """Where a source gives more than one, what is recognised has one right text still."""
    scores = ErrorRates().score([("the cat", "a dog"), "a"], ["the bat", "a"])
    assert scores == error_rates(["the cat", "a"], ["the bat", "a"])
    assert set(ErrorRates().shown) < scores.keys() and not ErrorRates().higher_is_better


def test_normalisations() -> None:
    """`none` changes nothing, `words` leaves lower-case words; an unknown name is told with the nearest."""
    assert normalisation("none")(" A, b ") == " A, b "
    assert normalisation("words")("Don’t  STOP, - please_now!") == "don't stop please now"
    with pytest.raises(UsageError, match=r"normalisation word: .* Did you mean 'words'\?"):
        normalisation("word")


@pytest.mark.parametrize("text", ["हिन्दी में", "தமிழ்", "ภาษาไทยนี้", "עִבְרִית", "x̧y"])
def test_marks_are_part_of_their_letters(text: str) -> None:
    """Vowel signs and accents that no single code point holds are not punctuation: words of such scripts stay whole."""
    assert normalisation("words")(text) == text


def test_lower_case_of_one_letter_stays_in_its_word() -> None:
    """Turkish dotted I has a lower case of two code points, which is no reason to cut the word."""
    assert len(normalisation("words")("İstanbul").split()) == 1


@given(st.text(st.characters(codec="utf-8"), max_size=20))
def test_words_normalisation_of_any_text(text: str) -> None:
    """Done twice it changes nothing more; spaces are single; case and Unicode composition do not matter."""
    plain = normalisation("words")
    once = plain(text)
    assert plain(once) == once == " ".join(once.split())
    assert plain(unicodedata.normalize("NFD", text)) == once
    assert not set('.,;:!?-_"’«»…') & set(once)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("“Nein” ,  ſagte er ; „gut“ !", '"Nein", sagte er; "gut"!'),
        ("a — b –c- d⸗", "a-b-c-d-"),
        ("it’s ‘so’ ''x''", "it's 'so' \"x\""),
        ("e\u0301t\u00e9", "été"),
        (" 1 . 50\u00a0: x ", "1. 50: x"),
    ],
)
def test_print_normalisation(text: str, plain: str) -> None:
    """Signs that printers and transcribers choose freely count as the same: quotes, dashes, long s, spacing."""
    assert normalisation("print")(text) == plain
    assert normalisation("print-caseless")(text.upper()) == plain.lower().replace("ß", "ss")


@given(st.text(st.characters(codec="utf-8"), max_size=20))
def test_print_normalisation_of_any_text(text: str) -> None:
    """Done twice it changes nothing more, with case or without."""
    for name in ("print", "print-caseless"):
        once = normalisation(name)(text)
        assert normalisation(name)(once) == once
