"""Greedy decoding: the most probable token of every step.

Shapes: B batch, T encoder positions, U output length, V vocabulary, N = 1 result for each input.
"""

import torch

from scriba.core.model import Decoder, Memory, allowed
from scriba.core.search.outputs import Outputs, limits
from scriba.core.text import BLANK, SOS_EOS


def greedy_search(decoder: Decoder, memory: Memory, max_length_ratio: float = 1.0) -> Outputs:
    """Take the most probable token of the attention decoder at every step until the end symbol.

    A row ends at the latest after `max_length_ratio` tokens per encoder position, so that attention that
    loops on noise or silence cannot run away.
    """
    limits_B = limits(memory, max_length_ratio)
    state = decoder.init(memory)
    tokens_B = torch.full_like(memory.lengths_B, SOS_EOS)
    done_B = torch.zeros_like(memory.lengths_B, dtype=torch.bool)
    ids, scores, weights = [], [], []
    for step in range(int(limits_B.max()) + 1):
        logits_BV, state = decoder.step(state, tokens_B)
        log_probs_BV = allowed(logits_BV)
        score_B, tokens_B = log_probs_BV.max(-1)
        last_B = step >= limits_B
        score_B = torch.where(last_B, log_probs_BV[:, SOS_EOS], score_B)
        tokens_B = tokens_B.masked_fill(last_B, SOS_EOS)
        ids.append(tokens_B.masked_fill(done_B, BLANK))
        scores.append(score_B.masked_fill(done_B, 0.0))
        if (looked_BT := state.looked_RT) is not None:
            weights.append(looked_BT)
        done_B = done_B | (tokens_B == SOS_EOS)
        if step % 8 == 7 and bool(done_B.all()):  # asking a GPU at every step would stall it
            break
    weights_BNUT = torch.stack(weights, 1)[:, None].cpu() if weights else None
    log_probs_BNU = torch.stack(scores, 1)[:, None].cpu()
    ranks_BN = log_probs_BNU.sum(2)
    return Outputs(torch.stack(ids, 1)[:, None].cpu(), log_probs_BNU, ranks_BN, {"attention": ranks_BN}, weights_BNUT)
