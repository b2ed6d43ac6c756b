"""Pages that were read, as files: for each format how a document begins, what a page is in it, and how it ends.

Places in JSON are of the upright page and of the picture as given, in all other formats of the picture as given
(`apps/ocr/places.py`).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

from scriba import __version__
from scriba.ocr.markup import ALTO_TAIL, alto_head, to_alto, to_page_xml
from scriba.ocr.page import Box
from scriba.ocr.places import all_lines, given_box, outline, text_angle, word_box
from scriba.ocr.reader import Page, ReadLine

TSV_COLUMNS: tuple[str, ...] = ("level", "page_num", "block_num", "par_num", "line_num", "word_num")
TSV_COLUMNS += ("left", "top", "width", "height", "conf", "text")
"""Those of Tesseract."""
UNKNOWN_SCRIPT = "\ufffd"
"""Stands for words of a script that a model cannot read."""
HOCR_HEAD = f"""<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml">
 <head>
  <title>%s</title>
  <meta charset="utf-8"/>
  <meta name='ocr-system' content='scriba {__version__}'/>
  <meta name='ocr-capabilities' content='ocr_page ocr_par ocr_line ocrx_word'/>
 </head>
 <body>
"""


class Format(NamedTuple):
    """A format of documents.

    Attributes:
        page: Returns a page, as the page of that number in the document.
        head: Returns how a document begins that has this page first.
        tail: How it ends.
        one_page: A document has one page only.
        suffix: Ending of files, if that is not the name of the format.
    """

    page: Callable[[Page, int], str]
    head: Callable[[Page], str] = lambda page: ""
    tail: str = ""
    one_page: bool = False
    suffix: str = ""

    def document(self, page: Page) -> str:
        """Return a document of one page."""
        return self.head(page) + self.page(page, page.number) + self.tail


def to_txt(page: Page, number: int) -> str:
    """Return the text alone, a line of print on each line."""
    return f"{page.text}\n" if page.lines else ""


def to_json(page: Page, number: int) -> str:
    """Return one line of JSON: the page, and each line on it with its box, polygon, text, tokens and words.

    Boxes and columns are pixels of the page after it was turned upright, by `angle` degrees against the clock, to
    `width` and `height`; polygons are pixels of the picture as given, of the size `picture`. A line with words of a
    script that the model cannot read has `unknown_script`.
    """
    head: dict[str, object] = {"file": page.file, "page": page.number, "width": page.width, "height": page.height}
    head |= {"angle": round(page.angle, 2), "picture": page.given}
    lines = [_line_row(line, page) for line in page.lines]
    body = {"seconds": round(page.seconds, 4), "text": page.text.rstrip("\n"), "lines": lines}
    return json.dumps(head | body, ensure_ascii=False) + "\n"


def _line_row(line: ReadLine, page: Page) -> dict[str, object]:
    row: dict[str, object] = {"box": list(line.box), "polygon": outline(line.box, page)}
    unknown = {"unknown_script": True} if UNKNOWN_SCRIPT in line.hypothesis.text else {}
    return row | unknown | line.hypothesis.to_json()


def to_tsv(page: Page, number: int) -> str:
    """Return a table of the page, its lines and words in Tesseract's columns; confidences are in percent."""
    whole = (0, 0, *page.given)
    rows: list[Sequence[object]] = [[1, number, 0, 0, 0, 0, *whole, -1, ""], [2, number, 1, 0, 0, 0, *whole, -1, ""]]
    rows.append([3, number, 1, 1, 0, 0, *whole, -1, ""])
    for i, line in enumerate(page.lines, start=1):
        rows.append([4, number, 1, 1, i, 0, *_corner_and_size(line.box, page), -1, ""])
        for j, word in enumerate(line.hypothesis.words, start=1):
            place = _corner_and_size(word_box(word, line), page)
            rows.append([5, number, 1, 1, i, j, *place, f"{100 * word.confidence:.2f}", word.text])
    return "".join("\t".join(map(str, row)) + "\n" for row in rows)


def to_hocr(page: Page, number: int) -> str:
    """Return a page of hOCR 1.2; lines that do not run level in the picture have their angle against the clock."""
    width, height = page.given
    turned = f"; textangle {text_angle(page):.1f}" if page.angle else ""
    title = f"image {json.dumps(page.file, ensure_ascii=False)}; bbox 0 0 {width} {height}; ppageno {number - 1}"
    rows = []
    for i, line in enumerate(page.lines, start=1):
        words = " ".join(
            f"<span class='ocrx_word' id='word_{number}_{i}_{j}' "
            f"title='{_bbox(given_box(word_box(word, line), page))}; "
            f"x_wconf {100 * word.confidence:.0f}'>{escape(word.text)}</span>"
            for j, word in enumerate(line.hypothesis.words, start=1)
        )
        place = _bbox(given_box(line.box, page)) + turned
        rows.append(f"    <span class='ocr_line' id='line_{number}_{i}' title='{place}'>{words}</span>\n")
    if rows:
        place = _bbox(all_lines(page))
        rows = [f"   <p class='ocr_par' id='par_{number}' title='{place}'>\n", *rows, "   </p>\n"]
    return "".join([f'  <div class="ocr_page" id="page_{number}" title="{escape(title)}">\n', *rows, "  </div>\n"])


def _corner_and_size(box: Box, page: Page) -> tuple[int, int, int, int]:
    place = given_box(box, page)
    return place.left, place.top, place.width, place.height


def _bbox(place: Box) -> str:
    return "bbox {} {} {} {}".format(*place)


FORMATS: Mapping[str, Format] = {
    "txt": Format(to_txt),
    "json": Format(to_json),
    "tsv": Format(to_tsv, lambda page: "\t".join(TSV_COLUMNS) + "\n"),
    "hocr": Format(to_hocr, lambda page: HOCR_HEAD % escape(Path(page.file).name), " </body>\n</html>\n"),
    "alto": Format(to_alto, alto_head, ALTO_TAIL, suffix="alto.xml"),
    "page": Format(to_page_xml, one_page=True, suffix="page.xml"),
}
