"""Text to token ids and back. Ids 0, 1, 2 are the same in every tokenizer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from scriba.core.errors import InputError

BLANK = 0
"""CTC blank, and padding."""
SOS_EOS = 1
"""Start and end of a sentence."""
UNK = 2
"""A unit that the vocabulary lacks."""
SPECIALS = ("<blank>", "<sos/eos>", "<unk>")


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
        """Return the text of one id as shown to people."""
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
    def train(cls, texts: Iterable[str]) -> CharTokenizer:
        """Return the tokenizer of all characters in the texts, in code point order."""
        return cls(sorted(set().union(*texts)))

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
        raise ValueError(f"unknown kind {saved['kind']!r}")
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{where}: not a scriba tokenizer ({error}); copy the model folder again.") from error
