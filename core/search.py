"""Decoding: from a batch of inputs to hypotheses, from either head.

Shapes: B batch, T encoder positions, U output length, V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from scriba.core.beam import Path, allowed, beam_search, limits
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
        beam_size: Hypotheses the attention head follows at a time; 1 is greedy.
        length_penalty: With a beam, rank by log probability divided by the length to this power.
    """

    method: Method = "ctc"
    max_length_ratio: float = 1.0
    beam_size: int = 1
    length_penalty: float = 0.0


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
        UsageError: The model has no such head, or the beam no size.
    """
    if config.beam_size < 1:
        raise UsageError(f"--decoding.beam_size {config.beam_size}: give 1 or more.")
    if config.method not in available_methods(model):
        raise UsageError(
            f"--decoding.method {config.method}: this model has no such head; "
            f"use {' or '.join(available_methods(model))}."
        )
    if config.method == "ctc":
        assert model.ctc is not None
        return decode_ctc(model.ctc(memory), memory.lengths_B, tokenizer, position_size)
    assert model.decoder is not None
    path = search_attention(model.decoder, memory, config)
    return read_path(path, memory, tokenizer, position_size, keep_attention)


def decode_ctc(
    log_probs_BTV: Tensor, lengths_B: Tensor, tokenizer: Tokenizer, position_size: float | None = None
) -> list[Hypothesis]:
    """Collapse the best CTC path of each row; its score is the log probability of that one path."""
    hypotheses = []
    for path in greedy_path(log_probs_BTV, lengths_B):
        spikes = [spike for spike in path.spikes if spike.token not in (SOS_EOS, UNK)]  # they give no text
        tokens = make_units(
            [tokenizer.piece(spike.token) for spike in spikes],
            [spike.probability for spike in spikes],
            [(spike.start, spike.end) for spike in spikes],
            position_size,
        )
        text = tokenizer.decode([spike.token for spike in spikes])
        scores = {"ctc": path.log_prob}
        hypotheses.append(Hypothesis(text, path.log_prob, scores, tokens, group_words(tokens)))
    return hypotheses


def search_attention(decoder: Decoder, memory: Memory, config: DecodingConfig) -> Path:
    """Return the best output of each row that the configured search finds."""
    if config.beam_size == 1:
        return greedy_search(decoder, memory, config.max_length_ratio)
    return beam_search(
        decoder,
        memory,
        beam_size=config.beam_size,
        max_length_ratio=config.max_length_ratio,
        length_penalty=config.length_penalty,
    )


def read_path(
    path: Path,
    memory: Memory,
    tokenizer: Tokenizer,
    position_size: float | None = None,
    keep_attention: bool = False,
) -> list[Hypothesis]:
    """Return what the outputs of an attention head say; a token's place is the position it looked at most."""
    ids_BU, log_probs_BU, scores_B, weights_BUT = path
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
        scores = {"attention": float(log_probs.sum())}
        text = tokenizer.decode(ids[:length])
        hypotheses.append(Hypothesis(text, float(scores_B[b]), scores, tokens, group_words(tokens), attention))
    return hypotheses


def greedy_search(decoder: Decoder, memory: Memory, max_length_ratio: float = 1.0) -> Path:
    """Take the most probable token at every step until the end symbol.

    A row ends at the latest after `max_length_ratio` tokens per encoder position, so that attention that
    loops on noise or silence cannot run away.
    """
    limits_B = limits(memory, max_length_ratio)
    state = decoder.init(memory)
    tokens_B = torch.full_like(memory.lengths_B, SOS_EOS)
    done_B = torch.zeros_like(memory.lengths_B, dtype=torch.bool)
    ids, scores, weights = [], [], []
    for step in range(int(limits_B.max())):
        logits_BV, state = decoder.step(state, tokens_B)
        score_B, tokens_B = allowed(logits_BV).max(-1)
        done_B = done_B | (step >= limits_B)
        ids.append(tokens_B.masked_fill(done_B, BLANK))
        scores.append(score_B.masked_fill(done_B, 0.0))
        if state.weights_BNT is not None:
            weights.append(state.weights_BNT.mean(1))
        done_B = done_B | (tokens_B == SOS_EOS)
        if step % 8 == 7 and bool(done_B.all()):  # asking a GPU at every step would stall it
            break
    weights_BUT = torch.stack(weights, 1).cpu() if weights else None
    log_probs_BU = torch.stack(scores, 1).cpu()
    return Path(torch.stack(ids, 1).cpu(), log_probs_BU, log_probs_BU.sum(1), weights_BUT)
