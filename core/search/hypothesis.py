"""What recognition returns: a text with its scores, tokens, words and, if asked for, attention."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Positions = tuple[int, int]
"""First encoder position of a token, and the position after its last."""


@dataclass(frozen=True)
class TextSpan:
    """A token or a word of a result.

    Attributes:
        text: What it says.
        confidence: Probability that it is right, as far as the model knows, in [0, 1].
        start: Where it begins, in the app's unit (seconds, pixels), or None where that has no meaning.
        end: Where it ends.
    """

    text: str
    confidence: float
    start: float | None = None
    end: float | None = None


@dataclass(frozen=True)
class Hypothesis:
    """One recognised text.

    Attributes:
        text: The text.
        score: What the search ranked it by (log probability).
        scores: The parts of the score by name: attention, ctc, lm.
        tokens: Its tokens.
        words: Its words.
        attention_UT: Attention weights of each token over the encoder positions, if asked for.
        agreement: Share of its tokens, the end included, that each head alone would have chosen after those before;
            None where one head was decoded.
        alternatives: The next best results, if asked for, best first.
    """

    text: str
    score: float
    scores: Mapping[str, float] = field(default_factory=dict)
    tokens: tuple[TextSpan, ...] = ()
    words: tuple[TextSpan, ...] = ()
    attention_UT: tuple[tuple[float, ...], ...] | None = None
    agreement: float | None = None
    alternatives: tuple[Hypothesis, ...] = ()

    @property
    def confidence(self) -> float:
        """Geometric mean of the words' confidences; 0 for an empty text."""
        return geometric_mean([word.confidence for word in self.words])

    def to_json(self) -> dict[str, Any]:
        """Return plain values for a JSON file."""
        result: dict[str, Any] = {
            "text": self.text,
            "confidence": round(self.confidence, 4),
            "score": round(self.score, 4),
            "scores": {name: round(value, 4) for name, value in self.scores.items()},
            "tokens": [_rounded(unit) for unit in self.tokens],
            "words": [_rounded(unit) for unit in self.words],
        }
        if self.agreement is not None:
            result["agreement"] = round(self.agreement, 4)
        if self.alternatives:
            result["alternatives"] = [other.to_json() for other in self.alternatives]
        if self.attention_UT is not None:
            result["attention_UT"] = [[round(weight, 4) for weight in row] for row in self.attention_UT]
        return result


def _rounded(unit: TextSpan) -> dict[str, Any]:
    place = {"start": unit.start, "end": unit.end}
    return {"text": unit.text, "confidence": round(unit.confidence, 4)} | {
        name: None if value is None else round(value, 3) for name, value in place.items()
    }


def geometric_mean(values: Sequence[float]) -> float:
    """Return the geometric mean, 0 for no values."""
    if not values:
        return 0.0
    return math.exp(sum(math.log(max(value, 1e-12)) for value in values) / len(values))


def make_tokens(
    pieces: Sequence[str],
    confidences: Sequence[float],
    spans: Sequence[Positions] | None,
    position_size: float | None,
) -> tuple[TextSpan, ...]:
    """Pair tokens with their confidences and places.

    Args:
        pieces: Text of each token.
        confidences: Confidence of each token.
        spans: Encoder positions of each token, or None.
        position_size: Extent of one encoder position in the app's unit; None leaves places out. Strided convolutions
            centre position t on t times this, so that it reaches from half a position before to half a one after.
    """
    if spans is None or position_size is None:
        return tuple(TextSpan(*unit) for unit in zip(pieces, confidences, strict=True))
    return tuple(
        TextSpan(piece, confidence, max(start - 0.5, 0) * position_size, (end - 0.5) * position_size)
        for piece, confidence, (start, end) in zip(pieces, confidences, spans, strict=True)
    )


def group_words(tokens: Sequence[TextSpan]) -> tuple[TextSpan, ...]:
    """Join tokens into words at white space; a word is as sure as the geometric mean of its tokens."""
    words: list[TextSpan] = []
    inside: list[TextSpan] = []
    for token in [*tokens, TextSpan(" ", 1.0)]:
        if token.text[:1].isspace() and inside:
            words.append(_join(inside))
            inside = []
        if token.text.strip():
            inside.append(token)
    return tuple(words)


def _join(tokens: Sequence[TextSpan]) -> TextSpan:
    text = "".join(token.text for token in tokens).strip()
    confidence = geometric_mean([token.confidence for token in tokens])
    return TextSpan(text, confidence, tokens[0].start, tokens[-1].end)
