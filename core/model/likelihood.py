"""Teacher forcing: what the decoder reads and what it shall say, and how likely it finds that.

Shapes: B batch, U target length, V vocabulary.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from scriba.core.text import BLANK, SOS_EOS, UNK


def allowed(logits_BV: Tensor) -> Tensor:
    """Return log probabilities of the next token; blank and unknown, which say nothing, have none."""
    logits_BV = logits_BV.clone()
    logits_BV[..., BLANK] = -torch.inf
    logits_BV[..., UNK] = -torch.inf
    return logits_BV.log_softmax(-1)


def teacher_tokens(targets_BU: Tensor, lengths_B: Tensor) -> tuple[Tensor, Tensor]:
    """Return what the decoder reads and what it shall say, both (B, U + 1): sos + target, target + eos.

    Padding is `BLANK` in both.
    """
    start_B1 = torch.full_like(lengths_B[:, None], SOS_EOS)
    inputs = torch.cat([start_B1, targets_BU], dim=1)
    labels = F.pad(targets_BU, (0, 1), value=BLANK)
    return inputs, labels.scatter(1, lengths_B[:, None], start_B1)


def with_wrong_tokens(inputs_BU: Tensor, share: float) -> Tensor:
    """Return what the decoder reads, a share of the tokens after the start replaced by others of the batch.

    So a decoder learns to go on after an error of its own, which under teacher forcing it never sees.
    """
    replaced_BU = (torch.rand(inputs_BU.shape, device=inputs_BU.device) < share) & (inputs_BU != BLANK)
    replaced_BU[:, 0] = False
    tokens_N = inputs_BU[:, 1:][inputs_BU[:, 1:] != BLANK]
    if not len(tokens_N):
        return inputs_BU
    drawn_BU = tokens_N[torch.randint(len(tokens_N), inputs_BU.shape, device=inputs_BU.device)]
    return torch.where(replaced_BU, drawn_BU, inputs_BU)


def cross_entropy(logits_BUV: Tensor, labels_BU: Tensor, smoothing: float = 0.0) -> Tensor:
    """Return -log p of each label, (B, U), label-smoothed; 0 on padding."""
    return F.cross_entropy(
        logits_BUV.transpose(1, 2), labels_BU, ignore_index=BLANK, label_smoothing=smoothing, reduction="none"
    )


def mean_per_token(nll_B: Tensor, lengths_B: Tensor) -> Tensor:
    """Return the sum over the batch divided by the number of target tokens."""
    return nll_B.sum() / lengths_B.sum()
