"""Make pages of known text for scoring layout and reading: set by a browser, then worn as scans and photographs are.

    python scripts/make_pages.py OUT --split dev|test [--kinds columns-2 receipt …] [--seed N]

writes for each page a picture (x.png or x.jpg), its text in reading order (x.gt.txt) and PAGE XML with the outlines,
baselines and texts of its lines (x.xml), and pages.jsonl with the kind, language and resolution of each. The same seed
makes the same pages on the same machine. Texts are random common words in 15 languages. Needs Chromium
(`--browser` names it) and `pip install wordfreq`; the faces are those of Debian's packages in
scripts/training_faces.sh, in `test` only of families that scriba's models were not trained with where a kind allows it.
"""

import argparse
import hashlib
import html
import importlib.util
import json
import re
import subprocess
import tempfile
import xml.etree.ElementTree as ET
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from page_designs import STYLE
from page_kinds import KINDS, Kind
from page_setter import Setter
from page_wear import Line, Points, Sheet, image_of
from PIL import ExifTags, Image

from scriba.core.command import track

LANGUAGES = {
    "en": "eng", "cs": "ces", "de": "deu", "pl": "pol", "fr": "fra", "tr": "tur", "hu": "hun", "sv": "swe", "es": "spa",
    "da": "dan", "it": "ita", "fi": "fin", "pt": "por", "nb": "nor", "nl": "nld",
}  # fmt: skip
"""Languages in the order in which pages take them, and what Tesseract calls them."""
NAMESPACE = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"
TURNS = ((6, Image.Transpose.ROTATE_90), (3, Image.Transpose.ROTATE_180), (8, Image.Transpose.ROTATE_270))
"""Ways to store a picture turned: the EXIF orientation that turns it back, and how it is turned."""

MEASURE = Path(__file__).with_name("measure_lines.js")


def set_page(kind: Kind, body: str, language: str, browser: str) -> Sheet:
    """Render the body of a page and measure its lines.

    Raises:
        SystemExit: The browser cannot be run, or gives no picture.
    """
    width, height = kind.size
    scale = kind.dpi / 96
    style = STYLE + f"html,body{{margin:0;background:#fff}}#page{{width:{width}px;height:{height}px}}"
    with tempfile.TemporaryDirectory() as folder:
        source, picture = Path(folder, "page.html"), Path(folder, "page.png")
        source.write_text(
            f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"><style>{style}</style></head>'
            f'<body><div id="page">{body}</div><script>{MEASURE.read_text()}</script></body></html>',
            encoding="utf-8",
        )
        command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--dump-dom"]
        command += [f"--force-device-scale-factor={scale}", f"--window-size={width},{height}"]
        command += ["--virtual-time-budget=5000", f"--user-data-dir={folder}/profile", f"--screenshot={picture}"]
        try:
            done = subprocess.run([*command, source.as_uri()], capture_output=True, text=True, timeout=120)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SystemExit(
                f"{browser}: cannot be run ({error}); install Chromium or name it by --browser."
            ) from error
        found = re.search(r'<pre id="lines"[^>]*>(.*?)</pre>', done.stdout, re.S)
        if found is None or not picture.exists():
            raise SystemExit(f"{browser}: made no page; {done.stderr[-500:]}")
        pixels = np.asarray(Image.open(picture).convert("RGB"), np.float32)
    rows = [row for row in json.loads(html.unescape(found[1])) if row["bottom"] <= height]  # the others are cut off
    return Sheet(pixels, tuple(measured(row, scale) for row in rows), scale * 15)


def measured(row: dict[str, Any], scale: float) -> Line:
    """Return a line from what the browser told of it: edges and baseline in CSS pixels."""
    xs = np.linspace(row["left"], row["right"], 12)
    top, bottom, base = (np.full(len(xs), row[name]) for name in ("top", "bottom", "base"))
    outline = np.concatenate([np.stack([xs, top], 1), np.stack([xs, bottom], 1)[::-1]])
    return Line(row["text"], scale * outline, scale * np.stack([xs, base], 1), row["block"], row["row"])


def text_of(lines: tuple[Line, ...]) -> str:
    """Return the text of a page, a line a line, the cells of a row of a table beside each other."""
    rows = groupby(enumerate(lines), lambda item: (item[1].row, None if item[1].row is not None else item[0]))
    return "".join(" ".join(line.text for _, line in row) + "\n" for _, row in rows)


