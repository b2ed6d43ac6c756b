"""Make the example pictures of the demo: lines and pages, set in the fonts that come with matplotlib, and degraded.

    python scripts/make_lines.py

writes *.png and metadata.jsonl into scripts/examples/print. The texts are our own.
"""

import json
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from scriba.datasets.degrade import binarise, blur, coarsen, fade, grain, slope, wear

FOLDER = Path(__file__).resolve().parent / "examples" / "print"
FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
LINES = {
    "book": ("DejaVuSerif.ttf", "The scribe wrote down whatever was read to him,", (slope, blur, binarise)),
    "italic": ("STIXGeneralItalic.ttf", "and never once asked what it was supposed to mean;", (blur, fade)),
    "typewriter": ("DejaVuSansMono.ttf", "Ref. 1138/B - 14 copies, sent on March 3, 1938.", (wear, blur, grain)),
    "receipt": ("DejaVuSansMono-Bold.ttf", "2 x INK, BLACK @ 4.75    TOTAL 9.50", (coarsen, fade, grain)),
    "accents": ("STIXGeneral.ttf", "Größe, façade, mañana, København: Wörter für die Schreiber", (slope, fade, blur)),
}
"""Font, text and degradations of each line."""
PAGE = """The Copyist
There was once a copyist who had no opinion of his own.
He sat by the north window, where the light is even, and
copied contracts, sermons, bills of lading and, on one
occasion, a letter of love that was addressed to himself.
He did not notice. “A fair copy,” he used to say, “is made
by the hand; the head only gets in its way.”
In the winter of 1784 the ink froze twice. He thawed it
over a candle and went on where he had stopped, in the
middle of a word, so that nobody could ever find the place.
What did he earn? Four shillings a sheet, and two more for
figures, which he disliked: 365 days, 12 months, 7 1/2 per
cent. A figure cannot be guessed from its neighbours.
When they asked him whether machines might do his work one
day, he thought about it for the length of a line.
“They will need good light,” he said, and dipped his pen.
"""
TITLE = "The Price of a Fair Copy"
COLUMNS = (
    """A copyist was paid by the sheet,
a clerk by the year, and both
of them by the light. In the
dark months a good hand earned
less than a candle: the wax was
dearer than the words. What it
cost to have a deed copied can
still be read in the ledgers of
the guild, which were copied,
too, and have errors of their
own. Nobody was ever fined for
them; the fine would have had
to be written down.""",
    """The table beside the door was
the only page that no one had
to copy, as everybody knew it
by heart.""",
    """Figures counted twice, as they
cannot be guessed. Long after,
when machines took over, they
were still charged like that.""",
)
TABLE = (("Work", "Sheets", "Price"), ("Letter", "1", "0.45"), ("Contract", "12", "6.30"), ("Ledger", "240", "118.00"))


def set_line(text: str, font: ImageFont.FreeTypeFont) -> Image.Image:
    """Set one line in black on white."""
    left, top, right, bottom = font.getbbox(text)
    image = Image.new("L", (int(right - left) + 40, int(bottom - top) + 18), 255)
    ImageDraw.Draw(image).text((20 - left, 9 - top), text, fill=0, font=font)
    return image


def set_page() -> Image.Image:
    """Set the page as a scan shows it: a little askew, grey, with noise."""
    rng = np.random.default_rng(5)
    image = Image.new("L", (1000, 900), 255)
    draw = ImageDraw.Draw(image)
    font = ImageFont.truetype(str(FONTS / "DejaVuSerif.ttf"), 25)
    for number, line in enumerate(PAGE.splitlines()):
        draw.text((100, 70 + 46 * number + (20 if number else 0)), line, fill=25, font=font)
    turned = image.rotate(0.7, Image.Resampling.BICUBIC, fillcolor=255).filter(ImageFilter.GaussianBlur(0.7))
    pixels = 45 + np.asarray(turned, np.float64) * (180 / 255) + rng.normal(0, 5, (image.height, image.width))
    return Image.fromarray((np.round(pixels / 17) * 17).clip(0, 255).astype(np.uint8))  # 16 greys: a smaller file


def set_columns() -> tuple[Image.Image, str]:
    """Set a page of two columns under a heading, with a ruled table in the second; return it with its text in order."""
    image = Image.new("L", (1000, 760), 252)
    draw = ImageDraw.Draw(image)
    font, bold = (ImageFont.truetype(str(FONTS / name), 24) for name in ("DejaVuSerif.ttf", "DejaVuSerif-Bold.ttf"))
    draw.text((500, 70), TITLE, fill=20, font=bold.font_variant(size=38), anchor="ms")
    left, above, below = COLUMNS
    rows = [TITLE, *left.splitlines(), *above.splitlines(), *map(" ".join, TABLE), *below.splitlines()]
    for x, y, text in ((60, 120, left), (540, 120, above), (540, 548, below)):
        for number, line in enumerate(text.splitlines()):
            draw.text((x, y + 44 * number), line, fill=20, font=font)
    for number, cells in enumerate(TABLE):
        y = 316 + 52 * number
        for x, cell in zip((552, 712, 832), cells, strict=True):
            draw.text((x, y + 35), cell, fill=20, font=font if number else bold, anchor="ls")
        draw.rectangle((540, y, 940, y + 52), outline=20, width=2)
    for x in (700, 820):
        draw.line((x, 316, x, 524), fill=20, width=2)
    return image, "\n".join(rows) + "\n"


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, (name, (font, text, steps)) in enumerate(LINES.items()):
        rng = np.random.default_rng(number)
        image = set_line(text, ImageFont.truetype(str(FONTS / font), 34))
        for step in steps:
            image = step(image, rng)
        image.save(FOLDER / f"{name}.png", optimize=True)
        rows.append(json.dumps({"file_name": f"{name}.png", "text": " ".join(text.split())}, ensure_ascii=False))
    (FOLDER / "metadata.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    set_page().save(FOLDER / "page.png", optimize=True)
    (FOLDER / "page.txt").write_text(PAGE, encoding="utf-8")
    columns, text = set_columns()
    columns.save(FOLDER / "columns.png", optimize=True)
    (FOLDER / "columns.txt").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
