"""Beam search with the attention decoder, for a batch of inputs at once.

The hypotheses of all inputs are rows of one batch, so a step of the search is one step of the decoder. Nothing is
copied but the decoder's state: a hypothesis is the slot it ended in, followed back from slot to slot.

Shapes: B batch, K beam, R = B K rows, T encoder positions, U output length, V vocabulary.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from scriba.core.decoder import Decoder
from scriba.core.memory import Memory
from scriba.core.tokenizer import BLANK, SOS_EOS, UNK


class Path(NamedTuple):
    """The best output of each input, on the CPU.

    A row holds the end symbol where it ended and blanks after that, or after its length limit.

    Attributes:
        ids_BU: Tokens.
        log_probs_BU: Their log probabilities; 0 after the end.
        scores_B: What the search ranked them by.
        weights_BUT: Attention weights; None without attention.
    """

    ids_BU: Tensor
    log_probs_BU: Tensor
    scores_B: Tensor
    weights_BUT: Tensor | None


class Step(NamedTuple):
    """What one step of the search left in each slot.

    Attributes:
        tokens_BK: The token that was appended.
        log_probs_BK: Its log probability.
        parents_BK: Slot of the step before that it was appended to.
        scores_BK: Log probability of the whole output; -inf where the slot is empty.
        weights_BKT: Attention weights that it was read from; None without attention.
    """

    tokens_BK: Tensor
    log_probs_BK: Tensor
    parents_BK: Tensor
    scores_BK: Tensor
    weights_BKT: Tensor | None


def limits(memory: Memory, max_length_ratio: float) -> Tensor:
    """Return the number of tokens after which each row ends at the latest, (B,)."""
    return (memory.lengths_B * max_length_ratio).long().clamp_min(1)


def allowed(logits_BV: Tensor) -> Tensor:
    """Return log probabilities of the next token; blank and unknown, which say nothing, have none."""
    logits_BV[:, [BLANK, UNK]] = -torch.inf
    return logits_BV.log_softmax(-1)


def beam_search(
    decoder: Decoder, memory: Memory, *, beam_size: int, max_length_ratio: float = 1.0, length_penalty: float = 0.0
) -> Path:
    """Return the output with the best score, log p / length^length_penalty, that a beam finds.

    Every step keeps the K best of all continuations of an input; those that ended leave the beam. An input is done
    when K outputs have ended, or when none that goes on can become better than the best of them. A beam of 1 is the
    greedy search. What has not ended at its length limit counts as it stands.

    Args:
        decoder: The decoder.
        memory: Encoder states.
        beam_size: K.
        max_length_ratio: Tokens per encoder position at most.
        length_penalty: 0 ranks by log probability, 1 by its mean per token, the end symbol included.
    """
    batch = len(memory.lengths_B)
    device = memory.lengths_B.device
    first_B = torch.arange(batch, device=device) * beam_size
    state = decoder.init(memory).select(torch.arange(batch, device=device).repeat_interleave(beam_size))
    tokens_BK = torch.full((batch, beam_size), SOS_EOS, device=device)
    scores_BK = torch.full((batch, beam_size), -torch.inf, device=device)
    scores_BK[:, 0] = 0.0  # one hypothesis to begin with: nothing said
    best_B, ended_B = scores_BK.new_full((batch,), -torch.inf), torch.zeros_like(memory.lengths_B)
    limits_B, steps, ranks = limits(memory, max_length_ratio), list[Step](), list[Tensor]()
    for u in range(int(limits_B.max())):
        logits_RV, state = decoder.step(state, tokens_BK.flatten())
        log_probs_BKV = allowed(logits_RV).unflatten(0, (batch, beam_size))
        vocabulary = log_probs_BKV.shape[-1]
        total_BX = (scores_BK[..., None] + log_probs_BKV).flatten(1)
        scores_BK, best_BK = _best(total_BX, beam_size)
        parents_BK, tokens_BK = best_BK // vocabulary, best_BK % vocabulary
        rows_BK = first_B[:, None] + parents_BK
        gains_BK = log_probs_BKV.flatten(1).gather(1, best_BK)
        weights_RT = None if state.weights_BNT is None else state.weights_BNT.mean(1)
        weights_BKT = None if weights_RT is None else weights_RT[rows_BK]
        steps.append(Step(tokens_BK, gains_BK, parents_BK, scores_BK, weights_BKT))
        over_BK = (tokens_BK == SOS_EOS) | (limits_B[:, None] <= u + 1)
        ranks.append((scores_BK / (u + 1) ** length_penalty).masked_fill(~over_BK, -torch.inf))
        scores_BK = scores_BK.masked_fill(over_BK, -torch.inf)
        ended_B = ended_B + (ranks[-1] > -torch.inf).sum(1)
        best_B = torch.maximum(best_B, ranks[-1].amax(1))
        hope_B = scores_BK.amax(1) / limits_B**length_penalty  # log probabilities only fall, lengths only rise
        scores_BK = scores_BK.masked_fill(((ended_B >= beam_size) | (best_B >= hope_B))[:, None], -torch.inf)
        state = state.select(rows_BK.flatten())
        if u % 8 == 7 and bool((scores_BK == -torch.inf).all()):  # asking a GPU at every step would stall it
            break
    scores_B, ends_B = torch.stack(ranks, 1).flatten(1).max(1)
    return _follow(steps, scores_B, ends_B, beam_size)


def _best(total_BX: Tensor, beam_size: int) -> tuple[Tensor, Tensor]:
    """Return the K best continuations of each input and their places; empty slots where there are fewer."""
    count = min(beam_size, total_BX.shape[1])
    scores_BK, best_BK = total_BX.topk(count, dim=1)
    if count < beam_size:
        rest = (0, beam_size - count)
        scores_BK = torch.nn.functional.pad(scores_BK, rest, value=-torch.inf)
        best_BK = torch.nn.functional.pad(best_BK, rest)
    return scores_BK, best_BK


def _follow(steps: list[Step], scores_B: Tensor, ends_B: Tensor, beam_size: int) -> Path:
    """Return the outputs that end at the given places, step * K + slot, following each slot back to the start."""
    batch, length = len(ends_B), int(ends_B.max()) // beam_size + 1
    ids_BU = torch.full((batch, length), BLANK)
    log_probs_BU = torch.zeros(batch, length)
    first_BKT = steps[0].weights_BKT
    weights = None if first_BKT is None else torch.zeros(batch, length, first_BKT.shape[-1])
    slots_B = ends_B % beam_size
    rows_B = torch.arange(batch, device=ends_B.device)
    for u in reversed(range(length)):
        step = steps[u]
        inside_B = ends_B // beam_size >= u
        keep = inside_B.cpu()
        ids_BU[keep, u] = step.tokens_BK[rows_B, slots_B].cpu()[keep]
        log_probs_BU[keep, u] = step.log_probs_BK[rows_B, slots_B].float().cpu()[keep]
        if weights is not None and step.weights_BKT is not None:
            weights[keep, u] = step.weights_BKT[rows_B, slots_B].float().cpu()[keep]
        slots_B = torch.where(inside_B, step.parents_BK[rows_B, slots_B], slots_B)
    return Path(ids_BU, log_probs_BU, scores_B.cpu(), weights)
