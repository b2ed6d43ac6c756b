"""Running text as print has it: words of a language, sentences cut into lines, headings.

Words come from `wordfreq` where it is installed (`pip install scriba[train]`), else from the short lists of
`datasets/words.py`.
"""

import re
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from scriba.datasets.figures import number, roman
from scriba.datasets.synthetic import chance, pick
from scriba.datasets.words import DOUBTFUL, LANGUAGES, OTHER_SCRIPTS, QUOTES, WORDS

VOCABULARY = 30000
"""Words of each language that are drawn from."""
PAIRS = ("“ ”", '" "', "‘ ’", "( )", "« »", "[ ]", "' '", "„ “", "“‘ ’”", "‘“ ”’", "\"' '\"", "‹ ›")
"""What encloses words whatever the language; speech within speech has two marks together."""
MISSPELLED_SHARE = 0.1
"""Share of the words that are spelled wrongly, so that letters are read and words not guessed."""

PLAIN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
LETTERS = "".join(sorted({c for words in WORDS.values() for c in words.lower() if ord(c) > 127 and c.isalpha()}))
LETTERS += "ãõàèìòùêôûëïÿœæŀẁẃẅỳḃċḋḟġṁṗṡṫĉĝĥĵŝŭşţſ"
OTHER_LETTERS = re.compile("[\u0400-\u052f]+|[\u0370-\u03ff\u1f00-\u1fff]{2,}")
"""Words of Cyrillic and Greek; a single Greek letter may be a sign in any text."""
MARKED = tuple(group for group in DOUBTFUL.split() if any(c in LETTERS for c in group))
"""Letters by what they are without their marks."""
KNOWN = frozenset(PLAIN + LETTERS + "'’-·.")
"""What words may be made of."""
SIGNS = ".,;:!?'\"()[]{}<>/\\|@#$%^&*_+=~-–—§°€£½•¥¢©®™¶†‡…µ±×÷≤≥≠¼¾²³¹→←↑↓·«»‹›„“”‚‘’′″¿¡ªº№■□●○▪✓∞≈√‰"


@cache
def vocabulary(language: str) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Return words of a language, and the cumulated shares of Zipf's law flattened to the power of 0.7."""
    words = {**WORDS, **OTHER_SCRIPTS}[language].split()
    try:
        from wordfreq import available_languages, top_n_list

        known = {"hr": "sh"}.get(language, language)  # Croatian is among the Serbo-Croatian words, in Latin script
        if known in available_languages():
            fits = _latin if language in WORDS else OTHER_LETTERS.fullmatch
            words = [w for w in top_n_list(known, VOCABULARY) if any(c.isalpha() for c in w) and fits(w)]
    except ModuleNotFoundError:
        pass
    shares = (1.0 / np.arange(1, len(words) + 1)) ** 0.7
    return tuple(words), shares.cumsum() / shares.sum()


def _latin(word: str) -> bool:
    return all(letter in KNOWN for letter in word)


def draw_language(rng: np.random.Generator) -> str:
    """Draw a language by its share."""
    shares = np.array(list(LANGUAGES.values()))
    return str(rng.choice(list(LANGUAGES), p=shares / shares.sum()))


def word(rng: np.random.Generator, language: str) -> str:
    """Draw a word, frequent ones more often."""
    words, shares = vocabulary(language)
    return words[min(int(np.searchsorted(shares, rng.random())), len(words) - 1)]


def misspelled(rng: np.random.Generator, text: str) -> str:
    """Change a letter for one that looks like it, or double, drop or swap one."""
    at = int(rng.integers(len(text)))
    way = int(rng.integers(6))
    if way < 3:
        group = next((group for group in DOUBTFUL.split() if text[at].lower() in group), text[at])
        other = pick(rng, group)
        return text[:at] + (other.upper() if text[at].isupper() else other) + text[at + 1 :]
    if way == 3:
        return text[: at + 1] + text[at] * int(rng.integers(1, 3)) + text[at + 1 :]
    if way == 4:
        return text[:at] + text[at + 1 :] if len(text) > 1 else text
    return text[:at] + text[at : at + 2][::-1] + text[at + 2 :]


def sentence(rng: np.random.Generator, language: str | None = None, misspelled_share: float = MISSPELLED_SHARE) -> str:
    """Return part of a paragraph as a line of print cuts it: 1 to 12 words, punctuation, quotes, a final hyphen."""
    language = language or draw_language(rng)
    capitals = 0.35 if language == "de" else 0.06
    pieces: list[str] = []
    starts = chance(rng, 0.35)
    opens = starts and chance(rng, 0.1)
    for _ in range(int(rng.integers(1, 13))):
        piece = word(rng, language)
        if chance(rng, 0.025):
            piece = pick(rng, (number, roman))(rng)
        elif chance(rng, misspelled_share):
            piece = misspelled(rng, piece)
        if starts or chance(rng, capitals):
            piece = piece[:1].upper() + piece[1:]
        if chance(rng, 0.02) or (opens and not pieces):  # the first word of a chapter in capitals
            piece = _upper(piece, language)
        if "'" in piece and chance(rng, 0.5):
            piece = piece.replace("'", "’")
        starts = False
        if chance(rng, 0.17):
            mark = pick(rng, [",", ",", ",", ",", ".", ".", ".", ".", ";", ":", "!", "?", ".—", ",—", "…", "...", "?!"])
            piece, starts = piece + _spaced(rng, mark, language), mark[0] in ".!?"
            if language in ("es", "ca") and mark[0] in "!?" and chance(rng, 0.7):
                piece = ("¡" if mark[0] == "!" else "¿") + piece
        if chance(rng, 0.05):
            piece = enclosed(rng, piece, language)
        if chance(rng, 0.012):
            piece += pick(rng, ["¹", "²", "³", "*", "†", "‡", "(1)", "[2]", "®", "™"])
        pieces.append(piece)
        if chance(rng, 0.012):
            pieces.append(pick(rng, ["—", "–", "-", "&", "*", "§", "=", "+", "/", "|", "•", "→", "·"]))
    return cut(rng, " ".join(pieces).replace(" — ", pick(rng, [" — ", "—"])))


