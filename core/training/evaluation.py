"""Scoring a model: each head on examples, in training and in `eval` alike; and how well a model foresees texts.

Shapes: B batch, U target length, V vocabulary.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch.nn.utils.rnn import pad_sequence

from scriba.core.data import pack_by_length
from scriba.core.example import Example, map_target
from scriba.core.model import cross_entropy, no_memory, teacher_tokens
from scriba.core.recogniser import Recogniser, Result
from scriba.core.scores import Scores
from scriba.core.search import Method
from scriba.core.text import BLANK, UNK

MAX_TOKENS = 8192
"""Tokens that are scored together, padding included."""


@dataclass(frozen=True)
class Scored:
    """What was recognised, beside what was to be.

    Attributes:
        results: Results of examples that could be read.
        references: Their texts, normalised.
        texts: What was recognised, normalised.
        scores: The scores.
    """

    results: Sequence[Result]
    references: Sequence[str | tuple[str, ...]]
    texts: Sequence[str]
    scores: Mapping[str, float]


def score_results(
    results: Sequence[Result], method: Method, scores: Scores, simplify: Callable[[str], str] = str
) -> Scored:
    """Score the results of a method; what could not be read is left out.

    Args:
        results: The results.
        method: Head that was decoded, or joint for both.
        scores: How they are scored.
        simplify: Normalisation of both texts.
    """
    usable = [result for result in results if result.error is None]
    references = [map_target(simplify, result.example.target) for result in usable]
    texts = [simplify(result.hypotheses[method].text) for result in usable]
    return Scored(usable, references, texts, scores.score(references, texts) if usable else {})


def methods_of(recogniser: Recogniser) -> tuple[Method, ...]:
    """Return what is scored: each head, and what is decoded if that is neither."""
    return tuple(dict.fromkeys((*recogniser.model.heads, recogniser.decoding.method)))


def score_heads(
    recogniser: Recogniser, examples: Sequence[Example], scores: Scores, batch_size: int
) -> dict[str, float]:
    """Return the scores that are shown of each method, named method_score; nothing without examples."""
    methods = methods_of(recogniser)
    results = list(recogniser.run(examples, methods=methods, batch_size=max(batch_size, 16)))
    found: dict[str, float] = {}
    for method in methods if examples else ():
        rates = score_results(results, method, scores).scores
        found |= {f"{method}_{name}": rates[name] for name in scores.shown}
    return found


def foresight(recogniser: Recogniser, examples: Sequence[Example], scores: Scores, batch_size: int) -> dict[str, float]:
    """Return how well a model without input foresees the texts of examples; nothing without examples."""
    texts = [text for example in examples for text in example.texts]
    return text_scores(recogniser, texts) if texts else {}


@torch.inference_mode()
def text_scores(recogniser: Recogniser, texts: Sequence[str]) -> dict[str, float]:
    """Return how well a model without input foresees texts.

    Args:
        recogniser: The model, a decoder without attention, with its tokens.
        texts: The texts, each of which ends.

    Returns:
        perplexity: of a token, the ends counted as tokens; bits_per_character, likewise, which models of different
        tokens can be compared by; tokens; unknown, those of them that the vocabulary lacks.
    """
    decoder, device = recogniser.model.decoder, recogniser.device
    assert decoder is not None
    rows = sorted((recogniser.tokenizer.encode(text) for text in texts), key=len)
    nats = 0.0
    for part in pack_by_length([len(row) + 1 for row in rows], len(rows), MAX_TOKENS):
        targets_BU = pad_sequence([torch.tensor(row, dtype=torch.long) for row in rows[part]], True, BLANK).to(device)
        lengths_B = torch.tensor([len(row) for row in rows[part]], device=device)
        inputs_BU, labels_BU = teacher_tokens(targets_BU, lengths_B)
        logits_BUV = decoder.trace(no_memory(len(lengths_B), device), inputs_BU).logits_BUV
        nats += float(cross_entropy(logits_BUV, labels_BU, 0.0).sum())
    count = sum(len(row) + 1 for row in rows)
    characters = sum(len(text) + 1 for text in texts)
    return {
        "perplexity": math.exp(min(nats / count, 700.0)),
        "bits_per_character": nats / math.log(2) / characters,
        "tokens": count,
        "unknown": sum(row.count(UNK) for row in rows),
    }


def main_score(found: Mapping[str, float], recogniser: Recogniser, scores: Scores) -> float:
    """Return the score that chooses the best weights: of the method that is decoded, if methods are told apart."""
    name = scores.shown[0]
    return found[name] if name in found else found[f"{recogniser.decoding.method}_{name}"]
