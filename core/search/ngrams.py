"""N-gram language models for the search: what is likely to be said at all, whatever the input.

A neural one is a decoder without a memory (`DecoderScorer`); both are a part of the score (shallow fusion, Gulcehre et
al. 2015, arXiv 1503.03535).

Shapes: B batch, K beam, R = B K rows, V vocabulary.
"""

import math
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from scriba.core.errors import InputError, UsageError
from scriba.core.files import opened
from scriba.core.search.scorer import Scored, rows_of
from scriba.core.text import SOS_EOS, SPECIALS, UNK, Tokenizer


class NgramState(NamedTuple):
    """What an n-gram model knows of each row: its own states, before the last token was taken in.

    Attributes:
        states: A state for each row.
        started: Whether anything was said yet.
    """

    states: tuple[Any, ...]
    started: bool


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

    name = "lm"
    of_input = False
    only_falls = True

    def __init__(self, path: Path, tokenizer: Tokenizer) -> None:
        try:
            import kenlm
        except ImportError as error:
            raise UsageError(f"--decoding.lm {path}: n-grams need kenlm; pip install 'scriba[ngrams]'.") from error
        with opened(path, f"--decoding.lm {path}"):
            pass  # what cannot be opened is told in a sentence
        try:
            self.model = kenlm.Model(str(path))
        except (OSError, UnicodeError, RuntimeError) as error:
            raise InputError(f"{path}: is no n-gram model ({error}); make it anew.") from error
        self.make_state = kenlm.State
        pieces = [tokenizer.piece(i).replace(" ", "▁") for i in range(len(tokenizer))]
        self.pieces = [*SPECIALS[:SOS_EOS], "</s>", SPECIALS[UNK], *pieces[UNK + 1 :]]
        unknown = sum(piece not in self.model for piece in self.pieces[UNK + 1 :])
        if 2 * unknown > len(self.pieces):
            raise InputError(
                f"{path}: lacks {unknown} of the recogniser's {len(self.pieces)} tokens; train it on them."
            )

    def start(self, batch: int, beam_size: int, device: torch.device) -> NgramState:
        """Return the state at the beginning of a text."""
        state = self.make_state()
        self.model.BeginSentenceWrite(state)
        return NgramState((state,) * (batch * beam_size), started=False)

    def score(self, state: NgramState, tokens_BK: Tensor) -> Scored:
        """Return log probabilities of the next token and the new state."""
        states = state.states
        if state.started:
            last = tokens_BK.flatten().tolist()
            states = tuple(self._after(s, token) for s, token in zip(states, last, strict=True))
        known: dict[Any, list[float]] = {}
        for s in states:
            if s not in known:
                known[s] = [self.model.BaseScore(s, piece, self.make_state()) for piece in self.pieces]
        log10_RV = torch.tensor([known[s] for s in states], dtype=torch.double, device=tokens_BK.device)
        gains_BKV = (log10_RV * math.log(10)).unflatten(0, tokens_BK.shape)
        return Scored(gains_BKV, NgramState(states, started=True))

    def advance(self, state: NgramState, parents_BK: Tensor, tokens_BK: Tensor) -> NgramState:
        """Return the state of chosen continuations."""
        return NgramState(tuple(state.states[row] for row in rows_of(parents_BK).tolist()), state.started)

    def _after(self, state: Any, token: int) -> Any:
        following = self.make_state()
        self.model.BaseScore(state, self.pieces[token], following)
        return following
