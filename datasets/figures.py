"""Numbers as print has them: amounts, dates, units, Roman numerals, rows of tables, leaders."""

import numpy as np

from scriba.datasets.synthetic import chance, pick

MONTHS = "January February March April May June July August September October November December"
CURRENCIES = ("$", "£", "€", "¥", "RM ", "RM", "USD ", "EUR ", "CHF ", "US$", "A$", "₺")
AFTER = ("€", "Kč", "zł", "kr", "Ft", "lei", "TL", "Fr.", "¢", "SR", "S", "ZRL", "T", "EUR", "%", "‰", "€*")
UNITS = "mm cm m km g kg mg t l ml cl m² km² cm³ m³ ha h min s ms °C °F K V A W kW kWh Hz MHz GHz Pa bar N J µm µg MB "
UNITS += "GB TB px dpi km/h m/s m/s² % ‰ ° ′ ″ mol dB lbs oz ft in."


def number(rng: np.random.Generator) -> str:
    """Return a number: plain, grouped, with decimals, a percentage, ordinal or fraction."""
    value = int(10 ** rng.uniform(0, 6))
    small = f"{value % 100}{pick(rng, ['th', 'º', 'ª', '°', '½', '¼', '¾', '²', '³', '.', '%', ' %', '‰'])}"
    forms = [
        str(value),
        f"{value:,}",
        f"{value / 100:.2f}",
        f"{value / 10:.1f}%",
        small,
        f"{value:,}".replace(",", "."),
    ]
    forms += [f"{value:07d}", f"-{value}", f"{value}.", f"{value / 100:.2f}".replace(".", ","), f"−{value % 100}"]
    return pick(
        rng, [*forms, f"{value % 500}–{value % 500 + 7}", f"{value:,}".replace(",", " "), f"±{value % 10}.{value % 7}"]
    )


def price(rng: np.random.Generator) -> str:
    """Return an amount of money."""
    amount = f"{10 ** rng.uniform(-0.5, 3.5):,.2f}"
    if chance(rng, 0.3):
        amount = amount.translate(pick(rng, (str.maketrans(",.", " ,"), str.maketrans(",.", ".,"))))
    return pick(
        rng, [amount, pick(rng, CURRENCIES) + amount, f"{amount} {pick(rng, AFTER)}", f"-{amount}", f"({amount})"]
    )


def date(rng: np.random.Generator) -> str:
    """Return a date or time."""
    day, month, year = int(rng.integers(1, 32)), int(rng.integers(1, 13)), int(rng.integers(1800, 2040))
    hour, minute, second = int(rng.integers(24)), int(rng.integers(60)), int(rng.integers(60))
    name, slashed = MONTHS.split()[month - 1], f"{day:02d}/{month:02d}/{year}"
    forms = [slashed, f"{day:02d}-{month:02d}-{year % 100:02d}", f"{day}.{month}.{year}", f"{day}. {month}. {year}"]
    forms += [f"{year}-{month:02d}-{day:02d}", f"{name} {day}, {year}", f"{day} {name[:3].upper()} {year}"]
    forms += [f"{day}th {name}, {year}.", f"{hour:02d}:{minute:02d}:{second:02d}", f"{hour}:{minute:02d}", f"© {year}"]
    forms += [f"{year}-{month:02d}-{day:02d}T{hour:02d}:{minute:02d}:{second:02d}Z", f"{hour:02d}.{minute:02d}"]
    return pick(rng, [*forms, f"{slashed} {hour % 12 + 1}:{minute:02d} {pick(rng, ['AM', 'PM', 'a.m.', 'p.m.'])}"])


def quantity(rng: np.random.Generator) -> str:
    """Return a measurement or a small equation."""
    value = pick(
        rng, [str(rng.integers(1, 1000)), f"{rng.uniform(0, 100):.1f}", f"{rng.uniform(0, 10):.2f}".replace(".", ",")]
    )
    unit = pick(rng, UNITS.split())
    if chance(rng, 0.3):
        other = str(rng.integers(1, 99))
        sign = pick(rng, ["×", "±", "÷", "≤", "≥", "≠", "=", "+", "−", "<", ">", "≈", "→", "·", "*", "^", "~", "/"])
        return f"{value}{pick(rng, [' ', ''])}{sign}{pick(rng, [' ', ''])}{other} {unit}".strip()
    return f"{value}{'' if unit in '°′″%' and chance(rng, 0.6) else ' '}{unit}"


def to_roman(value: int) -> str:
    """Return a Roman numeral."""
    text = ""
    for size, letters in zip(
        (1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1),
        ("M", "CM", "D", "CD", "C", "XC", "L", "XL", "X", "IX", "V", "IV", "I"),
        strict=True,
    ):
        count, value = divmod(value, size)
        text += letters * count
    return text


def roman(rng: np.random.Generator) -> str:
    """Return a Roman numeral, mostly a small one, as books number chapters, volumes, centuries and pages."""
    text = to_roman(int(rng.integers(1, 40)) if chance(rng, 0.8) else int(rng.integers(40, 2030)))
    return text if chance(rng, 0.75) else text.lower()


def numbered(rng: np.random.Generator) -> str:
    """Return several Roman numerals with what stands around them."""
    before = (
        "CHAPTER ",
        "Chapter ",
        "Vol. ",
        "Book ",
        "Louis ",
        "PART ",
        "Act ",
        "§ ",
        "Kap. ",
        "",
        "",
        "No. ",
        "p. ",
        "(",
    )
    parts = [
        f"{pick(rng, before)}{roman(rng)}{pick(rng, ['', '.', ',', ')', ' –', ':', '. Jh.', 'e'])}" for _ in range(4)
    ]
    return " ".join(parts[: int(rng.integers(1, 5))])


def cells(rng: np.random.Generator) -> str:
    """Return a row of a table: figures, signs that stand for none, a rule between them sometimes."""
    between = pick(rng, [" ", " ", " ", " | ", " ; ", "  "])
    makers = (number, price, quantity, date, lambda r: pick(r, ["–", "-", "—", "0", "n/a", "*", "✓", "x", "yes", "…"]))
    same = pick(rng, makers)
    columns = int(rng.integers(2, 8))
    return between.join((same if chance(rng, 0.7) else pick(rng, makers))(rng) for _ in range(columns))


def leader(rng: np.random.Generator, title: str) -> str:
    """Return an entry of a table of contents: a title, dots, a page."""
    dots = pick(rng, [".", ".", " .", ". ", "·", "_", "…", "-"])
    page = pick(rng, [str(rng.integers(1, 900)), roman(rng).lower(), price(rng)])
    space = pick(rng, [" ", ""])
    return f"{title}{space}{(dots * int(rng.integers(3, 40))).strip()}{space}{page}"
