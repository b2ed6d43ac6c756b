"""Normalisations of texts: what is left out of account before texts are compared, or taught."""

import re
import unicodedata
from collections.abc import Callable, Mapping

from scriba.core.errors import UsageError, nearest


def no_change(text: str) -> str:
    """Return the text as it is."""
    return text


SPACES = re.compile("[\t\u00a0\u2000-\u200a\u202f\u205f]")
"""Tabs, spaces that do not break and those of typesetters: in print and in speech they are spaces."""
INVISIBLE = re.compile("[\u00ad\u200b\u2060\ufeff]")
"""Soft hyphens, spaces of no width and byte order marks: what nobody sees or hears."""


def clean(text: str) -> str:
    """Return a text in NFC, without what editors and web pages leave in it.

    A soft hyphen that ends it is a hyphen, and so is the ¬ that some write for one that parts a word.
    """
    text = re.sub(r"\u00ad$|(?<=\w)\u00ac(?=\s*$)", "-", SPACES.sub(" ", text))
    return unicodedata.normalize("NFC", INVISIBLE.sub("", text))


DOTTED = re.compile("i\u0307+")
"""What becomes of İ in lower case."""


def lower_case(text: str) -> str:
    """NFC, lower case, with i for the Turkish İ."""
    return unicodedata.normalize("NFC", DOTTED.sub("i", unicodedata.normalize("NFC", text).lower()))


def plain_words(text: str) -> str:
    """NFC, lower case, punctuation removed but for apostrophes inside of words, white space single."""
    text = lower_case(text).replace("’", "'").replace("ʼ", "'")
    words = "".join(c if c == "'" or unicodedata.category(c)[0] in "LMN" else " " for c in text).split()
    return " ".join(filter(None, (word.strip("'") for word in words)))


QUOTES = str.maketrans(dict.fromkeys("‘’‚‛`´′ʼ‹›", "'") | dict.fromkeys("“”„‟″«»", '"') | {"ſ": "s", "…": "..."})
DASHES = re.compile(r" *[-‐‑‒–—―−⸗­]+ *")


def plain_print(text: str) -> str:
    """NFC, quotation marks and dashes unified, long s as s, … as three dots, no space before ;:,.!? or by dashes."""
    text = unicodedata.normalize("NFC", text).translate(QUOTES).replace("''", '"')
    text = DASHES.sub("-", re.sub(r"\s+", " ", text))
    return re.sub(r" +([;:,.!?])", r"\1", text).strip()


def plain_print_caseless(text: str) -> str:
    """Like `plain_print`, in lower case."""
    return plain_print(lower_case(plain_print(text)))


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
