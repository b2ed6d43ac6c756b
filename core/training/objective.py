"""The joint loss, L = ctc_weight * L_ctc + (1 - ctc_weight) * L_att (Kim, Hori & Watanabe 2017).

Both parts are negative log likelihoods per target token, so that the weight means the same for short and long
targets. Hard attention adds the REINFORCE terms of Xu et al. 2015, equation (12).

Shapes: B batch, T encoder positions, U target length, V vocabulary.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from scriba.core.model import (
    Memory,
    Seq2Seq,
    cross_entropy,
    ctc_loss,
    mean_per_token,
    teacher_tokens,
    with_wrong_tokens,
)
from scriba.core.training.config import LossConfig
from scriba.core.training.reinforce import Reinforce, looked_at_once, off_diagonal
from scriba.core.training.reward import Reward, reward_loss


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


class Objective(nn.Module):
    """A model and its loss as one module, so that a data-parallel wrapper sees one forward pass.

    Args:
        model: The model.
        config: Weights of the joint loss.
        reinforce: What trains hard attention; None where attention is soft.
    """

    def __init__(self, model: Seq2Seq, config: LossConfig, reinforce: Reinforce | None) -> None:
        super().__init__()
        self.model = model
        self.config = config
        self.reinforce = reinforce

    def forward(
        self,
        inputs: Tensor,
        lengths_B: Tensor,
        targets_BU: Tensor,
        target_lengths_B: Tensor,
        reward: Reward | None = None,
    ) -> Losses:
        """Return the losses of a batch.

        Args:
            inputs: Padded inputs, dimension 1 is padded.
            lengths_B: Valid entries of dimension 1.
            targets_BU: Target ids without start and end, padded with 0.
            target_lengths_B: U of each row.
            reward: Rates sampled outputs, which the decoder is then trained on; None trains it on the targets.
        """
        memory = self.model.encode(inputs, lengths_B)
        weight = self.config.ctc_weight
        zero = memory.states_BTD.new_zeros(())
        ctc, attention, extra = zero, zero, zero
        if self.model.ctc is not None and weight > 0:
            nll_B = ctc_loss(self.model.ctc(memory), self.model.ctc.lengths(memory), targets_BU, target_lengths_B)
            ctc = mean_per_token(nll_B, target_lengths_B)
        if self.model.decoder is not None and weight < 1:
            if reward is None:
                attention, extra = self._taught(memory, targets_BU, target_lengths_B)
            else:
                attention = reward_loss(self.model.decoder, memory, self.config.samples, reward)
        return Losses(weight * ctc + (1 - weight) * (attention + extra), ctc, attention)

    def _taught(self, memory: Memory, targets_BU: Tensor, target_lengths_B: Tensor) -> tuple[Tensor, Tensor]:
        """Return the decoder's cross entropy under teacher forcing, and what is added to it."""
        assert self.model.decoder is not None
        inputs_BU, labels_BU = teacher_tokens(targets_BU, target_lengths_B)
        if self.config.wrong_tokens:
            inputs_BU = with_wrong_tokens(inputs_BU, self.config.wrong_tokens)
        trace = self.model.decoder.trace(memory, inputs_BU)
        with torch.autocast(inputs_BU.device.type, enabled=False):
            nll_BU = cross_entropy(trace.logits_BUV, labels_BU, self.config.label_smoothing)
            attention = mean_per_token(nll_BU.sum(1), target_lengths_B + 1)
            extra = attention.new_zeros(())
            if self.reinforce is not None:
                extra = self.reinforce(trace, labels_BU)
            if self.config.doubly_stochastic and trace.weights_BUNT is not None:
                penalty = looked_at_once(trace.weights_BUNT, labels_BU, memory.lengths_B)
                extra = extra + self.config.doubly_stochastic * penalty
            if self.config.guided and trace.weights_BUNT is not None:
                extra = extra + self.config.guided * off_diagonal(trace.weights_BUNT, labels_BU, memory.lengths_B)
        return attention, extra


def build_objective(model: Seq2Seq, config: LossConfig, *, hard: bool) -> Objective:
    """Return the loss of a model; a head that it does not train is frozen.

    Args:
        model: The model.
        config: Weights of the joint loss.
        hard: Whether its attention is hard.
    """
    untrained = {0.0: model.ctc, 1.0: model.decoder}.get(config.ctc_weight)
    if isinstance(untrained, nn.Module):
        untrained.requires_grad_(False)
    reinforce = Reinforce(config.reinforce_weight, config.entropy_weight) if hard and config.ctc_weight < 1 else None
    return Objective(model, config, reinforce)
