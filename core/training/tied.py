"""Weights of one model carried to another, those tied to tokens by the tokens that both have.

Shapes: V vocabulary, R labels that a CTC head gives at a position.
"""

from torch import Tensor

from scriba.core.text import SPECIALS, Tokenizer

TIED = ("ctc.output.", "decoder.embedding.", "decoder.output.")
"""Beginnings of the names of weights with a row for each token."""


def carried(name: str, mine: Tensor, theirs: Tensor, tokenizer: Tokenizer, known: Tokenizer) -> Tensor | None:
    """Return one weight of a model with what another has of it; None if it has another shape.

    Args:
        name: Its name.
        mine: The weight, of a model with `tokenizer`; its rows of tokens that the other lacks stay.
        theirs: That of the other model, with `known`.
        tokenizer: The tokens of the model.
        known: Those of the other.
    """
    tied = name.startswith(TIED)
    if mine.shape[1:] != theirs.shape[1:] or not (tied or mine.shape == theirs.shape):
        return None
    if not tied:
        return theirs.to(mine.dtype)
    result = mine.clone()
    rows, their_rows = known_rows(tokenizer, known)
    theirs_RV = by_token(theirs, known)
    for slot, mine_V in enumerate(by_token(result, tokenizer)):  # what a head has more of is as its last
        mine_V[rows] = theirs_RV[min(slot, len(theirs_RV) - 1)][their_rows].to(mine.dtype)
    return result


def by_token(weights: Tensor, tokenizer: Tokenizer) -> Tensor:
    """Return weights tied to tokens as (R, V, …); R is 1 of all but a CTC head of a higher rate."""
    return weights.unflatten(0, (-1, len(tokenizer)))


def known_rows(tokenizer: Tokenizer, known: Tokenizer) -> tuple[list[int], list[int]]:
    """Return the ids of the tokens that another tokenizer has, too, and their ids there."""
    if type(tokenizer) is not type(known):
        return list(range(len(SPECIALS))), list(range(len(SPECIALS)))
    ids = {known.piece(i): i for i in range(len(known))}
    pairs = [(i, ids[piece]) for i in range(len(tokenizer)) if (piece := tokenizer.piece(i)) in ids]
    return [i for i, _ in pairs], [j for _, j in pairs]
