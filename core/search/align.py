"""Where the tokens of a known output lie: the most probable CTC path that says it.

Shapes: T encoder positions, V vocabulary.
"""

from collections.abc import Sequence
from itertools import groupby

import torch
from torch import Tensor
from torchaudio.functional import forced_align

from scriba.core.errors import InputError
from scriba.core.model import ctc_loss, required_positions
from scriba.core.search.hypothesis import Hypothesis, Positions, group_words, make_tokens
from scriba.core.text import BLANK, UNK, Tokenizer


def align(log_probs_TV: Tensor, tokens: Sequence[int]) -> list[Positions] | None:
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


def align_text(
    log_probs_TV: Tensor, text: str, tokenizer: Tokenizer, position_size: float | None, name: str
) -> Hypothesis:
    """Return a known text with the places and confidences of its tokens and words.

    Args:
        log_probs_TV: Output of the CTC head for one input, without padding.
        text: What the input says.
        tokenizer: The model's.
        position_size: Extent of one encoder position in the app's unit, or None.
        name: What messages call the input.

    Raises:
        InputError: The text has characters that the model lacks, or is too long for the input.
    """
    ids = tokenizer.encode(text)
    if UNK in ids:
        unknown = sorted({c for c in text if UNK in tokenizer.encode(c)}) or [text]
        raise InputError(
            f"{name}: the model has no token for {' '.join(map(repr, unknown))} of the text; leave it out."
        )
    spans = align(log_probs_TV, ids)
    if spans is None:
        raise InputError(
            f"{name}: the text needs {required_positions(ids)} encoder positions and the input gives "
            f"{len(log_probs_TV)}; check that they belong together."
        )
    confidences = [float(log_probs_TV[a:b, i].max().exp()) for i, (a, b) in zip(ids, spans, strict=True)]
    tokens = make_tokens([tokenizer.piece(i) for i in ids], confidences, spans, position_size)
    score = -float(ctc_loss(log_probs_TV[None], *_sizes(log_probs_TV, ids))[0])
    return Hypothesis(tokenizer.decode(ids), score, {"ctc": score}, tokens, group_words(tokens))


def _sizes(log_probs_TV: Tensor, ids: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
    return torch.tensor([len(log_probs_TV)]), torch.tensor([list(ids)]), torch.tensor([len(ids)])