def page_xml(name: str, size: tuple[int, int], lines: tuple[Line, ...], language: str) -> bytes:
    """Return a page as PAGE XML."""

    def points(places: Points) -> str:
        inside = np.clip(np.round(places), 0, np.array(size) - 1).astype(int)
        return " ".join(f"{x},{y}" for x, y in inside)

    root = ET.Element("PcGts", xmlns=NAMESPACE)
    metadata = ET.SubElement(root, "Metadata")
    for tag, value in (
        ("Creator", "scriba"),
        ("Created", "2000-01-01T00:00:00"),
        ("LastChange", "2000-01-01T00:00:00"),
    ):
        ET.SubElement(metadata, tag).text = value
    page = ET.SubElement(root, "Page", imageFilename=name, imageWidth=str(size[0]), imageHeight=str(size[1]))
    blocks = [list(block) for _, block in groupby(lines, lambda line: line.block)]
    if blocks:
        order = ET.SubElement(ET.SubElement(page, "ReadingOrder"), "OrderedGroup", id="order")
        for number in range(len(blocks)):
            ET.SubElement(order, "RegionRefIndexed", index=str(number), regionRef=f"r{number}")
    for number, block in enumerate(blocks):
        region = ET.SubElement(page, "TextRegion", id=f"r{number}", primaryLanguage=language)
        corners = np.concatenate([line.outline for line in block])
        (left, top), (right, bottom) = corners.min(0), corners.max(0)
        box = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
        ET.SubElement(region, "Coords", points=points(box))
        for i, line in enumerate(block):
            element = ET.SubElement(region, "TextLine", id=f"r{number}l{i}")
            ET.SubElement(element, "Coords", points=points(line.outline))
            ET.SubElement(element, "Baseline", points=points(line.baseline))
            ET.SubElement(ET.SubElement(element, "TextEquiv"), "Unicode").text = line.text
    ET.indent(root)
    return ET.tostring(root, encoding="utf-8", xml_declaration=True)


def save_picture(sheet: Sheet, kind: Kind, stem: Path, number: int) -> Path:
    """Write the picture of a page as its kind wants it; returns its file."""
    image = image_of(sheet)
    if kind.bits == 1:
        image = image.convert("1")
    options: dict[str, Any] = {"dpi": (kind.dpi, kind.dpi)}
    if kind.exif:
        orientation, turn = TURNS[number % len(TURNS)]
        image = image.transpose(turn)
        options["exif"] = exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = orientation
    file = stem.with_name(f"{stem.name}.{'jpg' if kind.photo else 'png'}")
    image.save(file, **options, **({"quality": 82} if kind.photo else {}))
    return file


def make_page(out: Path, kind_name: str, number: int, language: str, key: str, browser: str) -> dict[str, Any]:
    """Make one page of a kind and write its files; returns its row of pages.jsonl.

    Args:
        out: Where to.
        kind_name: The kind.
        number: Number of the page among those of its kind.
        language: Language of its text.
        key: The split and the seed, as split:seed.
        browser: Command that renders it.
    """
    kind, name = KINDS[kind_name], f"{kind_name}-{number}"
    rng = np.random.default_rng(int(hashlib.sha256(f"{key}:{name}".encode()).hexdigest()[:12], 16))
    sheet = set_page(kind, kind.build(Setter(rng, language, key.split(":")[0], number)), language, browser)
    for step in kind.wear(number):
        sheet = step(sheet, rng)
    file = save_picture(sheet, kind, out / name, number)
    high, wide = sheet.pixels.shape[:2]
    text = text_of(sheet.lines)
    (out / f"{name}.gt.txt").write_text(text, encoding="utf-8")
    (out / f"{name}.xml").write_bytes(page_xml(file.name, (wide, high), sheet.lines, language))
    row = {"image": file.name, "kind": kind_name, "language": language, "tesseract": LANGUAGES[language]}
    return row | {"dpi": kind.dpi, "lines": len(sheet.lines), "characters": len(text)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder, made where it is missing")
    parser.add_argument("--split", choices=("dev", "test"), required=True, help="faces and texts are of one split")
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS), metavar="KIND", help="all")
    parser.add_argument("--seed", type=int, default=1, help="(default: %(default)s)")
    parser.add_argument("--browser", default="chromium", help="(default: %(default)s)")
    options = parser.parse_args()
    if importlib.util.find_spec("wordfreq") is None:
        raise SystemExit("make_pages: the words are missing; pip install wordfreq.")
    options.out.mkdir(parents=True, exist_ok=True)
    rotation = list(LANGUAGES)
    jobs = [(kind, number) for kind in KINDS for number in range(KINDS[kind].count)]
    listing = options.out / "pages.jsonl"
    kept = listing.read_text(encoding="utf-8").splitlines() if listing.exists() else []
    rows = {json.loads(row)["image"]: row for row in kept}
    for place, (kind, number) in enumerate(track(jobs, "pages", len(jobs))):
        if kind in options.kinds:
            language = "en" if KINDS[kind].english else rotation[place % len(rotation)]
            key = f"{options.split}:{options.seed}"
            row = make_page(options.out, kind, number, language, key, options.browser)
            rows[row["image"]] = json.dumps(row, ensure_ascii=False)
            listing.write_text("\n".join(rows.values()) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
