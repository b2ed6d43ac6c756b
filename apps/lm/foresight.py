"""How well a language model foresees texts.

Shapes: B batch, U target length, V vocabulary.
"""

import math
from collections.abc import Sequence

import torch
from torch.nn.utils.rnn import pad_sequence

from scriba.core.data import pack_by_length
from scriba.core.example import Example
from scriba.core.model import cross_entropy, no_memory, teacher_tokens
from scriba.core.recogniser import Recogniser
from scriba.core.scores import Scores
from scriba.core.text import BLANK, UNK
from scriba.core.training import all_texts

MAX_TOKENS = 8192
"""Tokens that are scored together, padding included."""


def foresight(recogniser: Recogniser, examples: Sequence[Example], scores: Scores, batch_size: int) -> dict[str, float]:
    """Return how well a model without input foresees the texts of examples; nothing without examples."""
    texts = all_texts(examples)
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
