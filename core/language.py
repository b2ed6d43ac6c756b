"""Language models for the search: what is likely to be said at all, whatever the input.

A neural one is the recurrent decoder of `core/decoder.py` without a memory, over the tokens of the recogniser that it
helps (shallow fusion, Gulcehre et al. 2015, arXiv 1503.03535).

Shapes: B batch, R rows, U target length, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from scriba.core.batching import pack_by_length
from scriba.core.beam import allowed
from scriba.core.decoder import Decoder, State
from scriba.core.errors import InputError, UsageError
from scriba.core.loss import cross_entropy, teacher_tokens
from scriba.core.memory import Memory
from scriba.core.tokenizer import BLANK, SOS_EOS, SPECIALS, UNK, Tokenizer

MAX_TOKENS = 8192
"""Tokens that are scored together, padding included."""


class NoInput(nn.Module):
    """The encoder of a model that has no input: one empty state."""

    memory_size = 1

    def output_lengths(self, lengths_B: Tensor) -> Tensor:
        """Return 1 for every row."""
        return torch.ones_like(lengths_B)

    def forward(self, inputs: Tensor, lengths_B: Tensor) -> Memory:
        """Return the empty memory."""
        return no_memory(len(lengths_B), inputs.device)


def no_memory(rows: int, device: torch.device) -> Memory:
    """Return a memory that says nothing."""
    return Memory(torch.zeros(rows, 1, 1, device=device), torch.ones(rows, dtype=torch.long, device=device))


@dataclass(frozen=True)
class NeuralLanguageModel:
    """A trained decoder as the search wants it (`core.beam.LanguageModel`).

    Attributes:
        decoder: The decoder, without attention.
    """

    decoder: Decoder

    def start(self, rows: int, device: torch.device) -> State:
        """Return the state before the first token."""
        return self.decoder.init(no_memory(rows, device))

    def step(self, state: State, tokens_R: Tensor) -> tuple[Tensor, State]:
        """Return log probabilities of the next token (R, V) and the new state."""
        logits_RV, state = self.decoder.step(state, tokens_R)
        return allowed(logits_RV), state


@torch.inference_mode()
def text_scores(decoder: Decoder, tokenizer: Tokenizer, texts: Sequence[str], device: torch.device) -> dict[str, float]:
    """Return how well a language model foresees texts.

    Args:
        decoder: The decoder, without attention.
        tokenizer: Its tokens.
        texts: The texts, each of which ends.
        device: Where the decoder lies.

    Returns:
        perplexity: of a token, the ends counted as tokens; bits_per_character, likewise, which models of different
        tokens can be compared by; tokens; unknown, those of them that the vocabulary lacks.
    """
    rows = sorted((tokenizer.encode(text) for text in texts), key=len)
    nats = 0.0
    for part in pack_by_length([len(row) + 1 for row in rows], len(rows), MAX_TOKENS):
        targets_BU = pad_sequence([torch.tensor(row, dtype=torch.long) for row in rows[part]], True, BLANK).to(device)
        lengths_B = torch.tensor([len(row) for row in rows[part]], device=device)
        inputs_BU, labels_BU = teacher_tokens(targets_BU, lengths_B)
        logits_BUV, _ = decoder(no_memory(len(lengths_B), device), inputs_BU)
        nats += float(cross_entropy(logits_BUV, labels_BU, 0.0).sum())
    count = sum(len(row) + 1 for row in rows)
    characters = sum(len(text) + 1 for text in texts)
    return {
        "perplexity": math.exp(min(nats / count, 700.0)),
        "bits_per_character": nats / math.log(2) / characters,
        "tokens": count,
        "unknown": sum(row.count(UNK) for row in rows),
    }


class NgramState(NamedTuple):
    """What an n-gram model knows of each row: its own states, before the last token was taken in.

    Attributes:
        states: A state for each row.
        started: Whether anything was said yet.
    """

    states: tuple[Any, ...]
    started: bool

    def select(self, rows: Tensor) -> NgramState:
        """Return the state of the given rows."""
        return NgramState(tuple(self.states[row] for row in rows.tolist()), self.started)


class NgramLanguageModel:
    """An n-gram model in ARPA form, over the tokens of the recogniser, by kenlm.

    In the file a token is written as the tokenizer shows it, a space as ▁ (so a model of characters is made from
    lines such as `g o ▁ o n`).

    Args:
        path: The file.
        tokenizer: The recogniser's.

    Raises:
        InputError: It cannot be read, or knows hardly any of the tokens.
        UsageError: kenlm is not installed.
    """

    def __init__(self, path: Path, tokenizer: Tokenizer) -> None:
        try:
            import kenlm
        except ImportError as error:
            raise UsageError(f"--decoding.lm {path}: n-grams need kenlm; pip install 'scriba[ngrams]'.") from error
        if not path.is_file():
            raise InputError(f"--decoding.lm {path}: no such file; check the path.")
        try:
            self.model = kenlm.Model(str(path))
        except OSError as error:
            raise InputError(f"{path}: is no n-gram model ({error}); make it anew.") from error
        self.make_state = kenlm.State
        pieces = [tokenizer.piece(i).replace(" ", "▁") for i in range(len(tokenizer))]
        self.pieces = [*SPECIALS[:SOS_EOS], "</s>", SPECIALS[UNK], *pieces[UNK + 1 :]]
        unknown = sum(piece not in self.model for piece in self.pieces[UNK + 1 :])
        if 2 * unknown > len(self.pieces):
            raise InputError(
                f"{path}: lacks {unknown} of the recogniser's {len(self.pieces)} tokens; train it on them."
            )

    def start(self, rows: int, device: torch.device) -> NgramState:
        """Return the state at the beginning of a text."""
        state = self.make_state()
        self.model.BeginSentenceWrite(state)
        return NgramState((state,) * rows, started=False)

    def step(self, state: NgramState, tokens_R: Tensor) -> tuple[Tensor, NgramState]:
        """Return log probabilities of the next token (R, V) and the new state."""
        states = state.states
        if state.started:
            states = tuple(self._after(s, token) for s, token in zip(states, tokens_R.tolist(), strict=True))
        known: dict[Any, list[float]] = {}
        for s in states:
            if s not in known:
                known[s] = [self.model.BaseScore(s, piece, self.make_state()) for piece in self.pieces]
        log10_RV = torch.tensor([known[s] for s in states], device=tokens_R.device)
        return log10_RV * math.log(10), NgramState(states, started=True)

    def _after(self, state: Any, token: int) -> Any:
        following = self.make_state()
        self.model.BaseScore(state, self.pieces[token], following)
        return following
