"""Random text of printed lines: prose, headings, numbers, prices, dates, addresses; western European letters.

Words come from `wordfreq` where it is installed (`pip install scriba[train]`), else from the short lists below.
"""

from collections.abc import Callable, Mapping
from functools import cache
from itertools import pairwise

import numpy as np

from scriba.datasets.synthetic import chance, pick

WORDS: Mapping[str, str] = {
    "en": "the of and to a in that was he it his with as had for she not at but be on they you by which have him this "
    "from were one all are her there when said would been who so their no or an if more will we what them up out into "
    "time could some than then now other its two only after first any little like about made great before over such "
    "people house water world night morning country letter window journey question knowledge beautiful quickly jazz "
    "voyage exactly zero quite subject evidence judge weather forty hundred thousand yesterday church kingdom village",
    "de": "der die das und in zu den nicht von sie ist des sich mit dem dass er es ein ich auf so eine auch als an "
    "nach wie im für man aber aus durch wenn nur war noch werden bei hat wir was wird sein einen welche sind oder um "
    "haben einer mir über ihm diese einem ihr uns da zum zur kann doch vor dieser mich ihn hatte mehr ja unter größer "
    "schön Straße Jahr Zeit Haus König Mädchen Wasser Frage Bücher Schloß Gesetz Österreich fünf zwölf möglich zurück",
    "fr": "de la le et les des en un du une que est pour qui dans a par plus pas au sur ne se ce il sont avec ou son "
    "aux d'un cette comme être fait été où même très après déjà français garçon île forêt hôtel l'année aujourd'hui "
    "mère père élève château naïf œuvre sœur voilà théâtre",
    "es": "de la que el en y a los se del las un por con no una su para es al lo como más pero sus le ya o este sí "
    "porque esta entre cuando muy sin sobre también me hasta hay donde año señor niño mañana corazón país días",
    "it": "di che è e la il un a per in una mi sono ho non ma lo ha le si ti i con cosa se io come da ci no questo "
    "qui perché più così città università però già sarà virtù",
    "pt": "de a o que e do da em um para com não uma os no se na por mais as dos como mas ao ele das à seu sua ou "
    "quando muito já está também só pelo coração ação irmã avô",
    "nl": "de van het een en in is dat op te zijn met voor niet aan er om ook als dan maar bij nog uit naar door over "
    "worden huis water zee reis vraag mooi België één",
    "sv": "och i att det som en på är av för med till den har de inte om ett han men var jag sig från vi så kan år "
    "när då nu över även själv också förstå",
    "da": "og i at det er en til af på for med den der ikke som de et han har var jeg men om vi så år når også være "
    "første København",
    "pl": "i w na z do się nie to że jest o jak po co tak za od ale czy go już był tylko być może gdzie więc życie "
    "świat człowiek źródło język",
}
LANGUAGES = dict(en=0.5, de=0.16, fr=0.08, es=0.06, it=0.05, pt=0.04, nl=0.04, sv=0.03, da=0.02, pl=0.02)
"""Languages of `sentence`, with their shares."""
VOCABULARY = 30000
"""Words of each language that are drawn from."""
MONTHS = "January February March April May June July August September October November December"
PAIRS = ("“ ”", '" "', "‘ ’", "( )", "« »", "[ ]", "' '", "„ “", "“‘ ’”", "‘“ ”’", "\"' '\"")
"""What encloses words; speech within speech has two marks together."""
CURRENCIES = ("$", "£", "€", "RM ", "RM", "USD ", "EUR ")
LABELS = "TOTAL CASH CHANGE SUBTOTAL Tax GST VAT Qty ITEM Amount Invoice Receipt No. Date Time TEL FAX Ref Price "
LABELS += "Discount ROUNDING Balance Due Page Table Fig. Vol. Chap. Art. Section"


