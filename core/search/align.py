"""Where the tokens of a known output lie: the most probable CTC path that says it.

Shapes: T encoder positions, V vocabulary.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby, islice, zip_longest

import torch
from torch import Tensor
from torchaudio.functional import forced_align

from scriba.core.errors import InputError
from scriba.core.model import ctc_loss, required_positions
from scriba.core.search.hypothesis import Hypothesis, Positions, TextSpan, group_words, make_tokens
from scriba.core.text import BLANK, UNK, Tokenizer, normalisation

LEFT_OUT = ("P", "Sk", "Cf", "Cc")
"""Beginnings of the categories of characters that are not said or written alone: punctuation, marks, controls."""
DASHES = frozenset("-‐‑‒–—―/")
"""What becomes a space inside a word where the model lacks it."""
CHARACTERS, WORDS = re.compile(r"[-‐-―/]+|."), re.compile(r"\w+(?:['’]\w+)*|\W+")
"""What a word is looked up by: of models whose tokens are all whole words, by the latter."""

Folded = list[tuple[str, str]]
"""Characters as the model has them, each with what people see of it."""


def align(log_probs_TV: Tensor, tokens: Sequence[int]) -> list[Positions] | None:
    """Return the positions of each token on the best path (forced alignment); None if there is no path.

    Args:
        log_probs_TV: Output of the CTC head for one input, without padding.
        tokens: The output.
    """
    if not tokens or required_positions(tokens) > len(log_probs_TV):
        return None
    path_1T, _ = forced_align(log_probs_TV[None].float().cpu(), torch.tensor([list(tokens)]), blank=BLANK)
    spans, start = [], 0
    for label, run in groupby(path_1T[0].tolist()):
        end = start + len(list(run))
        if label != BLANK:
            spans.append((start, end))
        start = end
    return spans


def align_text(
    log_probs_TV: Tensor, text: str, tokenizer: Tokenizer, position_size: float | None, name: str
) -> Hypothesis:
    """Return a known text with the places and confidences of its tokens and words.

    Args:
        log_probs_TV: Output of the CTC head for one input, without padding.
        text: What the input says. Case and quotation marks that the model lacks become others that it has, and its
            other punctuation is left out; the result has them as they were.
        tokenizer: The model's.
        position_size: Extent of one encoder position in the app's unit, or None.
        name: What messages call the input.

    Raises:
        InputError: The text is empty, has letters that the model lacks, or is too long for the input.
    """
    folded = fold(text, tokenizer, name)
    ids = tokenizer.encode("".join(character for character, _ in folded))
    spans = align(log_probs_TV, ids)
    if spans is None:
        raise InputError(
            f"{name}: the text needs {required_positions(ids)} encoder positions and the input gives "
            f"{len(log_probs_TV)}; check that they belong together."
        )
    confidences = [float(log_probs_TV[a:b, i].max().exp()) for i, (a, b) in zip(ids, spans, strict=True)]
    tokens = make_tokens([tokenizer.piece(i) for i in ids], confidences, spans, position_size)
    tokens = tuple(restored(tokens, folded))
    score = -float(ctc_loss(log_probs_TV[None], *_sizes(log_probs_TV, ids))[0])
    return Hypothesis("".join(shown for _, shown in folded), score, {"ctc": score}, tokens, group_words(tokens))


def fold(text: str, tokenizer: Tokenizer, name: str) -> Folded:
    """Return a text as the model has it, beside what it was; white space is single spaces.

    Raises:
        InputError: It has letters or digits that the model lacks, or nothing that the model knows.
    """
    spaces = [tokenizer.piece(i)[:1] == " " for i in range(UNK + 1, len(tokenizer))]
    units = WORDS if all(spaces) else CHARACTERS
    folded, before, lacking = Folded(), "", list[str]()
    for i, word in enumerate(text.split()):
        before += " " if i else ""
        for character, shown in _fold_word(word, tokenizer, units, lacking):
            if folded and not before and (not character or character == folded[-1][0] == " "):
                folded[-1] = (folded[-1][0], folded[-1][1] + shown)
                continue
            if not character:
                before += shown
                continue
            if folded and any(spaces) and before[:1] == " ":
                folded.append((" ", " "))
                before = before[1:]
            folded.append((character, before + shown))
            before = ""
    if lacking:
        shown = " ".join(map(repr, sorted(set(lacking))))
        raise InputError(f"{name}: the model has no token for {shown} of the text; leave it out.")
    if not folded:
        raise InputError(f"{name}: the text is empty, or all punctuation; give what the input says.")
    folded[-1] = (folded[-1][0], folded[-1][1] + before)
    return folded


def _fold_word(word: str, tokenizer: Tokenizer, unit: re.Pattern[str], lacking: list[str]) -> Folded:
    """Return a word as the model has it, with what is left out beside nothing; units that the model lacks are added."""

    def known(form: str) -> bool:
        return bool(form) and UNK not in tokenizer.encode(form)

    word = word if known(word) else unicodedata.normalize("NFC", word)
    folded, simplify = Folded(), normalisation("print")
    for found in (re.compile(".+") if known(word) else unit).finditer(word):
        part, around = found[0], (word[: found.start()][-1:], word[found.end() :][:1])
        forms = (form for base in (part, simplify(part)) for form in (base, base.lower(), base.upper()))
        form = next(filter(known, forms), "")
        parts = unit is WORDS or DASHES.issuperset(part)
        if not form and parts and not part.isalnum() and all(map(str.isalnum, around)) and known(" "):
            form = " "
        elif not form and not unicodedata.category(part[0]).startswith(LEFT_OUT):
            lacking.append(part)
        folded += zip_longest(form or [""], part, fillvalue="")
    return folded


def restored(tokens: Sequence[TextSpan], folded: Folded) -> Iterator[TextSpan]:
    """Yield tokens with what people see of their characters."""
    rest = (shown for _, shown in folded)
    for i, token in enumerate(tokens):
        before = " " if i == 0 and token.text[:1].isspace() else ""  # a piece that begins a word
        yield replace(token, text=before + "".join(islice(rest, len(token.text) - len(before))))


def _sizes(log_probs_TV: Tensor, ids: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
    return torch.tensor([len(log_probs_TV)]), torch.tensor([list(ids)]), torch.tensor([len(ids)])
