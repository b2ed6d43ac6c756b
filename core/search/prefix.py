"""CTC prefix scores: what the CTC head thinks of outputs that grow a token at a time (Watanabe et al. 2017).

With r^n_t(g) and r^b_t(g) the probabilities of all paths over the first t positions that say g and end in its last
label or in blank, a prefix g followed by the token c has the probability

    psi(g c) = sum_t phi_{t-1}(g, c) p_t(c)                                              (1)
    phi_t(g, c) = r^b_t(g) + (0 if c is the last label of g else r^n_t(g))               (2)
    r^n_t(g c) = p_t(c) (r^n_{t-1}(g c) + phi_{t-1}(g, c))                               (3)
    r^b_t(g c) = p_t(blank) (r^b_{t-1}(g c) + r^n_{t-1}(g c))                            (4)

(1) needs r of g alone, so that all tokens after all hypotheses are scored by one matrix product; r grows only for the
few that the search keeps. (3) and (4) are sums of products, r_t = sum_s in_s exp(S_t - S_s) with S the cumulated log
probabilities, hence one `logcumsumexp` each: there is no loop over T. Differences of S need float64, which costs
nothing beside the decoder.

Shapes: B batch, K beam, R = B K rows, T encoder positions, V vocabulary.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from scriba.core.model import mask_from_lengths
from scriba.core.search.scorer import Scored
from scriba.core.text import BLANK, SOS_EOS, UNK

NEVER = -1e4
"""Least log probability of a label at a position: sums of it stay finite."""
LEAST_SHARE = 1e-280
"""Probabilities beside the most probable start, below which float64 begins to lose digits."""


class PrefixState(NamedTuple):
    """What is known of each hypothesis; t runs from 0, before the first position, to T.

    Attributes:
        labels_BKS: log r^n_t, S = T + 1.
        blanks_BKS: log r^b_t.
        last_BK: The last label; SOS_EOS of an empty hypothesis.
        so_far_BK: log psi of the hypothesis.
        next_BKV: log psi of its continuations, once they are scored.
    """

    labels_BKS: Tensor
    blanks_BKS: Tensor
    last_BK: Tensor
    so_far_BK: Tensor
    next_BKV: Tensor | None = None


class PrefixScorer:
    """CTC as a part of a search: a `Scorer` of all continuations of the hypotheses of a batch.

    Args:
        log_probs_BTV: From the CTC head.
        lengths_B: Valid positions.
    """

    name = "ctc"
    of_input = True
    only_falls = True

    def __init__(self, log_probs_BTV: Tensor, lengths_B: Tensor) -> None:
        self.lengths_B = lengths_B
        valid_BT = mask_from_lengths(lengths_B, log_probs_BTV.shape[1])
        log_probs_BTV = log_probs_BTV.double().clamp_min(NEVER)
        self.log_probs_BVT = log_probs_BTV.transpose(1, 2).contiguous()
        self.probs_BTV = log_probs_BTV.exp() * valid_BT[..., None]
        self.blanks_BS = _cumulated(self.log_probs_BVT[:, BLANK])
        self.valid_B1T = valid_BT[:, None]

    def start(self, batch: int, beam_size: int, device: torch.device) -> PrefixState:
        """Return the state of empty hypotheses."""
        blanks_BKS = self.blanks_BS[:, None].expand(-1, beam_size, -1)
        last_BK = torch.full((batch, beam_size), SOS_EOS, device=device)
        so_far_BK = blanks_BKS.new_zeros(batch, beam_size)
        return PrefixState(torch.full_like(blanks_BKS, -torch.inf), blanks_BKS, last_BK, so_far_BK)

    def score(self, state: PrefixState, tokens_BK: Tensor) -> Scored:
        """Return log psi(g c) - log psi(g) for every token c, and in the place of the end log p(g) - log psi(g)."""
        next_BKV = self.continuations(state)
        so_far_BK1 = state.so_far_BK[..., None]
        gains_BKV = (next_BKV - so_far_BK1).masked_fill(so_far_BK1 == -torch.inf, -torch.inf)
        return Scored(gains_BKV, state._replace(next_BKV=next_BKV))

    def continuations(self, state: PrefixState) -> Tensor:
        """Return log psi(g c) for every token c, and in the place of the end log p(g), the probability of g alone.

        Returns:
            Scores (B, K, V), float64; blank has -inf.
        """
        blanks_BKT = state.blanks_BKS[..., :-1].masked_fill(~self.valid_B1T, -torch.inf)
        phi_BKT = torch.logaddexp(state.labels_BKS[..., :-1].masked_fill(~self.valid_B1T, -torch.inf), blanks_BKT)
        top_BK1 = phi_BKT.amax(-1, keepdim=True).clamp_min(NEVER * phi_BKT.shape[-1])  # finite where nothing is left
        probs_BKV = torch.exp(phi_BKT - top_BK1) @ self.probs_BTV  # (1)
        again_BK1 = state.last_BK[..., None]
        repeat_BKT = torch.exp(blanks_BKT - top_BK1) * self._of(self.probs_BTV.mT, state.last_BK)
        probs_BKV.scatter_(-1, again_BK1, repeat_BKT.sum(-1, keepdim=True))  # (2)
        scores_BKV = probs_BKV.log() + top_BK1
        lost_BK = (probs_BKV[..., UNK + 1 :] < LEAST_SHARE).any(-1) & (phi_BKT > -torch.inf).any(-1)
        if bool(lost_BK.any()):
            scores_BKV[lost_BK] = self._rare(state, lost_BK)
        scores_BKV[..., BLANK] = -torch.inf
        scores_BKV[..., SOS_EOS] = self._ends(state)
        return scores_BKV

    def _rare(self, state: PrefixState, rows_BK: Tensor) -> Tensor:
        """Return log psi of some rows, (rows, V), in log space throughout: no token is too rare for it."""
        labels_RT, blanks_RT = state.labels_BKS[rows_BK][:, :-1], state.blanks_BKS[rows_BK][:, :-1]
        valid_R1T = self.valid_B1T.expand(-1, rows_BK.shape[1], -1)[rows_BK][:, None]
        log_probs_RVT = self.log_probs_BVT[rows_BK.nonzero()[:, 0]]
        phi_RVT = torch.logaddexp(labels_RT, blanks_RT)[:, None].repeat(1, log_probs_RVT.shape[1], 1)
        phi_RVT[torch.arange(len(phi_RVT)), state.last_BK[rows_BK]] = blanks_RT  # (2)
        return torch.logsumexp((phi_RVT + log_probs_RVT).masked_fill(~valid_R1T, -torch.inf), -1)  # (1)

    def advance(self, state: PrefixState, parents_BK: Tensor, tokens_BK: Tensor) -> PrefixState:
        """Return the state of the given continuations.

        Args:
            state: That of `score`.
            parents_BK: Which of the hypotheses before each continues.
            tokens_BK: By which token.
        """
        assert state.next_BKV is not None
        places_BK = parents_BK * state.next_BKV.shape[-1] + tokens_BK
        so_far_BK = state.next_BKV.flatten(1).gather(1, places_BK)
        labels_BKS, blanks_BKS = (_gather(r_BKS, parents_BK) for r_BKS in (state.labels_BKS, state.blanks_BKS))
        again_BK = state.last_BK.gather(1, parents_BK) == tokens_BK
        phi_BKS = torch.logaddexp(labels_BKS.masked_fill(again_BK[..., None], -torch.inf), blanks_BKS)  # (2)
        sums_BKS = _cumulated(self._of(self.log_probs_BVT, tokens_BK))
        labels_BKS = _absorb(phi_BKS, sums_BKS)  # (3)
        blanks_BKS = _absorb(labels_BKS, self.blanks_BS[:, None])  # (4)
        return PrefixState(labels_BKS, blanks_BKS, tokens_BK, so_far_BK)

    def _of(self, values_BVT: Tensor, tokens_BK: Tensor) -> Tensor:
        """Return the rows of the given tokens, (B, K, T)."""
        return values_BVT[torch.arange(len(tokens_BK), device=tokens_BK.device)[:, None], tokens_BK]

    def _ends(self, state: PrefixState) -> Tensor:
        last_BK1 = self.lengths_B[:, None, None].expand(*state.last_BK.shape, 1)
        return torch.logaddexp(state.labels_BKS.gather(-1, last_BK1), state.blanks_BKS.gather(-1, last_BK1))[..., 0]


def _cumulated(log_probs: Tensor) -> Tensor:
    """Return S_0 .. S_T along the last dimension."""
    return torch.nn.functional.pad(log_probs.cumsum(-1), (1, 0))


def _absorb(inputs_BKS: Tensor, sums_BKS: Tensor) -> Tensor:
    """Return log r with r_0 = 0 and r_t = p_t (r_{t-1} + in_{t-1}), where S_t = log p_1 + … + log p_t."""
    gathered_BKT = torch.logcumsumexp((inputs_BKS - sums_BKS)[..., :-1], dim=-1)
    return torch.nn.functional.pad(gathered_BKT + sums_BKS[..., 1:], (1, 0), value=-torch.inf)


def _gather(values_BKS: Tensor, parents_BK: Tensor) -> Tensor:
    return values_BKS.gather(1, parents_BK[..., None].expand(-1, -1, values_BKS.shape[-1]))
