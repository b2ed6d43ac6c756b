"""One-pass beam search for a batch of inputs, under a weighted sum of scores.

    score(y) = sum_i w_i log p_i(y) + length_bonus |y| + coverage C(y)                                              (1)

With attention and CTC as the parts i it is the joint search of Hori, Watanabe & Hershey 2017 and Watanabe et al. 2017;
with attention alone the beam search of the attention decoder, with CTC alone a prefix beam search; a language model is
one part more. Parts are `Scorer`s, each of which says what a token adds (`core/search/scorer.py`). C(y) counts the
positions that attention has looked at (Chorowski & Jaitly 2017, arXiv 1612.02695).

The hypotheses of all inputs are rows of one batch, so a step of the search is one step of the decoder. Nothing is
copied but the states of the parts: a hypothesis is the slot it ended in, followed back from slot to slot.

Shapes: S parts of the score, B batch, K beam, T encoder positions, U output length, V vocabulary, N results for each
input.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from scriba.core.model import Memory
from scriba.core.search.config import DecodingConfig
from scriba.core.search.outputs import Outputs, limits
from scriba.core.search.scorer import Scored, Weighted, rows_of
from scriba.core.text import BLANK, SOS_EOS, UNK

LOOKED_AT = 0.5
"""Sum of attention weights over the steps above which a position counts as covered."""


class Beam(NamedTuple):
    """The hypotheses that go on. An empty slot has a total of -inf.

    Attributes:
        tokens_BK: Last tokens.
        total_BK: Scores so far, equation (1).
        parts_SBK: Their parts, not weighted.
        states: State of each part.
        looked_BKT: Attention weights summed over the steps; None where coverage does not count.
    """

    tokens_BK: Tensor
    total_BK: Tensor
    parts_SBK: Tensor
    states: tuple[Any, ...]
    looked_BKT: Tensor | None

    def without(self, gone_BK: Tensor) -> Beam:
        """Return the beam with some slots emptied."""
        return self._replace(total_BK=self.total_BK.masked_fill(gone_BK, -torch.inf))


class Step(NamedTuple):
    """What one step of the search left in each slot.

    Attributes:
        tokens_BK: The token that was appended.
        log_probs_BK: What it added by the parts that heard the input.
        parents_BK: Slot of the step before that it was appended to.
        ranks_BK: What an output that ended here is ranked by; -inf where none did.
        parts_SBK: The parts of the score so far.
        weights_BKT: Attention weights that it was read from; None without attention.
        agreed_BK: Whether it is what each of two heads alone would have chosen; None of one head.
    """

    tokens_BK: Tensor
    log_probs_BK: Tensor
    parents_BK: Tensor
    ranks_BK: Tensor
    parts_SBK: Tensor
    weights_BKT: Tensor | None
    agreed_BK: Tensor | None


class BeamSearch:
    """A beam search over one batch.

    Args:
        parts: The parts of the score and their weights.
        memory: Encoder states, which tell how long outputs may be.
        options: Beam size, bonuses and limits.
    """

    def __init__(self, parts: Sequence[Weighted], memory: Memory, options: DecodingConfig) -> None:
        self.parts = parts
        self.heads = [i for i, part in enumerate(parts) if part.scorer.of_input]
        self.memory = memory
        self.options = options
        self.longest_B = limits(memory, options.max_length_ratio)
        self.shortest_B = torch.minimum((memory.lengths_B * options.min_length_ratio).long(), self.longest_B)
        self.device = memory.lengths_B.device

    def run(self, count: int = 1) -> Outputs:
        """Return the outputs that rank best, N = `count` for each input.

        Every step keeps the K best of all continuations of an input; those that ended leave the beam. At its length
        limit a hypothesis can only end. An input is done when K outputs have ended that rank above everything that goes
        on, or when nothing that goes on can become better than the N-th best of them.
        """
        beam, steps = self._start(), list[Step]()
        ended_BX = beam.total_BK.new_empty(len(self.longest_B), 0)
        for u in range(int(self.longest_B.max()) + 1):
            beam, step = self._advance(beam, u)
            steps.append(step)
            ended_BX = torch.cat([ended_BX, step.ranks_BK], 1)
            going_B1 = beam.total_BK.amax(1, keepdim=True) / (u + 1) ** self.options.length_penalty
            done_B = (ended_BX > going_B1).sum(1) >= self.options.beam_size
            if ended_BX.shape[1] >= count:
                done_B = done_B | (ended_BX.topk(count).values[:, -1] >= self._hope(beam, u + 1))
            beam = beam.without(done_B[:, None])
            if u % 8 == 7 and bool((beam.total_BK == -torch.inf).all()):  # asking at every step stalls a GPU
                break
        return self._collect(steps, ended_BX, count)

    def _start(self) -> Beam:
        batch, beam_size = len(self.longest_B), self.options.beam_size
        total_BK = torch.zeros(batch, beam_size, device=self.device, dtype=torch.double)
        total_BK[:, 1:] = -torch.inf  # one hypothesis to begin with: nothing said
        return Beam(
            torch.full((batch, beam_size), SOS_EOS, device=self.device),
            total_BK,
            total_BK.new_zeros(len(self.parts), batch, beam_size),
            tuple(part.scorer.start(batch, beam_size, self.device) for part in self.parts),
            total_BK.new_zeros(batch, beam_size, self.memory.states_BTD.shape[1]) if self.options.coverage else None,
        )

    def _sum(self, parts: Sequence[Tensor], which: Sequence[int]) -> Tensor:
        """Return the weighted sum of some parts."""
        return sum((_weighted(self.parts[i].weight, parts[i]) for i in which), torch.zeros_like(parts[0]))

    def _advance(self, beam: Beam, u: int) -> tuple[Beam, Step]:
        """Append token u + 1 to the hypotheses: the best continuations, and what they leave behind."""
        scored = [part.scorer.score(state, beam.tokens_BK) for part, state in zip(self.parts, beam.states, strict=True)]
        parts = [before_BK[..., None] + s.gains_BKV for before_BK, s in zip(beam.parts_SBK, scored, strict=True)]
        looked_BKT = next((s.looked_BKT for s in scored if s.looked_BKT is not None), None)
        covered_BKT = beam.looked_BKT
        if covered_BKT is not None and looked_BKT is not None:
            covered_BKT = covered_BKT + looked_BKT
        extra_BKV = self._extras(beam, covered_BKT, u, parts[0].shape[-1])
        total_BKV = self._sum(parts, range(len(parts))) + extra_BKV
        total_BKV.masked_fill_(extra_BKV == -torch.inf, -torch.inf)  # whatever a negative weight makes of -inf
        total_BK, best_BK = _best(total_BKV.flatten(1), self.options.beam_size)
        parents_BK, tokens_BK = best_BK // total_BKV.shape[-1], best_BK % total_BKV.shape[-1]
        parts_SBK = torch.stack([part_BKV.flatten(1).gather(1, best_BK) for part_BKV in parts])
        ended_BK = tokens_BK == SOS_EOS
        ranks_BK = (total_BK / (u + 1) ** self.options.length_penalty).masked_fill(~ended_BK, -torch.inf)
        heard_BKV = self._sum(parts, self.heads)
        heard_BK = heard_BKV.flatten(1).gather(1, best_BK)
        gains_BK = heard_BK - self._sum(list(beam.parts_SBK), self.heads).gather(1, parents_BK)
        rows = rows_of(parents_BK)
        step = Step(
            tokens_BK,
            gains_BK,
            parents_BK,
            ranks_BK,
            parts_SBK,
            None if looked_BKT is None else looked_BKT.flatten(0, 1)[rows].view_as(looked_BKT),
            self._agreed([scored[i] for i in self.heads], parents_BK, tokens_BK),
        )
        states = (
            part.scorer.advance(s.state, parents_BK, tokens_BK) for part, s in zip(self.parts, scored, strict=True)
        )
        if covered_BKT is not None:
            covered_BKT = covered_BKT.flatten(0, 1)[rows].view_as(covered_BKT)
        return Beam(tokens_BK, total_BK, parts_SBK, tuple(states), covered_BKT).without(ended_BK), step

    def _extras(self, beam: Beam, covered_BKT: Tensor | None, u: int, vocabulary: int) -> Tensor:
        """Return what equation (1) has beside its parts, (B, K, V); -inf where a token may not come next."""
        bonus = self.options.length_bonus
        extra_BKV = beam.total_BK.new_full((*beam.total_BK.shape, vocabulary), u * bonus)
        extra_BKV[..., [BLANK, UNK]] = -torch.inf  # which say nothing
        going_BKV = extra_BKV[..., UNK + 1 :]
        going_BKV += bonus  # the end is not counted
        going_BKV.masked_fill_((self.longest_B <= u)[:, None, None], -torch.inf)
        extra_BKV[..., SOS_EOS].masked_fill_((self.shortest_B > u)[:, None], -torch.inf)
        if covered_BKT is not None:
            extra_BKV += self.options.coverage * (covered_BKT > LOOKED_AT).sum(-1, keepdim=True)
        return extra_BKV.masked_fill_((beam.total_BK == -torch.inf)[..., None], -torch.inf)

    def _agreed(self, heads: Sequence[Scored], parents_BK: Tensor, tokens_BK: Tensor) -> Tensor | None:
        """Return where each of several heads, asked alone, would have chosen the token."""
        if len(heads) < 2:
            return None
        choices = (scored.gains_BKV.argmax(-1).gather(1, parents_BK) for scored in heads)
        return torch.stack([choice_BK == tokens_BK for choice_BK in choices]).all(0)

    def _hope(self, beam: Beam, length: int) -> Tensor:
        """Return the best rank (B,) that anything still in the beam can reach, if its score can only fall."""
        options, best_B = self.options, beam.total_BK.amax(1)
        if any(weight < 0 or not scorer.only_falls for weight, scorer in self.parts):
            return torch.full_like(best_B, torch.inf)
        best_B = best_B + max(options.length_bonus, 0) * (self.longest_B - length)
        best_B = best_B + max(options.coverage, 0) * self.memory.lengths_B
        longest_B, least = (self.longest_B + 1) ** options.length_penalty, (length + 1) ** options.length_penalty
        return torch.where(best_B < 0, best_B / longest_B, best_B / least)

    def _collect(self, steps: list[Step], ended_BX: Tensor, count: int) -> Outputs:
        """Follow the best outputs, which end at place X = step * K + slot, back from slot to slot."""
        ranks_BN, ends_BN = ended_BX.topk(min(count, ended_BX.shape[1]))
        parts = {}
        for i, (_, scorer) in enumerate(self.parts):
            score_BUK = torch.stack([step.parts_SBK[i] for step in steps], 1)
            parts[scorer.name] = score_BUK.flatten(1).gather(1, ends_BN).cpu()
        beam_size = self.options.beam_size
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
        return Outputs(ids_BNU, log_probs_BNU, ranks_BN.cpu(), parts, weights_BNUT, agreed_BNU)


def _weighted(weight: float, score: Tensor) -> Tensor:
    """Return weight * score, where 0 * -inf is 0: what does not count cannot forbid."""
    return weight * score if weight else torch.zeros_like(score)


def _best(total_BX: Tensor, beam_size: int) -> tuple[Tensor, Tensor]:
    """Return the K best continuations of each input and their places; empty slots where there are fewer."""
    count = min(beam_size, total_BX.shape[1])
    scores_BK, best_BK = total_BX.topk(count, dim=1)
    rest = (0, beam_size - count)
    return F.pad(scores_BK, rest, value=-torch.inf), F.pad(best_BK, rest)
