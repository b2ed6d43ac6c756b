"""The gradient of hard attention (Xu et al. 2015, section 4.1 and equation 12), and what keeps attention moving.

Shapes: B batch, T encoder positions, U target length, V vocabulary, N heads.
"""

import torch
from torch import Tensor, nn

from scriba.core.model import Trace, cross_entropy, mask_from_lengths
from scriba.core.text import BLANK

GUIDE_WIDTH = 0.1
"""Share of an input that a token may stand away from its place on the diagonal."""


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


def off_diagonal(weights_BUNT: Tensor, labels_BU: Tensor, lengths_B: Tensor) -> Tensor:
    """Return the guided attention loss of Tachibana et al. 2018 (arXiv 1710.08969), section 4.1.

    The mean over valid tokens u of sum_t a_ut (1 - exp(-(u/U - t/T)^2 / 2 g^2)) with g = `GUIDE_WIDTH`: what is looked
    at far from where a token would stand if all were equally long.

    Args:
        weights_BUNT: Attention weights; several heads count as their mean.
        labels_BU: What is said at each step, the end included; steps of padding do not count.
        lengths_B: Valid positions of each row.
    """
    valid_BU = (labels_BU != BLANK).to(weights_BUNT.dtype)
    tokens_B1 = valid_BU.sum(1, keepdim=True)
    steps_BU = (torch.arange(labels_BU.shape[1], device=labels_BU.device) + 0.5) / tokens_B1
    places_BT = (torch.arange(weights_BUNT.shape[3], device=labels_BU.device) + 0.5) / lengths_B[:, None]
    away_BUT = steps_BU[:, :, None] - places_BT[:, None]
    cost_BUT = 1 - torch.exp(-(away_BUT**2) / (2 * GUIDE_WIDTH**2))
    return ((weights_BUNT.mean(2) * cost_BUT).sum(2) * valid_BU).sum() / valid_BU.sum()
