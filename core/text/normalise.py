"""Normalisations of texts: what is left out of account before texts are compared, or taught."""

import re
import unicodedata
from collections.abc import Callable, Mapping

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
