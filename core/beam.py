"""One-pass beam search for a batch of inputs, under a joint score of attention, CTC and a language model.

    score(y) = (1 - w) log p_att(y) + w log p_ctc(y) + lm_weight log p_lm(y) + length_bonus |y| + coverage C(y)   (1)

(Hori, Watanabe & Hershey 2017; Watanabe et al. 2017). While y grows, p_ctc is the probability of everything that begins
with y (`core/prefix.py`). With w = 0 it is the beam search of the attention decoder, with w = 1 a CTC prefix beam
search. C(y) counts the positions that attention has looked at (Chorowski & Jaitly 2017, arXiv 1612.02695).

The hypotheses of all inputs are rows of one batch, so a step of the search is one step of the decoder. Nothing is
copied but the decoder's state: a hypothesis is the slot it ended in, followed back from slot to slot.

Shapes: B batch, K beam, R = B K rows, T encoder positions, U output length, V vocabulary, N results for each input.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from scriba.core.decoder import Decoder, State
from scriba.core.memory import Memory
from scriba.core.prefix import PrefixScorer, PrefixState
from scriba.core.tokenizer import BLANK, SOS_EOS, UNK

LOOKED_AT = 0.5
"""Sum of attention weights over the steps above which a position counts as covered."""


class LanguageState(Protocol):
    """State of a language model, a plain value."""

    def select(self, rows: Tensor) -> LanguageState:
        """Return the state of the given rows."""
        ...


class LanguageModel(Protocol):
    """What the search asks of a language model."""

    def start(self, rows: int, device: torch.device) -> LanguageState:
        """Return the state before the first token."""
        ...

    def step(self, state: Any, tokens_R: Tensor) -> tuple[Tensor, LanguageState]:
        """Return log probabilities of the next token (R, V) after the given one, and the new state."""
        ...


@dataclass(frozen=True)
class Rules:
    """What outputs are ranked by and how far they may go.

    Args:
        beam_size: K.
        ctc_weight: w in equation (1).
        lm_weight: Factor on the language model's log probability.
        length_bonus: Added for every token.
        length_penalty: Ended outputs are ranked by score / length^length_penalty, the end symbol included.
        coverage: Added for every position that attention has looked at.
        min_length_ratio: An output has at least so many tokens for each encoder position.
        max_length_ratio: It has at most so many, and at least one.
    """

    beam_size: int = 8
    ctc_weight: float = 0.0
    lm_weight: float = 0.0
    length_bonus: float = 0.0
    length_penalty: float = 0.0
    coverage: float = 0.0
    min_length_ratio: float = 0.0
    max_length_ratio: float = 1.0


class Scorers(NamedTuple):
    """The parts of equation (1); each may be missing if its weight is 0.

    Attributes:
        decoder: The attention decoder.
        prefix: CTC over the same memory.
        language: The language model.
    """

    decoder: Decoder | None = None
    prefix: PrefixScorer | None = None
    language: LanguageModel | None = None


class Scores(NamedTuple):
    """Log probabilities of an output, in whatever shape: of each head, and the whole of equation (1)."""

    total: Tensor
    attention: Tensor
    ctc: Tensor
    lm: Tensor


class Path(NamedTuple):
    """The best outputs of each input, best first, on the CPU.

    An output holds the end symbol where it ended, and blanks after that. Where fewer than N ended, the rank is -inf.

    Attributes:
        ids_BNU: Tokens.
        log_probs_BNU: What each added to (1 - w) log p_att + w log p_ctc; 0 after the end.
        ranks_BN: What the outputs are ranked by.
        parts: Log probabilities (B, N) by name: attention, ctc, lm, as far as they were asked.
        weights_BNUT: Attention weights; None without attention.
        agreed_BNU: Where each of two heads, asked alone what comes next, would have chosen the token; None of one head.
    """

    ids_BNU: Tensor
    log_probs_BNU: Tensor
    ranks_BN: Tensor
    parts: Mapping[str, Tensor]
    weights_BNUT: Tensor | None
    agreed_BNU: Tensor | None = None


class Step(NamedTuple):
    """What one step of the search left in each slot.

    Attributes:
        tokens_BK: The token that was appended.
        log_probs_BK: What it added, without language model and bonus.
        parents_BK: Slot of the step before that it was appended to.
        ranks_BK: What an output that ended here is ranked by; -inf where none did.
        scores_BK: The scores so far.
        weights_BKT: Attention weights that it was read from; None without attention.
        agreed_BK: Whether it is what each of two heads alone would have chosen; None of one head.
    """

    tokens_BK: Tensor
    log_probs_BK: Tensor
    parents_BK: Tensor
    ranks_BK: Tensor
    scores_BK: Scores
    weights_BKT: Tensor | None
    agreed_BK: Tensor | None


class Beam(NamedTuple):
    """The hypotheses that go on. An empty slot has a total of -inf.

    Attributes:
        tokens_BK: Last tokens.
        scores_BK: Scores so far.
        attention: State of the decoder.
        prefix: State of CTC.
        language: State of the language model.
        looked_BKT: Attention weights summed over the steps; None where coverage does not count.
    """

    tokens_BK: Tensor
    scores_BK: Scores
    attention: State | None
    prefix: PrefixState | None
    language: LanguageState | None
    looked_BKT: Tensor | None


class Look(NamedTuple):
    """What the scorers say of all next tokens of all hypotheses, (B, K, V), and the states that say so."""

    scores_BKV: Scores
    both_BKV: Tensor
    attention: State | None
    language: LanguageState | None
    looked_BKT: Tensor | None


def limits(memory: Memory, max_length_ratio: float) -> Tensor:
    """Return the number of tokens after which each row ends at the latest, (B,)."""
    return (memory.lengths_B * max_length_ratio).long().clamp_min(1)


def allowed(logits_BV: Tensor) -> Tensor:
    """Return log probabilities of the next token; blank and unknown, which say nothing, have none."""
    logits_BV[..., [BLANK, UNK]] = -torch.inf
    return logits_BV.log_softmax(-1)


class Search:
    """A beam search over one batch.

    Args:
        scorers: The parts of the score.
        memory: Encoder states.
        rules: Weights and limits.
    """

    def __init__(self, scorers: Scorers, memory: Memory, rules: Rules) -> None:
        self.scorers = scorers
        self.memory = memory
        self.rules = rules
        self.longest_B = limits(memory, rules.max_length_ratio)
        self.shortest_B = torch.minimum((memory.lengths_B * rules.min_length_ratio).long(), self.longest_B)
        self.device = memory.lengths_B.device
        self.first_B1 = torch.arange(len(memory.lengths_B), device=self.device)[:, None] * rules.beam_size

    def run(self, count: int = 1) -> Path:
        """Return the outputs that rank best, N = `count` for each input.

        Every step keeps the K best of all continuations of an input; those that ended leave the beam. At its length
        limit a hypothesis can only end. An input is done when K outputs have ended that rank above everything that goes
        on, or when nothing that goes on can become better than the N-th best of them.
        """
        beam, steps = self._start(), list[Step]()
        ended_BX = beam.scores_BK.total.new_empty(len(self.longest_B), 0)
        for u in range(int(self.longest_B.max()) + 1):
            beam, step = self._advance(beam, u)
            steps.append(step)
            ended_BX = torch.cat([ended_BX, step.ranks_BK], 1)
            going_B1 = beam.scores_BK.total.amax(1, keepdim=True) / (u + 1) ** self.rules.length_penalty
            done_B = (ended_BX > going_B1).sum(1) >= self.rules.beam_size
            if ended_BX.shape[1] >= count:
                done_B = done_B | (ended_BX.topk(count).values[:, -1] >= self._hope(beam, u + 1))
            beam = _without(beam, done_B[:, None])
            if u % 8 == 7 and bool((beam.scores_BK.total == -torch.inf).all()):  # asking at every step stalls a GPU
                break
        return self._collect(steps, ended_BX, count)

    def _start(self) -> Beam:
        batch, beam_size = len(self.longest_B), self.rules.beam_size
        zeros_BK = torch.zeros(batch, beam_size, device=self.device, dtype=torch.double)
        total_BK = zeros_BK.clone()
        total_BK[:, 1:] = -torch.inf  # one hypothesis to begin with: nothing said
        decoder, prefix, language = self.scorers
        positions = self.memory.states_BTD.shape[1]
        return Beam(
            torch.full((batch, beam_size), SOS_EOS, device=self.device),
            Scores(total_BK, zeros_BK, zeros_BK, zeros_BK),
            None if decoder is None else decoder.init(self.memory).spread(beam_size),
            None if prefix is None else prefix.start(beam_size),
            None if language is None else language.start(batch * beam_size, self.device),
            zeros_BK[..., None].repeat(1, 1, positions) if self.rules.coverage else None,
        )

    def _look(self, beam: Beam) -> Look:
        """Score every continuation by equation (1); `both` is what the two heads alone say."""
        decoder, prefix, language = self.scorers
        rules, before = self.rules, beam.scores_BK
        state, language_state, looked_BKT = None, None, None
        weight = rules.ctc_weight
        attention_BKV, ctc_BKV, language_BKV = (score_BK[..., None] for score_BK in before[1:])
        if decoder is not None and beam.attention is not None:
            logits_RV, state = decoder.step(beam.attention, beam.tokens_BK.flatten())
            attention_BKV = attention_BKV + self._unflat(allowed(logits_RV).double())
            if beam.looked_BKT is not None and state.weights_BNT is not None:
                looked_BKT = beam.looked_BKT + self._unflat(state.weights_BNT.mean(1))
        if prefix is not None and beam.prefix is not None:
            ctc_BKV = prefix.score(beam.prefix)
        if language is not None and beam.language is not None:
            log_probs_RV, language_state = language.step(beam.language, beam.tokens_BK.flatten())
            language_BKV = language_BKV + self._unflat(log_probs_RV.double())
        both_BKV = _weighted(1 - weight, attention_BKV) + _weighted(weight, ctc_BKV)
        total_BKV = both_BKV + _weighted(rules.lm_weight, language_BKV)
        scores_BKV = Scores(total_BKV, *(s.expand_as(total_BKV) for s in (attention_BKV, ctc_BKV, language_BKV)))
        return Look(scores_BKV, both_BKV.expand_as(total_BKV), state, language_state, looked_BKT)

    def _advance(self, beam: Beam, u: int) -> tuple[Beam, Step]:
        """Append token u + 1 to the hypotheses: the best continuations, and what they leave behind."""
        rules = self.rules
        look = self._look(beam)
        total_BKV = look.scores_BKV.total + u * rules.length_bonus
        total_BKV[..., [BLANK, UNK]] = -torch.inf  # which say nothing
        going_BKV = total_BKV[..., UNK + 1 :]
        going_BKV += rules.length_bonus  # the end is not counted
        going_BKV.masked_fill_((self.longest_B <= u)[:, None, None], -torch.inf)
        total_BKV[..., SOS_EOS].masked_fill_((self.shortest_B > u)[:, None], -torch.inf)
        if look.looked_BKT is not None:
            total_BKV += rules.coverage * (look.looked_BKT > LOOKED_AT).sum(-1, keepdim=True)
        total_BKV.masked_fill_((beam.scores_BK.total == -torch.inf)[..., None], -torch.inf)
        vocabulary = total_BKV.shape[-1]
        total_BK, best_BK = _best(total_BKV.flatten(1), rules.beam_size)
        parents_BK, tokens_BK = best_BK // vocabulary, best_BK % vocabulary
        parts = (part_BKV.flatten(1).gather(1, best_BK) for part_BKV in look.scores_BKV[1:])
        scores_BK = Scores(total_BK, *parts)
        before = beam.scores_BK
        both_BK = _weighted(1 - rules.ctc_weight, before.attention) + _weighted(rules.ctc_weight, before.ctc)
        gains_BK = look.both_BKV.flatten(1).gather(1, best_BK) - both_BK.gather(1, parents_BK)
        rows_R = (self.first_B1 + parents_BK).flatten()
        weights_BKT = None
        if look.attention is not None and look.attention.weights_BNT is not None:
            weights_BKT = self._unflat(look.attention.weights_BNT.mean(1)[rows_R])
        agreed_BK = None
        if look.attention is not None and self.scorers.prefix is not None:
            choices = (part_BKV.argmax(-1).gather(1, parents_BK) for part_BKV in look.scores_BKV[1:3])
            agreed_BK = torch.stack([choice_BK == tokens_BK for choice_BK in choices]).all(0)
        ended_BK = tokens_BK == SOS_EOS
        ranks_BK = (total_BK / (u + 1) ** rules.length_penalty).masked_fill(~ended_BK, -torch.inf)
        step = Step(tokens_BK, gains_BK, parents_BK, ranks_BK, scores_BK, weights_BKT, agreed_BK)
        prefix = self.scorers.prefix
        beam = Beam(
            tokens_BK,
            scores_BK,
            None if look.attention is None else look.attention.reorder(rows_R),
            None if prefix is None or beam.prefix is None else prefix.advance(beam.prefix, parents_BK, tokens_BK),
            None if look.language is None else look.language.select(rows_R),
            None if look.looked_BKT is None else self._unflat(look.looked_BKT.flatten(0, 1)[rows_R]),
        )
        return _without(beam, ended_BK), step

    def _hope(self, beam: Beam, length: int) -> Tensor:
        """Return the best rank (B,) that anything still in the beam can reach: log probabilities only fall."""
        rules, best_B = self.rules, beam.scores_BK.total.amax(1)
        best_B = best_B + max(rules.length_bonus, 0) * (self.longest_B - length)
        best_B = best_B + max(rules.coverage, 0) * self.memory.lengths_B
        longest_B, least = (self.longest_B + 1) ** rules.length_penalty, (length + 1) ** rules.length_penalty
        return torch.where(best_B < 0, best_B / longest_B, best_B / least)

    def _unflat(self, rows: Tensor) -> Tensor:
        return rows.unflatten(0, (-1, self.rules.beam_size))

    def _collect(self, steps: list[Step], ended_BX: Tensor, count: int) -> Path:
        """Follow the best outputs, which end at place X = step * K + slot, back from slot to slot."""
        ranks_BN, ends_BN = ended_BX.topk(min(count, ended_BX.shape[1]))
        parts = {}
        for name, scorer in zip(Scores._fields[1:], self.scorers, strict=True):
            if scorer is not None:
                score_BUK = torch.stack([getattr(step.scores_BK, name) for step in steps], 1)
                parts[name] = score_BUK.flatten(1).gather(1, ends_BN).cpu()
        beam_size = self.rules.beam_size
        lengths_BN, slots_BN = ends_BN // beam_size + 1, ends_BN % beam_size
        longest = int(lengths_BN.max())
        ids, log_probs, weights, agreed = [], [], [], []
        for u in reversed(range(longest)):
            step, beyond_BN = steps[u], lengths_BN <= u
            ids.append(step.tokens_BK.gather(1, slots_BN).masked_fill(beyond_BN, BLANK))
            log_probs.append(step.log_probs_BK.gather(1, slots_BN).masked_fill(beyond_BN, 0.0))
            if step.agreed_BK is not None:
                agreed.append(step.agreed_BK.gather(1, slots_BN) | beyond_BN)
            if step.weights_BKT is not None:
                index_BNT = slots_BN[..., None].expand(-1, -1, step.weights_BKT.shape[-1])
                weights.append(step.weights_BKT.gather(1, index_BNT).masked_fill(beyond_BN[..., None], 0.0))
            slots_BN = torch.where(beyond_BN, slots_BN, step.parents_BK.gather(1, slots_BN))
        weights_BNUT = torch.stack(weights[::-1], 2).float().cpu() if weights else None
        ids_BNU, log_probs_BNU = torch.stack(ids[::-1], 2).cpu(), torch.stack(log_probs[::-1], 2).float().cpu()
        agreed_BNU = torch.stack(agreed[::-1], 2).cpu() if agreed else None
        return Path(ids_BNU, log_probs_BNU, ranks_BN.cpu(), parts, weights_BNUT, agreed_BNU)


def _weighted(weight: float, score: Tensor) -> Tensor:
    """Return weight * score, where 0 * -inf is 0: what does not count cannot forbid."""
    return weight * score if weight else torch.zeros_like(score)


def _without(beam: Beam, gone_BK: Tensor) -> Beam:
    """Return the beam with some slots emptied."""
    total_BK = beam.scores_BK.total.masked_fill(gone_BK, -torch.inf)
    return beam._replace(scores_BK=beam.scores_BK._replace(total=total_BK))


def _best(total_BX: Tensor, beam_size: int) -> tuple[Tensor, Tensor]:
    """Return the K best continuations of each input and their places; empty slots where there are fewer."""
    count = min(beam_size, total_BX.shape[1])
    scores_BK, best_BK = total_BX.topk(count, dim=1)
    rest = (0, beam_size - count)
    return F.pad(scores_BK, rest, value=-torch.inf), F.pad(best_BK, rest)