def _upper(text: str, language: str) -> str:
    return (text.replace("i", "İ") if language == "tr" else text).upper()


def _spaced(rng: np.random.Generator, mark: str, language: str) -> str:
    """Return a mark with the space before it that French print has."""
    return f" {mark}" if language == "fr" and mark[0] in "!?;:" and chance(rng, 0.5) else mark


def enclosed(rng: np.random.Generator, text: str, language: str) -> str:
    """Put a quotation mark or bracket before or after a text, or on both sides."""
    marks = QUOTES[language].split()
    own = chance(rng, 0.6)
    opening, closing = pick(rng, (marks[:2], marks[2:])) if own else pick(rng, PAIRS).split()
    space = " " if own and language == "fr" and opening in "«" and chance(rng, 0.6) else ""
    return pick(rng, [opening + space + text, text + space + closing, opening + space + text + space + closing])


def cut(rng: np.random.Generator, text: str) -> str:
    """Break the last word of a line sometimes."""
    if text[-1].isalpha() and chance(rng, 0.12):
        text = text[: -int(rng.integers(1, 3))] if len(text) > 8 else text
        text = text.rstrip() + "-" if text.rstrip()[-1:].isalpha() else text
    return text


def heading(rng: np.random.Generator, language: str | None = None) -> str:
    """Return a title, in capitals or with capital initials, perhaps numbered."""
    language = language or (draw_language(rng) if chance(rng, 0.5) else "en")
    text = " ".join(word(rng, language) for _ in range(int(rng.integers(1, 6))))
    text = _upper(text, language) if chance(rng, 0.6) else text.title() if chance(rng, 0.7) else text.capitalize()
    if not chance(rng, 0.25):
        return text
    count = pick(rng, [str(rng.integers(1, 60)), roman(rng), f"{rng.integers(1, 9)}.{rng.integers(1, 20)}"])
    return f"{pick(rng, ['CHAPTER ', '', '', '§ ', 'Kapitel '])}{count}{pick(rng, ['.', '', ' –', ':'])} {text}"


def salad(rng: np.random.Generator) -> str:
    """Return characters that mean nothing, so that rare ones are seen and no word is only guessed."""
    count = int(rng.integers(1, 6))
    pools = (
        PLAIN,
        LETTERS,
        LETTERS.upper().replace("SS", ""),
        SIGNS,
        PLAIN + LETTERS + SIGNS,
        "lI1|i!ijtfrLIT/\\[](){}",
    )
    pool = pick(rng, pools)
    return " ".join("".join(pick(rng, pool) for _ in range(int(rng.integers(1, 9)))) for _ in range(count))


def accented(rng: np.random.Generator) -> str:
    """Return words whose letters have any marks, also ones that no language gives them, so that marks are looked at."""
    language = draw_language(rng)
    share = rng.uniform(0.1, 0.6)
    words = []
    for _ in range(int(rng.integers(1, 9))):
        text = "".join(_marked(rng, c) if chance(rng, share) else c for c in word(rng, language))
        words.append(_upper(text, language) if chance(rng, 0.15) else text[:1].upper() + text[1:])
    return " ".join(words)


def _marked(rng: np.random.Generator, letter: str) -> str:
    return pick(rng, next((group for group in MARKED if letter in group), letter))


def repeated(rng: np.random.Generator) -> str:
    """Return words of doubled and tripled letters and signs, which have to be counted."""
    pool = "llllliiiittttff1111oosseeIIII///...rrnnmm---__00==zz" if chance(rng, 0.7) else PLAIN + LETTERS
    words = []
    for _ in range(int(rng.integers(1, 5))):
        runs = (pick(rng, pool) * int(rng.choice([1, 2, 3, 4], p=[0.45, 0.35, 0.15, 0.05])) for _ in range(5))
        words.append("".join(list(runs)[: int(rng.integers(1, 6))]))
    return " ".join(words)


def foreign(rng: np.random.Generator) -> str:
    """Return words of another script, some with Latin ones among them."""
    language = pick(rng, list(OTHER_SCRIPTS))
    latin = draw_language(rng) if chance(rng, 0.3) else None
    words = [word(rng, latin if latin and chance(rng, 0.6) else language) for _ in range(int(rng.integers(1, 9)))]
    text = " ".join(words)
    text = text.upper() if chance(rng, 0.15) else text[:1].upper() + text[1:]
    return text + pick(rng, ["", "", ".", ",", ":", "?"])


def as_read(text: str) -> str:
    """Return what is to be read of a text: words of other scripts become one sign each, U+FFFD."""
    return OTHER_LETTERS.sub("\ufffd", text)


def black_letter(text: str) -> str:
    """Return German text as Fraktur sets it: long s except at the end of words, ⸗ for a hyphen at the line's end."""
    pairs = pairwise(text + " ")
    spelled = "".join("ſ" if letter == "s" and following.isalpha() else letter for letter, following in pairs)
    return spelled[:-1] + "⸗" if spelled.endswith("-") else spelled
