"""Where the tokens of a known output lie: the most probable CTC path that says it.

Shapes: T encoder positions, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import torch
from torch import Tensor
from torchaudio.functional import forced_align

from scriba.core.ctc import required_positions
from scriba.core.hypothesis import Span
from scriba.core.tokenizer import BLANK


def align(log_probs_TV: Tensor, tokens: Sequence[int]) -> list[Span] | None:
    """Return the positions of each token on the best path (forced alignment); None if there is no path.

    Args:
        log_probs_TV: Output of the CTC head for one input, without padding.
        tokens: The output.
    """
    if not tokens or required_positions(tokens) > len(log_probs_TV):
        return None
    path_1T, _ = forced_align(log_probs_TV[None].float().cpu(), torch.tensor([list(tokens)]), blank=BLANK)
    spans, start = [], 0
    for label, run in groupby(path_1T[0].tolist()):
        end = start + len(list(run))
        if label != BLANK:
            spans.append((start, end))
        start = end
    return spans