@cache
def vocabulary(language: str) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """Return words of a language, and the cumulated shares of Zipf's law flattened to the power of 0.7."""
    try:
        from wordfreq import top_n_list

        words = [w for w in top_n_list(language, VOCABULARY) if any(c.isalpha() for c in w)]
    except ModuleNotFoundError:
        words = WORDS[language].split()
    shares = (1.0 / np.arange(1, len(words) + 1)) ** 0.7
    return tuple(words), tuple((shares.cumsum() / shares.sum()).tolist())


def word(rng: np.random.Generator, language: str) -> str:
    """Draw a word, frequent ones more often."""
    words, shares = vocabulary(language)
    return words[min(int(np.searchsorted(shares, rng.random())), len(words) - 1)]


def sentence(rng: np.random.Generator, language: str | None = None) -> str:
    """Return part of a paragraph as a line of print cuts it: 1 to 12 words, punctuation, quotes, a final hyphen."""
    if language is None:
        language = str(rng.choice(list(LANGUAGES), p=list(LANGUAGES.values())))
    capitals = 0.35 if language == "de" else 0.06
    pieces: list[str] = []
    starts = chance(rng, 0.35)
    opens = starts and chance(rng, 0.1)
    for _ in range(int(rng.integers(1, 13))):
        piece = number(rng) if chance(rng, 0.02) else word(rng, language)
        if starts or chance(rng, capitals):
            piece = piece[:1].upper() + piece[1:]
        if chance(rng, 0.015) or (opens and not pieces):  # the first word of a chapter in capitals
            piece = piece.upper()
        if "'" in piece and chance(rng, 0.5):
            piece = piece.replace("'", "’")
        starts = False
        if chance(rng, 0.17):
            mark = pick(rng, [",", ",", ",", ".", ".", ".", ";", ":", "!", "?", ".—", ",—"])
            piece, starts = piece + mark, mark[0] in ".!?"
        if chance(rng, 0.045):
            opening, closing = pick(rng, PAIRS).split()
            piece = pick(rng, [opening + piece, piece + closing, opening + piece + closing])
        pieces.append(piece)
        if chance(rng, 0.012):
            pieces.append(pick(rng, ["—", "–", "-", "&", "*", "§", "=", "+", "/"]))
    text = " ".join(pieces).replace(" — ", pick(rng, [" — ", "—"]))
    if text[-1].isalpha() and chance(rng, 0.12):
        text = text[: -int(rng.integers(1, 3))] if len(text) > 8 else text
        text = text.rstrip() + "-" if text.rstrip()[-1:].isalpha() else text
    return text


def heading(rng: np.random.Generator) -> str:
    """Return a title, in capitals or with capital initials, perhaps numbered."""
    text = " ".join(word(rng, "en") for _ in range(int(rng.integers(1, 6))))
    text = text.upper() if chance(rng, 0.7) else text.title()
    return f"{pick(rng, ['CHAPTER ', '', '', '§ '])}{rng.integers(1, 60)}. {text}" if chance(rng, 0.2) else text


def number(rng: np.random.Generator) -> str:
    """Return a number: plain, grouped, with decimals, a percentage, ordinal or fraction."""
    value = int(10 ** rng.uniform(0, 6))
    small = f"{value % 100}{pick(rng, ['th', 'º', '°', '½', '¼', '¾'])}"
    forms = [str(value), f"{value:,}", f"{value / 100:.2f}", f"{value / 10:.1f}%", small]
    return pick(rng, [*forms, f"{value:07d}", f"-{value}", f"{value}."])


def price(rng: np.random.Generator) -> str:
    """Return an amount of money."""
    amount = f"{10 ** rng.uniform(-0.5, 3.5):,.2f}"
    if chance(rng, 0.15):
        amount = amount.replace(",", " ").replace(".", ",")
    return pick(rng, [amount, pick(rng, CURRENCIES) + amount, f"{amount} {pick(rng, ['€', 'SR', 'S', 'ZRL', 'T'])}"])


