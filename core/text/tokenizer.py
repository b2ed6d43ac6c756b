"""Text to token ids and back: characters, words or subwords. Ids 0, 1, 2 are the same in every tokenizer."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import tokenizers
from tokenizers import decoders, models, pre_tokenizers, trainers

from scriba.core.errors import InputError
from scriba.core.ranges import Count

BLANK = 0
"""CTC blank, and padding."""
SOS_EOS = 1
"""Start and end of a sentence."""
UNK = 2
"""A unit that the vocabulary lacks."""
SPECIALS = ("<blank>", "<sos/eos>", "<unk>")


@dataclass(frozen=True)
class TokenizerConfig:
    """The units that texts are made of.

    Args:
        kind: characters, words (between white space), or subwords (byte-pair encoding).
        min_count: Characters and words that training has less often become unk.
        size: Number of subwords, special ones included; there are fewer when the texts hold fewer.
    """

    kind: Literal["characters", "words", "subwords"] = "characters"
    min_count: Count = 1
    size: Count = 1000


class Tokenizer(Protocol):
    """What the core asks of a tokenizer."""

    def __len__(self) -> int: ...

    def encode(self, text: str) -> list[int]:
        """Return the ids of a text, without start and end symbols."""
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ids; special ids give nothing."""
        ...

    def piece(self, id: int) -> str:
        """Return the text of one id as shown to people; one that begins a word begins with a space."""
        ...

    def to_json(self) -> dict[str, Any]:
        """Return what `tokenizer_from_json` needs."""
        ...


class CharTokenizer:
    """One token for each character (Unicode code point).

    Args:
        characters: The alphabet in id order; ids begin at 3.

    Raises:
        ValueError: A character is given twice or is not one code point.
    """

    def __init__(self, characters: Sequence[str]) -> None:
        if len(set(characters)) != len(characters) or any(len(c) != 1 for c in characters):
            raise ValueError("the alphabet must list single characters, each once")
        self.characters = tuple(characters)
        self._ids = {c: i + len(SPECIALS) for i, c in enumerate(self.characters)}

    @classmethod
    def train(cls, texts: Iterable[str], min_count: int = 1) -> CharTokenizer:
        """Return the tokenizer of the characters that the texts hold that often, in code point order."""
        counts = Counter(character for text in texts for character in text)
        return cls(sorted(character for character, count in counts.items() if count >= min_count))

    def __len__(self) -> int:
        return len(SPECIALS) + len(self.characters)

    def encode(self, text: str) -> list[int]:
        return [self._ids.get(c, UNK) for c in text]

    def decode(self, ids: Sequence[int]) -> str:
        return "".join(self.characters[i - len(SPECIALS)] for i in ids if i >= len(SPECIALS))

    def piece(self, id: int) -> str:
        return self.characters[id - len(SPECIALS)] if id >= len(SPECIALS) else SPECIALS[id]

    def to_json(self) -> dict[str, Any]:
        return {"kind": "characters", "characters": list(self.characters)}


class WordTokenizer:
    """One token for each word between white space.

    Args:
        words: The vocabulary in id order; ids begin at 3.

    Raises:
        ValueError: A word is given twice, is empty or holds white space.
    """

    def __init__(self, words: Sequence[str]) -> None:
        if len(set(words)) != len(words) or any(word.split() != [word] for word in words):
            raise ValueError("the vocabulary must list words without white space, each once")
        self.words = tuple(words)
        self._ids = {word: i + len(SPECIALS) for i, word in enumerate(self.words)}

    @classmethod
    def train(cls, texts: Iterable[str], min_count: int = 1) -> WordTokenizer:
        """Return the tokenizer of the words that the texts hold that often, frequent ones first."""
        counts = Counter(word for text in texts for word in text.split())
        ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        return cls([word for word, count in ranked if count >= min_count])

    def __len__(self) -> int:
        return len(SPECIALS) + len(self.words)

    def encode(self, text: str) -> list[int]:
        return [self._ids.get(word, UNK) for word in text.split()]

    def decode(self, ids: Sequence[int]) -> str:
        return " ".join(self.words[i - len(SPECIALS)] for i in ids if i >= len(SPECIALS))

    def piece(self, id: int) -> str:
        return f" {self.words[id - len(SPECIALS)]}" if id >= len(SPECIALS) else SPECIALS[id]

    def to_json(self) -> dict[str, Any]:
        return {"kind": "words", "words": list(self.words)}


class SubwordTokenizer:
    """Byte-pair encoding (Sennrich, Haddow & Birch 2016, arXiv 1508.07909), by Hugging Face's tokenizers.

    Args:
        model: A tokenizer of that library whose first ids are `SPECIALS`.

    Raises:
        ValueError: They are not.
    """

    def __init__(self, model: tokenizers.Tokenizer) -> None:
        if [model.id_to_token(i) for i in range(len(SPECIALS))] != list(SPECIALS):
            raise ValueError(f"its first ids are not {', '.join(SPECIALS)}")
        model.encode_special_tokens = True  # a text that says <unk> is text
        self.model = model

    @classmethod
    def train(cls, texts: Iterable[str], size: int) -> SubwordTokenizer:
        """Return the tokenizer of the most frequent subwords in the texts.

        Args:
            texts: The texts.
            size: Number of tokens at most, the special ones included; at least every character has one.
        """
        model = tokenizers.Tokenizer(models.BPE(unk_token=SPECIALS[UNK]))
        model.pre_tokenizer = pre_tokenizers.Metaspace()
        model.decoder = decoders.Metaspace()
        trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=list(SPECIALS), show_progress=False)
        model.train_from_iterator(texts, trainer)
        return cls(model)

    def __len__(self) -> int:
        return int(self.model.get_vocab_size())

    def encode(self, text: str) -> list[int]:
        return list(self.model.encode(text).ids)

    def decode(self, ids: Sequence[int]) -> str:
        return str(self.model.decode([i for i in ids if i >= len(SPECIALS)]))

    def piece(self, id: int) -> str:
        return str(self.model.id_to_token(id)).replace("▁", " ")

    def to_json(self) -> dict[str, Any]:
        return {"kind": "subwords", "model": json.loads(self.model.to_str())}


def build_tokenizer(config: TokenizerConfig, texts: Sequence[str]) -> Tokenizer:
    """Train the configured tokenizer on texts."""
    if config.kind == "characters":
        return CharTokenizer.train(texts, config.min_count)
    if config.kind == "words":
        return WordTokenizer.train(texts, config.min_count)
    return SubwordTokenizer.train(texts, config.size)


def tokenizer_from_json(saved: Any, where: str) -> Tokenizer:
    """Rebuild a tokenizer from the value of `tokenizer.json`.

    Args:
        saved: What `Tokenizer.to_json` returned.
        where: The file's path, for the message.

    Raises:
        InputError: The value is not that of a tokenizer.
    """
    try:
        if saved["kind"] == "characters":
            return CharTokenizer(saved["characters"])
        if saved["kind"] == "words":
            return WordTokenizer(saved["words"])
        if saved["kind"] == "subwords":
            return SubwordTokenizer(load_subwords(json.dumps(saved["model"])))
        raise ValueError(f"unknown kind {saved['kind']!r}")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{where}: not a scriba tokenizer ({error}); copy the model folder again.") from error


def load_subwords(text: str) -> tokenizers.Tokenizer:
    """Read a tokenizer of Hugging Face's library from its JSON.

    Raises:
        ValueError: It is none.
    """
    try:
        return tokenizers.Tokenizer.from_str(text)
    except Exception as error:  # the library raises no class of its own
        raise ValueError(str(error)) from error
