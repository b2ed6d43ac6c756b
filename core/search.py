"""Decoding: from a batch of inputs to hypotheses, greedily from either head.

Shapes: B batch, T encoder positions, U output length, V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from scriba.core.ctc import greedy_path
from scriba.core.decoder import Decoder
from scriba.core.errors import UsageError
from scriba.core.hypothesis import Hypothesis, group_words, make_units
from scriba.core.memory import Memory
from scriba.core.model import Seq2Seq
from scriba.core.tokenizer import BLANK, SOS_EOS, UNK, Tokenizer

Method = Literal["attention", "ctc"]


@dataclass(frozen=True)
class DecodingConfig:
    """How text is found.

    Args:
        method: Head that is decoded: attention or ctc.
        max_length_ratio: The attention head stops after this many tokens per encoder position.
    """

    method: Method = "ctc"
    max_length_ratio: float = 1.0


def available_methods(model: Seq2Seq) -> tuple[Method, ...]:
    """Return the methods for which the model has a head."""
    ctc: tuple[Method, ...] = ("ctc",) if model.ctc is not None else ()
    attention: tuple[Method, ...] = ("attention",) if model.decoder is not None else ()
    return ctc + attention


def decode(
    model: Seq2Seq,
    memory: Memory,
    tokenizer: Tokenizer,
    config: DecodingConfig,
    position_size: float | None = None,
    keep_attention: bool = False,
) -> list[Hypothesis]:
    """Decode an encoded batch.

    Args:
        model: The model whose `encode` made the memory.
        memory: Encoder states.
        tokenizer: Turns ids into text.
        config: Method and limits.
        position_size: Extent of one encoder position in the app's unit (seconds, pixels), or None.
        keep_attention: Put the attention weights into the hypotheses (attention only).

    Raises:
        UsageError: The model has no such head.
    """
    if config.method not in available_methods(model):
        raise UsageError(
            f"--decoding.method {config.method}: this model has no such head; "
            f"use {' or '.join(available_methods(model))}."
        )
    if config.method == "ctc":
        assert model.ctc is not None
        return decode_ctc(model.ctc(memory), memory.lengths_B, tokenizer, position_size)
    assert model.decoder is not None
    return decode_attention(model.decoder, memory, tokenizer, config.max_length_ratio, position_size, keep_attention)


def decode_ctc(
    log_probs_BTV: Tensor, lengths_B: Tensor, tokenizer: Tokenizer, position_size: float | None = None
) -> list[Hypothesis]:
    """Collapse the best CTC path of each row; its score is the log probability of that one path."""
    path_scores_BT = log_probs_BTV.max(-1).values.cumsum(1)
    scores = path_scores_BT[torch.arange(len(lengths_B), device=lengths_B.device), lengths_B - 1].tolist()
    hypotheses = []
    for path, score in zip(greedy_path(log_probs_BTV, lengths_B), scores, strict=True):
        spikes = [spike for spike in path if spike.token not in (SOS_EOS, UNK)]  # they give no text
        tokens = make_units(
            [tokenizer.piece(spike.token) for spike in spikes],
            [spike.probability for spike in spikes],
            [(spike.start, spike.end) for spike in spikes],
            position_size,
        )
        text = tokenizer.decode([spike.token for spike in spikes])
        hypotheses.append(Hypothesis(text, score, {"ctc": score}, tokens, group_words(tokens)))
    return hypotheses


def decode_attention(
    decoder: Decoder,
    memory: Memory,
    tokenizer: Tokenizer,
    max_length_ratio: float = 1.0,
    position_size: float | None = None,
    keep_attention: bool = False,
) -> list[Hypothesis]:
    """Take the most probable token at every step until the end symbol.

    A row ends at the latest after `max_length_ratio` tokens per encoder position, so that attention that
    loops on noise or silence cannot run away. A token's place is the position it looked at most.
    """
    ids_BU, log_probs_BU, weights_BUT = greedy_attention(decoder, memory, max_length_ratio)
    hypotheses = []
    for b, ids in enumerate(ids_BU.tolist()):
        ended = SOS_EOS in ids
        length = ids.index(SOS_EOS) if ended else ids.index(BLANK) if BLANK in ids else len(ids)
        log_probs = log_probs_BU[b, : length + ended]
        confidences = log_probs[:length].exp().tolist()
        spans, attention = None, None
        if weights_BUT is not None:
            weights_UT = weights_BUT[b, :length, : int(memory.lengths_B[b])]
            spans = [(t, t + 1) for t in weights_UT.argmax(-1).tolist()]
            attention = tuple(map(tuple, weights_UT.tolist())) if keep_attention else None
        pieces = [tokenizer.piece(i) for i in ids[:length]]
        tokens = make_units(pieces, confidences, spans, position_size)
        score = float(log_probs.sum())
        text = tokenizer.decode(ids[:length])
        hypotheses.append(Hypothesis(text, score, {"attention": score}, tokens, group_words(tokens), attention))
    return hypotheses


def greedy_attention(decoder: Decoder, memory: Memory, max_length_ratio: float) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return ids (B, U), their log probabilities (B, U) and attention weights (B, U, T), on the CPU.

    A row holds the end symbol where it ended and blanks after that, or after its length limit.
    """
    limits_B = (memory.lengths_B * max_length_ratio).long().clamp_min(1)
    state = decoder.init(memory)
    tokens_B = torch.full_like(memory.lengths_B, SOS_EOS)
    done_B = torch.zeros_like(memory.lengths_B, dtype=torch.bool)
    ids, scores, weights = [], [], []
    for step in range(int(limits_B.max())):
        logits_BV, state = decoder.step(state, tokens_B)
        logits_BV[:, [BLANK, UNK]] = -torch.inf
        score_B, tokens_B = logits_BV.log_softmax(-1).max(-1)
        done_B = done_B | (step >= limits_B)
        ids.append(tokens_B.masked_fill(done_B, BLANK))
        scores.append(score_B.masked_fill(done_B, 0.0))
        if state.weights_BNT is not None:
            weights.append(state.weights_BNT.mean(1))
        done_B = done_B | (tokens_B == SOS_EOS)
        if step % 8 == 7 and bool(done_B.all()):  # asking a GPU at every step would stall it
            break
    weights_BUT = torch.stack(weights, 1).cpu() if weights else None
    return torch.stack(ids, 1).cpu(), torch.stack(scores, 1).cpu(), weights_BUT
