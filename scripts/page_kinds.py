"""The kinds of pages that make_pages.py makes: what stands on them, how large they are, and what becomes of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from page_designs import (
    Build,
    bands,
    big_and_small,
    blank,
    book,
    columns,
    drop_caps,
    facing_page,
    figure_alone,
    figures,
    footnotes,
    form,
    heading_across,
    inverse,
    invoice,
    letter,
    magazine,
    margin_notes,
    marked,
    newspaper,
    one_word,
    pale,
    receipt,
    report,
    screen_code,
    screen_dialog,
    screen_web,
    stamped,
    table,
)
from page_wear import (
    Step,
    aged,
    askew,
    bilevel,
    black_borders,
    bleed,
    blur,
    flash,
    gutter,
    jpeg,
    noise,
    photographed,
    quarters,
    salt_and_pepper,
    skew,
    specks,
    uneven_light,
)

A4, BOOK = (794, 1123), (560, 820)


@dataclass(frozen=True)
class Kind:
    """A kind of page.

    Attributes:
        build: What stands on it, in HTML.
        count: Pages of it in a set.
        size: Width and height in CSS pixels, 96 to the inch.
        dpi: Resolution.
        wear: What becomes of it, by its number.
        photo: It is a JPEG file.
        exif: It is turned, and its file says so.
        bits: Bits of a pixel of the file.
        english: Its text is English.
    """

    build: Build
    count: int = 2
    size: tuple[int, int] = A4
    dpi: int = 150
    wear: Callable[[int], Sequence[Step]] = lambda number: SCAN
    photo: bool = False
    exif: bool = False
    bits: int = 8
    english: bool = False


SCAN: Sequence[Step] = (aged, askew, blur(0.03), noise(4))
CLEAN: Sequence[Step] = ()


def scanned(*steps: Step) -> Callable[[int], Sequence[Step]]:
    """Return the wear of a scan with steps of its own, which come first."""
    return lambda number: (*steps, *SCAN)


def plainly(*steps: Step) -> Callable[[int], Sequence[Step]]:
    """Return steps alone."""
    return lambda number: steps


PHOTO = (photographed, uneven_light, blur(0.05), noise(5), jpeg(70))
NOISES: Sequence[Step] = (noise(40), salt_and_pepper(0.08), specks)
ANGLES = (-15, -8, -4, 3, 7, 11, 15)
PROSE = Kind(book, size=BOOK, dpi=200)
KINDS: dict[str, Kind] = {
    "columns-1": PROSE,
    **{f"columns-{n}": Kind(columns(n, rule=n == 3)) for n in (2, 3, 4)},
    "heading-across": Kind(heading_across),
    "footnotes": Kind(footnotes, size=BOOK, dpi=200),
    "margin-notes": Kind(margin_notes),
    "drop-caps": Kind(drop_caps),
    "table-ruled": Kind(table(True)),
    "table-plain": Kind(table(False)),
    "form": Kind(form),
    "figures": Kind(figures),
    "figure-alone": Kind(figure_alone, count=4, dpi=100),
    "black-borders": replace(PROSE, wear=lambda number: (*SCAN[:2], black_borders, *SCAN[2:])),
    "facing-page": Kind(facing_page, size=(600, 820)),
    "stamp": Kind(stamped),
    "bleed": replace(PROSE, wear=scanned(bleed)),
    "skew": Kind(columns(2), count=len(ANGLES), wear=lambda n: (aged, skew(ANGLES[n]), *SCAN[2:])),
    "turned": Kind(heading_across, count=3, wear=lambda number: (*SCAN, quarters(number + 1))),
    "turned-exif": Kind(columns(2), count=3, wear=lambda number: PHOTO, photo=True, exif=True),
    "gutter": replace(PROSE, count=3, wear=lambda number: (aged, gutter, *SCAN[1:])),
    "phone": Kind(report, count=3, wear=lambda number: PHOTO, photo=True, dpi=180),
    "flash": Kind(letter, wear=lambda number: (photographed, flash, *PHOTO[2:]), photo=True, dpi=180),
    "inverse": Kind(inverse, size=BOOK, wear=plainly(blur(0.03), noise(3))),
    "bands": Kind(bands, wear=plainly(blur(0.03), noise(3))),
    "dpi-75": Kind(columns(2), dpi=75),
    "dpi-100": Kind(columns(2), dpi=100),
    "dpi-300": Kind(book, count=1, size=BOOK, dpi=300),
    "dpi-600": Kind(book, count=1, size=(420, 600), dpi=600),
    "one-word": Kind(one_word, size=BOOK),
    "blank": Kind(blank, size=BOOK, wear=lambda number: (CLEAN, SCAN)[number]),
    "noise": Kind(blank, count=3, size=BOOK, wear=lambda number: (NOISES[number],)),
    "noisy-text": Kind(book, count=3, size=BOOK, wear=lambda number: (NOISES[number],), dpi=200),
    "fax": Kind(letter, wear=plainly(askew, bilevel), dpi=200, bits=1),
    "marked": Kind(marked),
    "pale": Kind(pale, wear=plainly(blur(0.03), noise(3))),
    "big-and-small": Kind(big_and_small, dpi=200),
    "newspaper": Kind(newspaper, size=(900, 1250), dpi=200),
    "magazine": Kind(magazine, wear=plainly(jpeg(85))),
    "report": Kind(report, wear=plainly()),
    "letter": Kind(letter),
    "invoice": Kind(invoice, wear=plainly()),
    "receipt": Kind(receipt, size=(300, 520), dpi=200),
    "screen-web": Kind(screen_web, size=(900, 640), dpi=96, wear=plainly()),
    "screen-dialog": Kind(screen_dialog, size=(640, 420), dpi=96, wear=plainly()),
    "screen-code": Kind(screen_code, size=(760, 560), dpi=96, wear=plainly(), english=True),
}  # fmt: skip
"""All kinds, in the order in which languages go round."""
