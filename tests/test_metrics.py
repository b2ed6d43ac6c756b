"""Error rates against a plain edit distance; normalisations."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from scriba.cli import main
from scriba.commands.evaluate import unknown_units
from scriba.core.errors import UsageError
from scriba.core.scores import ErrorRates, error_rates
from scriba.core.text import CharTokenizer, Tokenizer, normalisation
from scriba.core.text.tokenizer import SubwordTokenizer, WordTokenizer


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


@pytest.mark.parametrize("text", ["İSTANBUL", "I\u0307STANBUL", "i\u0307stanbul", "İstanbul"])
def test_lower_case_of_one_letter_is_one_letter(text: str) -> None:
    """Turkish dotted I has a lower case of two code points, of which the second says what an i says anyway."""
    for name in ("words", "print-caseless"):
        assert normalisation(name)(text) == "istanbul"


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("He said 'yes'.", "he said yes"),
        ("‘Yes’, ‚nein‘, 'tis", "yes nein tis"),
        ("the dogs' o'clock don’t donʼt", "the dogs o'clock don't don't"),
        ("rock-'n'-roll ''two'' ' '' '", "rock n roll two"),
        ("«L'été» 'n’importe'", "l'été n'importe"),
    ],
)
def test_apostrophes_stay_inside_of_words(text: str, plain: str) -> None:
    """Quotes are punctuation, also where they are apostrophes: those at either end of a word go."""
    assert normalisation("words")(text) == plain


@given(st.text(st.characters(codec="utf-8") | st.sampled_from("iIİ\u0307\u0327'’ʼΣ "), max_size=20))
def test_words_normalisation_of_any_text(text: str) -> None:
    """Done twice it changes nothing more; spaces are single; case and Unicode composition do not matter."""
    plain = normalisation("words")
    once = plain(text)
    assert plain(once) == once == " ".join(once.split())
    assert plain(unicodedata.normalize("NFD", text)) == once == unicodedata.normalize("NFC", once)
    assert all(character.lower() == character for character in once)
    assert not any(word.strip("'") != word for word in once.split())
    assert not set('.,;:!?-_"’«»…') & set(once)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("“Nein” ,  ſagte er ; „gut“ !", '"Nein", sagte er; "gut"!'),
        ("a — b –c- d⸗", "a-b-c-d-"),
        ("it’s ‘so’ ''x''", "it's 'so' \"x\""),
        ("e\u0301t\u00e9", "été"),
        (" 1 . 50\u00a0: x ", "1. 50: x"),
        ("so … da…", "so... da..."),
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


CHARACTERS = CharTokenizer(sorted(" 'abcehlot"))


@pytest.mark.parametrize(
    ("tokenizer", "name", "texts", "unknown", "share"),
    [
        (CHARACTERS, "none", ["a cat"], {}, 0),
        (CHARACTERS, "none", ["A CAT", "ax"], {"A": 2, "C": 1, "T": 1, "x": 1}, 500 / 7),
        (CHARACTERS, "words", ["A CAT", "ax?", "l'cat"], {"x": 1}, 100 / 12),
        (CharTokenizer(sorted(" ACT'")), "words", ["A C'T"], {}, 0),  # what it writes is put in lower case too
        (WordTokenizer(["Cat", "a"]), "none", ["a cat", "a Cat"], {"cat": 1}, 25),
        (WordTokenizer(["Cat", "a"]), "words", ["a cat.", "a Cat"], {}, 0),
        (SubwordTokenizer.train(["the cat sat"], 30), "none", ["that cat", "The"], {"T": 1}, 100 / 11),
        (CHARACTERS, "none", [""], {}, 0),
    ],
)
def test_what_a_model_cannot_write(
    tokenizer: Tokenizer, name: str, texts: list[str], unknown: dict[str, int], share: float
) -> None:
    """Characters that no token has, most frequent first; where tokens are words, words."""
    found = unknown_units(tokenizer, texts, normalisation(name))
    assert found == (unknown, pytest.approx(share)) and list(found[0]) == list(unknown)


def test_eval_says_what_the_model_cannot_write(
    small_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line names the letters, their share and what helps; the report has them with counts."""
    soundfile.write(tmp_path / "a.wav", np.full(4000, 0.1, np.float32), 8000)
    path, out = tmp_path / "m.jsonl", tmp_path / "scores.json"
    for text, normalise, unknown, told in (
        ("AB", "none", {"A": 1, "B": 1}, "100 % of the references ('A' 1, 'B' 1); --normalise words leaves case"),
        ("AB", "words", {}, ""),
        ("ab", "none", {}, ""),
        ("aбб", "none", {"б": 2}, "66.7 % of the references ('б' 2); train one on texts that have them."),
    ):
        path.write_text(json.dumps({"audio": "a.wav", "text": text}), encoding="utf-8")
        command = ["asr", "eval", str(small_bundle), str(path), "--json", str(out), "--normalise", normalise]
        assert main([*command, "--device", "cpu"]) == 0
        said = capsys.readouterr().err
        assert json.loads(out.read_text())["unknown_characters"] == unknown
        assert f"{path}: the model cannot write {told}" in said if told else "cannot write" not in said
