"""The joint loss, L = ctc_weight * L_ctc + (1 - ctc_weight) * L_att (Kim, Hori & Watanabe 2017).

Both parts are negative log likelihoods per target token, so that the weight means the same for short and long
targets. Hard attention adds the REINFORCE terms of Xu et al. 2015, equation (12).

Shapes: B batch, T encoder positions, U target length, V vocabulary, N heads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scriba.core.decoder import Trace
from scriba.core.memory import mask_from_lengths
from scriba.core.tokenizer import BLANK, SOS_EOS


@dataclass(frozen=True)
class LossConfig:
    """What is minimised.

    Args:
        ctc_weight: Weight of the CTC loss: 0 trains attention only, 1 CTC only.
        label_smoothing: Probability spread over all labels in the attention loss.
        reinforce_weight: Weight of the REINFORCE term, hard attention only.
        entropy_weight: Weight of the entropy of the attention weights, hard attention only.
        doubly_stochastic: Weight of the penalty on positions that were not looked at once in all (Xu et al. 2015,
            section 4.2.1).
        samples: Outputs that are sampled for each input, to train on their score by the task's own measure instead of
            on likelihood (`core/reward.py`); 2 or more, or 0. Start from a trained model with --init.
    """

    ctc_weight: float = 0.3
    label_smoothing: float = 0.1
    reinforce_weight: float = 1.0
    entropy_weight: float = 0.01
    doubly_stochastic: float = 0.0
    samples: int = 0


class Losses(NamedTuple):
    """The loss and its parts, scalars; a part that is not trained is 0.

    Attributes:
        total: What is minimised.
        ctc: CTC negative log likelihood per target token.
        attention: Cross entropy per target token, label smoothing included; trained on scores, minus the mean score.
    """

    total: Tensor
    ctc: Tensor
    attention: Tensor


def teacher_tokens(targets_BU: Tensor, lengths_B: Tensor) -> tuple[Tensor, Tensor]:
    """Return what the decoder reads and what it shall say, both (B, U + 1): sos + target, target + eos.

    Padding is `BLANK` in both.
    """
    start_B1 = torch.full_like(lengths_B[:, None], SOS_EOS)
    inputs = torch.cat([start_B1, targets_BU], dim=1)
    labels = F.pad(targets_BU, (0, 1), value=BLANK)
    return inputs, labels.scatter(1, lengths_B[:, None], start_B1)


def cross_entropy(logits_BUV: Tensor, labels_BU: Tensor, smoothing: float = 0.0) -> Tensor:
    """Return -log p of each label, (B, U), label-smoothed; 0 on padding."""
    return F.cross_entropy(
        logits_BUV.transpose(1, 2), labels_BU, ignore_index=BLANK, label_smoothing=smoothing, reduction="none"
    )


class Reinforce(nn.Module):
    """Gradient of hard attention: Monte Carlo with a moving-average baseline and an entropy term.

    With r_u = log p(y_u | sampled positions) and baseline b, the surrogate, a mean over tokens u,
    -weight * (sum of r_v - b over v >= u) * log a_u(sample) - entropy_weight * H[a_u] has the gradient of
    equation (12), without the share of what was said before u, which a sample at u cannot change.
    `b <- 0.9 b + 0.1 (mean of r)`, equation (11); it is a buffer, so it travels with checkpoints.

    Args:
        weight: Weight of the sampled term.
        entropy_weight: Weight of the entropy.
    """

    baseline: Tensor

    def __init__(self, weight: float, entropy_weight: float) -> None:
        super().__init__()
        self.weight = weight
        self.entropy_weight = entropy_weight
        self.register_buffer("baseline", torch.zeros(()))

    def forward(self, trace: Trace, labels_BU: Tensor) -> Tensor:
        """Return the surrogate loss of a training pass."""
        assert trace.weights_BUNT is not None and trace.chosen_BUNT is not None
        valid_BU = labels_BU != BLANK
        tokens = valid_BU.sum()
        reward_BU = -cross_entropy(trace.logits_BUV.detach(), labels_BU)
        above_BU = (reward_BU - self.baseline) * valid_BU
        advantage_BU = above_BU.flip(1).cumsum(1).flip(1)  # a sample has no part in what was said before it
        if trace.expect_B is not None:
            advantage_BU = advantage_BU * ~trace.expect_B[:, None]
        log_weights = trace.weights_BUNT.clamp_min(1e-12).log()
        chosen_BU = (trace.chosen_BUNT.detach() * log_weights).sum((2, 3))
        entropy_BU = -(trace.weights_BUNT * log_weights).sum((2, 3)) / trace.weights_BUNT.shape[2]
        mean_reward = reward_BU.sum() / tokens
        if self.training and mean_reward.isfinite():
            self.baseline.mul_(0.9).add_(0.1 * mean_reward)
        terms_BU = self.weight * advantage_BU * chosen_BU + self.entropy_weight * entropy_BU
        return -(terms_BU * valid_BU).sum() / tokens


def looked_at_once(weights_BUNT: Tensor, labels_BU: Tensor, lengths_B: Tensor) -> Tensor:
    """Return the mean over valid positions i of (1 - sum_t a_ti)^2, the penalty of equation (14) of Xu et al. 2015.

    Args:
        weights_BUNT: Attention weights; several heads count as their mean.
        labels_BU: What is said at each step; steps of padding do not count.
        lengths_B: Valid positions of each row.
    """
    valid_BU = (labels_BU != BLANK).to(weights_BUNT.dtype)
    total_BT = torch.bmm(valid_BU[:, None], weights_BUNT.mean(2))[:, 0]
    mask_BT = mask_from_lengths(lengths_B, total_BT.shape[1])
    return ((1 - total_BT) ** 2 * mask_BT).sum() / lengths_B.sum()


def mean_per_token(nll_B: Tensor, lengths_B: Tensor) -> Tensor:
    """Return the sum over the batch divided by the number of target tokens."""
    return nll_B.sum() / lengths_B.sum()
