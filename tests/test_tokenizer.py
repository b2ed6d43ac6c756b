"""Characters, words and subwords: texts come back from their ids, also through the file they are kept in."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scriba.core.errors import InputError
from scriba.core.search.hypothesis import group_words, make_tokens
from scriba.core.text.tokenizer import (
    BLANK,
    SOS_EOS,
    SPECIALS,
    UNK,
    CharTokenizer,
    SubwordTokenizer,
    Tokenizer,
    TokenizerConfig,
    WordTokenizer,
    build_tokenizer,
    tokenizer_from_json,
)
from scriba.core.training.run import knows_as_much

TEXTS = ["the low tide", "the lower tide", "a lowest tide, wider", "newest <unk> tides"]
CONFIGS = [TokenizerConfig("characters"), TokenizerConfig("words"), TokenizerConfig("subwords", size=40)]


def saved(tokenizer: Tokenizer) -> Tokenizer:
    """The tokenizer as a bundle gives it back."""
    return tokenizer_from_json(json.loads(json.dumps(tokenizer.to_json())), "tokenizer.json")


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.kind)
def test_special_ids_and_round_trip(config: TokenizerConfig) -> None:
    """Blank, end and unknown are 0, 1, 2 and give no text; a text that spells a special symbol is just text."""
    tokenizer = build_tokenizer(config, TEXTS)
    again = saved(tokenizer)
    assert (BLANK, SOS_EOS, UNK) == (0, 1, 2) and [again.piece(i) for i in range(3)] == list(SPECIALS)
    assert len(again) == len(tokenizer) and type(again) is type(tokenizer)
    for text in TEXTS:
        ids = tokenizer.encode(text)
        assert ids == again.encode(text) and min(ids) >= len(SPECIALS) and max(ids) < len(tokenizer)
        assert again.decode([SOS_EOS, *ids, BLANK]) == text
        assert "".join(map(again.piece, ids)).strip() == text
    assert UNK in tokenizer.encode("Ω")


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.kind)
def test_pieces_are_grouped_into_words(config: TokenizerConfig) -> None:
    """Whatever the units, words end where a piece begins with a space."""
    tokenizer = build_tokenizer(config, TEXTS)
    pieces = [tokenizer.piece(i) for i in tokenizer.encode("the lower tide")]
    words = group_words(make_tokens(pieces, [0.5] * len(pieces), None, None))
    assert [word.text for word in words] == ["the", "lower", "tide"]


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_any_text_comes_back_from_its_characters(text: str) -> None:
    tokenizer = saved(CharTokenizer.train([text]))
    assert tokenizer.decode([SOS_EOS, *tokenizer.encode(text), BLANK]) == text
    assert len(tokenizer) == 3 + len(set(text))


@given(st.lists(st.text("abc ,’ü", max_size=20), min_size=1, max_size=5), st.integers(3, 60))
def test_any_text_comes_back_from_its_words_and_subwords(texts: list[str], size: int) -> None:
    """But for the white space between words, which is one space."""
    for config in (TokenizerConfig("words"), TokenizerConfig("subwords", size=size)):
        tokenizer = build_tokenizer(config, texts)
        for text in texts:
            plain = " ".join(text.split())
            assert tokenizer.decode(tokenizer.encode(plain)) == plain


def test_rare_units_become_unknown() -> None:
    """Words are in the order of frequency, then of the alphabet; `min_count` counts over all texts."""
    words = WordTokenizer.train(TEXTS, 2)
    assert words.words == ("the", "tide") and words.encode("the low tide") == [3, UNK, 4]
    assert build_tokenizer(TokenizerConfig("characters", min_count=2), ["aab", "c"]).encode("abc") == [3, UNK, UNK]
    subwords = SubwordTokenizer.train(TEXTS, 60)
    assert len(subwords) <= 60 and len(subwords.encode("the low tide")) < len("the low tide")


@pytest.mark.parametrize(
    "value",
    [
        None,
        {"kind": "runes"},
        {"kind": "characters", "characters": ["ab"]},
        {"kind": "characters", "characters": ["a", "a"]},
        {"kind": "words", "words": ["a b"]},
        {"kind": "words", "words": ["a", "a"]},
        {"kind": "words", "words": [3]},
        {"kind": "subwords"},
        {"kind": "subwords", "model": {"version": "1.0"}},
        {"kind": "subwords", "model": json.loads(SubwordTokenizer.train(["a"], 9).model.to_str()) | {"model": None}},
    ],
)
def test_a_file_of_something_else_is_refused(value: object) -> None:
    with pytest.raises(InputError, match=r"^tokenizer\.json: not a scriba tokenizer .*\.$"):
        tokenizer_from_json(value, "tokenizer.json")


@pytest.mark.parametrize(("rare", "kept"), [(0, True), (1, True), (3, False)])
def test_a_known_alphabet_is_kept_for_a_rare_character(rare: int, kept: bool) -> None:
    """Training that starts from a model keeps its tokens while one unit in ten thousand at most is new."""
    texts = ["ab" * 5000, "ab" * 5000 + "c" * rare]
    assert knows_as_much(CharTokenizer("ab"), CharTokenizer.train(texts), texts) is kept
    assert not knows_as_much(WordTokenizer(["a"]), CharTokenizer.train(texts), texts)
