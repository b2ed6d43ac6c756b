"""What printed lines say, by kind, with the share of each."""

from collections.abc import Callable, Mapping

import numpy as np

from scriba.datasets.computing import address, code, dialog, file_name, row_of_text, short, signed
from scriba.datasets.figures import cells, date, leader, number, numbered, price, quantity
from scriba.datasets.prose import accented, foreign, heading, repeated, salad, sentence, word
from scriba.datasets.synthetic import chance, pick

LABELS = "TOTAL CASH CHANGE SUBTOTAL Tax GST VAT Qty ITEM Amount Invoice Receipt No. Date Time TEL FAX Ref Price "
LABELS += "Discount ROUNDING Balance Due Page Table Fig. Vol. Chap. Art. Section IBAN BIC Summe MwSt. Datum Montant "
LABELS += "Faktura Suma Celkem Összesen Toplam Totale Name Address Phone E-mail Signature Order"


def article(rng: np.random.Generator) -> str:
    """Return an article, telephone or account number."""
    digits = "".join(map(str, rng.integers(0, 10, int(rng.integers(3, 14)))))
    letters = "".join(pick(rng, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") for _ in range(int(rng.integers(1, 5))))
    forms = [digits, f"{letters}{digits}", f"{letters}-{digits}", f"({digits}-{letters[0]})", f"#{digits}"]
    forms += [f"{digits[:2]}-{digits[2:]}", f"+{digits[:2]} {digits[2:]}", f"{letters}/{digits}_{letters[::-1]}"]
    groups = " ".join(digits[i : i + 4] for i in range(0, len(digits), 4))
    return pick(rng, [*forms, f"{letters[:2]}{digits[:2]} {groups}", f"(0{digits[:2]}) {digits[2:6]}-{digits[6:]}"])


def record(rng: np.random.Generator) -> str:
    """Return a line of a receipt, form or table: labels with numbers, prices, dates and addresses."""
    parts = []
    for _ in range(int(rng.integers(1, 4))):
        make = pick(rng, (price, number, date, article, quantity, address))
        label = pick(rng, [*LABELS.split(), word(rng, "en").upper(), word(rng, "en").capitalize(), ""])
        mark = pick(rng, [" ", ": ", " : ", ":", " = ", " @ ", " x ", " / "]) if label else ""
        parts.append(f"{label}{mark}{make(rng)}")
    return " ".join(parts)


def items(rng: np.random.Generator) -> str:
    """Return an article, firm or address in capitals, as receipts print them."""
    words = [word(rng, "en").upper() for _ in range(int(rng.integers(1, 5)))]
    if chance(rng, 0.4):
        place = int(rng.integers(len(words) + 1))
        words.insert(place, pick(rng, [number(rng), article(rng), "&", "(M)", "SDN BHD", "NO."]))
    return " ".join(words) + pick(rng, ["", "", "", ",", ".", ":", " -"])


def contents(rng: np.random.Generator) -> str:
    """Return an entry of a table of contents or a price list, with leaders."""
    return leader(rng, heading(rng) if chance(rng, 0.7) else sentence(rng).rstrip(".-"))


KINDS: Mapping[str, tuple[Callable[[np.random.Generator], str], float]] = {
    "prose": (sentence, 0.365),
    "record": (record, 0.08),
    "items": (items, 0.06),
    "heading": (heading, 0.05),
    "price": (price, 0.015),
    "date": (date, 0.015),
    "article": (article, 0.01),
    "accents": (accented, 0.05),
    "salad": (salad, 0.045),
    "repeated": (repeated, 0.025),
    "roman": (numbered, 0.025),
    "quantity": (quantity, 0.02),
    "table": (cells, 0.025),
    "row": (row_of_text, 0.02),
    "leader": (contents, 0.015),
    "address": (address, 0.03),
    "file": (file_name, 0.015),
    "code": (code, 0.035),
    "dialog": (dialog, 0.035),
    "signs": (signed, 0.025),
    "short": (short, 0.02),
    "foreign": (foreign, 0.02),
}
"""What a line can be, with its share unless told otherwise."""


def phrase(rng: np.random.Generator, shares: Mapping[str, float] | None = None) -> tuple[str, str]:
    """Return a kind and the text of a line of it; `shares` of kinds take the place of the usual ones."""
    chosen = shares or {kind: share for kind, (_, share) in KINDS.items()}
    total = sum(chosen.values())
    kind = str(rng.choice(list(chosen), p=[share / total for share in chosen.values()]))
    return kind, " ".join(KINDS[kind][0](rng).split())
