"""Word and character error rates, by jiwer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import jiwer

from scriba.core.scores.scores import Judge, Reference


@dataclass(frozen=True)
class ErrorRates:
    """The `Scores` of what has one right text; of several the first counts."""

    shown: tuple[str, ...] = ("cer", "wer")
    higher_is_better: bool = False

    def score(self, references: Sequence[Reference], texts: Sequence[str]) -> Mapping[str, float]:
        """Return WER and CER in percent with their counts."""
        return error_rates([r if isinstance(r, str) else r[0] for r in references], texts)

    def judge(self, references: Sequence[tuple[str, ...]]) -> Judge:
        """Rate texts by the share of characters that are right."""
        return right_characters


def right_characters(references: Sequence[str], texts: Sequence[str]) -> list[float]:
    """Return 1 - CER of each text, by the nearest reference: 1 is all right, and less than 0 is possible."""
    return [1 - min(jiwer.cer(reference, text) for reference in references) for text in texts]


def error_rates(references: Sequence[str], texts: Sequence[str]) -> dict[str, float]:
    """Return WER and CER in percent with their counts, over all texts together.

    Any white space separates words, and counts as characters. References must not be empty (the data check drops
    such rows).

    Returns:
        wer, cer; word_ and char_ substitutions, deletions, insertions; words and characters of the references.
    """
    words = jiwer.process_words([" ".join(r.split()) for r in references], [" ".join(t.split()) for t in texts])
    characters = jiwer.process_characters(list(references), list(texts))
    rates: dict[str, float] = {"wer": 100 * words.wer, "cer": 100 * characters.cer}
    for name, counts in (("word", words), ("char", characters)):
        rates[f"{name}_substitutions"] = counts.substitutions
        rates[f"{name}_deletions"] = counts.deletions
        rates[f"{name}_insertions"] = counts.insertions
        rates[f"{name}s"] = counts.hits + counts.substitutions + counts.deletions
    return rates
