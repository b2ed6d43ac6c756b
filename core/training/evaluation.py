"""Scoring a model: each head on examples, in training and in `eval` alike; and how well a model foresees texts.

Shapes: B batch, U target length, V vocabulary.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from scriba.core.example import Example, map_target
from scriba.core.recogniser import Recogniser, Result
from scriba.core.scores import Scores
from scriba.core.search import Method

MAX_TOKENS = 8192
"""Tokens that are scored together, padding included."""


@dataclass(frozen=True)
class Compared:
    """What was recognised, beside what was to be.

    Attributes:
        results: Results of examples that could be read.
        references: Their texts, normalised.
        texts: What was recognised, normalised.
        scores: The scores.
    """

    results: Sequence[Result]
    references: Sequence[str | tuple[str, ...]]
    texts: Sequence[str]
    scores: Mapping[str, float]


def score_results(
    results: Sequence[Result], method: Method, scores: Scores, simplify: Callable[[str], str] = str
) -> Compared:
    """Score the results of a method; what could not be read is left out.

    Args:
        results: The results.
        method: Head that was decoded, or joint for both.
        scores: How they are scored.
        simplify: Normalisation of both texts.
    """
    usable = [result for result in results if result.error is None]
    references = [map_target(simplify, result.example.target) for result in usable]
    texts = [simplify(result.hypotheses[method].text) for result in usable]
    return Compared(usable, references, texts, scores.score(references, texts) if usable else {})


def methods_of(recogniser: Recogniser) -> tuple[Method, ...]:
    """Return what is scored: each head, and what is decoded if that is neither."""
    return tuple(dict.fromkeys((*recogniser.model.heads, recogniser.decoding.method)))


def score_heads(
    recogniser: Recogniser, examples: Sequence[Example], scores: Scores, batch_size: int
) -> dict[str, float]:
    """Return the scores that are shown of each method, named method_score; nothing without examples."""
    methods = methods_of(recogniser)
    results = list(recogniser.run(examples, methods=methods, batch_size=max(batch_size, 16)))
    found: dict[str, float] = {}
    for method in methods if examples else ():
        rates = score_results(results, method, scores).scores
        found |= {f"{method}_{name}": rates[name] for name in scores.shown}
    return found


def main_score(found: Mapping[str, float], recogniser: Recogniser, scores: Scores) -> float:
    """Return the score that chooses the best weights: of the method that is decoded, if methods are told apart."""
    name = scores.shown[0]
    return found[name] if name in found else found[f"{recogniser.decoding.method}_{name}"]
