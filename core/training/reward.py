"""Training on the score of whole outputs, which likelihood only approaches: L = -E[r(y)], y sampled from the decoder.

The gradient is that of REINFORCE (Ranzato et al. 2016, arXiv 1511.06732; Rennie et al. 2017, arXiv 1612.00563), where
each of K samples is compared with the mean of the others (Kool, van Hoof & Welling 2019):

    dL = -1/K sum_k (r(y_k) - b_k) d log p(y_k),   b_k = 1/(K - 1) sum_{j != k} r(y_j)                              (1)

Shapes: B batch, K samples for each input, R = B K rows, U output length, V vocabulary.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from scriba.core.data import Batch
from scriba.core.model import (
    Decoder,
    Memory,
    allowed,
    cross_entropy,
    mask_from_lengths,
    mean_per_token,
    teacher_tokens,
)
from scriba.core.scores import Judge
from scriba.core.search import limits
from scriba.core.text import BLANK, SOS_EOS, Tokenizer

Reward = Callable[[Sequence[list[list[int]]]], list[list[float]]]
"""Rates the samples of every input of a batch, given as ids: B lists of K each."""
BatchReward = Callable[[Batch], Reward]
"""What rates the samples of a batch, by the texts of its examples."""


def reward_by(judge: Judge, tokenizer: Tokenizer) -> BatchReward:
    """Return what rates samples as a judge rates texts."""

    def of_batch(batch: Batch) -> Reward:
        return lambda samples: [
            judge(own, [*map(tokenizer.decode, ids)]) for own, ids in zip(batch.texts, samples, strict=True)
        ]

    return of_batch


@torch.no_grad()
def sample(decoder: Decoder, memory: Memory, count: int) -> tuple[Tensor, Tensor]:
    """Sample outputs from the decoder, at most as many tokens as there are encoder positions.

    Returns:
        Tokens (R, U) without the end symbol, padded with blanks, and their numbers (R,); the samples of an input
        follow each other.
    """
    limits_R = limits(memory, 1.0).repeat_interleave(count)
    state = decoder.init(memory).spread(count)
    tokens_R = torch.full_like(limits_R, SOS_EOS)
    going_R = torch.ones_like(limits_R, dtype=torch.bool)
    said = []
    for u in range(int(limits_R.max())):
        logits_RV, state = decoder.step(state, tokens_R)
        tokens_R = torch.multinomial(allowed(logits_RV).exp(), 1)[:, 0]
        going_R = going_R & (tokens_R != SOS_EOS) & (limits_R > u)
        if not bool(going_R.any()):
            break
        said.append(tokens_R.masked_fill(~going_R, BLANK))
    tokens_RU = torch.stack(said, 1) if said else limits_R.new_zeros(len(limits_R), 0)
    return tokens_RU, (tokens_RU != BLANK).sum(1)


def reward_loss(decoder: Decoder, memory: Memory, count: int, reward: Reward) -> Tensor:
    """Return minus the mean reward of the samples, a scalar with the gradient of equation (1) per token.

    There is no dropout on the decoder: samples of another distribution than the one whose gradient is taken would drive
    it away from both.

    Args:
        decoder: The decoder.
        memory: Encoder states of B inputs.
        count: K, 2 or more.
        reward: Rates the samples.
    """
    training = decoder.training
    decoder.train(False)
    tokens_RU, lengths_R = sample(decoder, memory, count)
    lines = [line[:length] for line, length in zip(tokens_RU.tolist(), lengths_R.tolist(), strict=True)]
    rated = reward([lines[start : start + count] for start in range(0, len(lines), count)])
    rewards_BK = memory.states_BTD.new_tensor(rated)
    others_BK = (rewards_BK.sum(1, keepdim=True) - rewards_BK) / (count - 1)
    rows = torch.arange(len(lines), device=tokens_RU.device) // count
    inputs_RU, labels_RU = teacher_tokens(tokens_RU, lengths_R)
    logits_RUV = decoder.trace(memory.select(rows), inputs_RU).logits_BUV
    decoder.train(training)
    chosen_RU = mask_from_lengths(limits(memory, 1.0)[rows], labels_RU.shape[1])  # the end at the limit is no choice
    nll_R = (cross_entropy(allowed(logits_RUV), labels_RU) * chosen_RU).sum(1)
    surrogate = mean_per_token((rewards_BK - others_BK).flatten() * nll_R, lengths_R + 1)  # (1)
    return surrogate - surrogate.detach() - rewards_BK.mean()