def date(rng: np.random.Generator) -> str:
    """Return a date or time."""
    day, month, year = int(rng.integers(1, 32)), int(rng.integers(1, 13)), int(rng.integers(1800, 2030))
    hour, minute, second = int(rng.integers(24)), int(rng.integers(60)), int(rng.integers(60))
    name, slashed = MONTHS.split()[month - 1], f"{day:02d}/{month:02d}/{year}"
    forms = [slashed, f"{day:02d}-{month:02d}-{year % 100:02d}", f"{day}.{month}.{year}"]
    forms += [f"{year}-{month:02d}-{day:02d}", f"{name} {day}, {year}", f"{day} {name[:3].upper()} {year}"]
    forms += [f"{day}th {name}, {year}.", f"{hour:02d}:{minute:02d}:{second:02d}"]
    return pick(rng, [*forms, f"{slashed} {hour % 12 + 1}:{minute:02d} {pick(rng, ['AM', 'PM'])}"])


def code(rng: np.random.Generator) -> str:
    """Return an article number, telephone number, e-mail or web address."""
    digits = "".join(map(str, rng.integers(0, 10, int(rng.integers(3, 14)))))
    name = word(rng, "en")
    letters = "".join(pick(rng, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") for _ in range(int(rng.integers(1, 5))))
    forms = [digits, f"{letters}{digits}", f"{letters}-{digits}", f"({digits}-{letters[0]})"]
    forms += [f"{digits[:2]}-{digits[2:]}", f"+{digits[:2]} {digits[2:]}"]
    forms += [f"{name}@{word(rng, 'en')}.com", f"www.{name}.{pick(rng, ['com', 'org', 'net', 'co.uk'])}"]
    return pick(rng, [*forms, f"#{digits}", f"{letters}/{digits}_{letters[::-1]}"])


def record(rng: np.random.Generator) -> str:
    """Return a line of a receipt, form or table: labels with numbers, prices, dates and codes."""
    parts = []
    for _ in range(int(rng.integers(1, 4))):
        make = pick(rng, (price, number, date, code))
        label = pick(rng, [*LABELS.split(), word(rng, "en").upper(), word(rng, "en").capitalize(), ""])
        mark = pick(rng, [" ", ": ", " : ", ":", " = ", " @ ", " x ", " / "]) if label else ""
        parts.append(f"{label}{mark}{make(rng)}")
    return " ".join(parts)


def items(rng: np.random.Generator) -> str:
    """Return an article, firm or address in capitals, as receipts print them."""
    words = [word(rng, "en").upper() for _ in range(int(rng.integers(1, 5)))]
    if chance(rng, 0.4):
        place = int(rng.integers(len(words) + 1))
        words.insert(place, pick(rng, [number(rng), code(rng), "&", "(M)", "SDN BHD", "NO."]))
    return " ".join(words) + pick(rng, ["", "", "", ",", ".", ":", " -"])


def salad(rng: np.random.Generator) -> str:
    """Return characters that mean nothing, so that rare ones are seen and no word is only guessed."""
    signs = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789" * 2
    signs += "äöüÄÖÜßàâçéèêëîïôùûñáíóúåøæœÅØÆŒÉÈÀÇ" + ".,;:!?'\"()[]{}<>/\\|@#$%^&*_+=~-–—§°€£½•" * 2
    count = int(rng.integers(1, 6))
    return " ".join("".join(pick(rng, signs) for _ in range(int(rng.integers(1, 9)))) for _ in range(count))


KINDS: Mapping[Callable[[np.random.Generator], str], float] = {
    sentence: 0.58, record: 0.16, items: 0.1, heading: 0.06, price: 0.03, date: 0.02, code: 0.02, salad: 0.03
}  # fmt: skip
"""What a line is, with its share."""


def phrase(rng: np.random.Generator) -> str:
    """Return the text of one line."""
    make = list(KINDS)[int(rng.choice(len(KINDS), p=list(KINDS.values())))]
    return " ".join(make(rng).split())


def black_letter(text: str) -> str:
    """Return German text as Fraktur sets it: long s except at the end of words, ⸗ for a hyphen at the line's end."""
    pairs = pairwise(text + " ")
    spelled = "".join("ſ" if letter == "s" and following.isalpha() else letter for letter, following in pairs)
    return spelled[:-1] + "⸗" if spelled.endswith("-") else spelled
