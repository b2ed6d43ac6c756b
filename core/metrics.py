"""Word and character error rates (jiwer), and the text normalisations they may be taken after."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence

import jiwer

from scriba.core.errors import UsageError, nearest


def no_change(text: str) -> str:
    """Return the text as it is."""
    return text


def plain_words(text: str) -> str:
    """NFC, lower case, punctuation other than apostrophes removed, white space single."""
    text = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower()).replace("’", "'")
    return " ".join("".join(c if c == "'" or unicodedata.category(c)[0] in "LMN" else " " for c in text).split())


QUOTES = str.maketrans(dict.fromkeys("‘’‚‛`´′ʼ‹›", "'") | dict.fromkeys("“”„‟″«»", '"') | {"ſ": "s"})
DASHES = re.compile(r" *[-‐‑‒–—―−⸗­]+ *")


def plain_print(text: str) -> str:
    """NFC, quotation marks and dashes unified, long s as s, no space before ; : , . ! ? or around dashes."""
    text = unicodedata.normalize("NFC", text).translate(QUOTES).replace("''", '"')
    text = DASHES.sub("-", re.sub(r"\s+", " ", text))
    return re.sub(r" +([;:,.!?])", r"\1", text).strip()


def plain_print_caseless(text: str) -> str:
    """Like `plain_print`, in lower case."""
    return plain_print(unicodedata.normalize("NFC", plain_print(text).lower()))


NORMALISATIONS: Mapping[str, Callable[[str], str]] = {
    "none": no_change,
    "words": plain_words,
    "print": plain_print,
    "print-caseless": plain_print_caseless,
}


def normalisation(name: str) -> Callable[[str], str]:
    """Return the normalisation of that name.

    Raises:
        UsageError: There is none.
    """
    if name not in NORMALISATIONS:
        hint = nearest(name, NORMALISATIONS)
        raise UsageError(f"normalisation {name}: use one of {', '.join(NORMALISATIONS)}.{hint}")
    return NORMALISATIONS[name]


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
