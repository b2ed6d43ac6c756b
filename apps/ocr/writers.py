"""Pages that were read, as files: one function for each format."""

import json
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path

from scriba import __version__
from scriba.core.search import TextSpan
from scriba.ocr.page import Box
from scriba.ocr.reader import Page, ReadLine

TSV_COLUMNS: tuple[str, ...] = ("level", "page_num", "block_num", "par_num", "line_num", "word_num")
TSV_COLUMNS += ("left", "top", "width", "height", "conf", "text")
"""Those of Tesseract."""


def to_txt(page: Page) -> str:
    """Return the text alone, a line of print on each line."""
    return f"{page.text}\n" if page.lines else ""


def to_json(page: Page) -> str:
    """Return one line of JSON: the page, and each line on it with its box, text, tokens and words.

    Places are pixels of the page after it was turned upright, by `angle` degrees against the clock.
    """
    head: dict[str, object] = {"file": page.file, "page": page.number, "width": page.width, "height": page.height}
    head["angle"] = round(page.angle, 2)
    lines = [{"box": list(line.box), **line.hypothesis.to_json()} for line in page.lines]
    body = {"seconds": round(page.seconds, 4), "text": page.text.rstrip("\n"), "lines": lines}
    return json.dumps(head | body, ensure_ascii=False) + "\n"


def to_tsv(page: Page) -> str:
    """Return a table of the page, its lines and words in Tesseract's columns; confidences are in percent."""
    whole = (0, 0, page.width, page.height)
    rows: list[Sequence[object]] = [TSV_COLUMNS]
    rows += [[1, page.number, 0, 0, 0, 0, *whole, -1, ""], [2, page.number, 1, 0, 0, 0, *whole, -1, ""]]
    rows.append([3, page.number, 1, 1, 0, 0, *whole, -1, ""])
    for i, line in enumerate(page.lines, start=1):
        rows.append([4, page.number, 1, 1, i, 0, *_corner_and_size(line.box), -1, ""])
        for j, word in enumerate(line.hypothesis.words, start=1):
            place = _corner_and_size(word_box(word, line))
            rows.append([5, page.number, 1, 1, i, j, *place, f"{100 * word.confidence:.2f}", word.text])
    return "\n".join("\t".join(map(str, row)) for row in rows) + "\n"


def to_hocr(page: Page) -> str:
    """Return a page of hOCR 1.2: HTML with the boxes of lines and words on the upright page."""
    turned = f"; textangle {-page.angle:.1f}" if page.angle else ""
    title = f"image {json.dumps(page.file, ensure_ascii=False)}; bbox 0 0 {page.width} {page.height}; ppageno "
    rows = []
    for i, line in enumerate(page.lines, start=1):
        words = " ".join(
            f"<span class='ocrx_word' id='word_{i}_{j}' title='{_bbox(word_box(word, line))}; "
            f"x_wconf {100 * word.confidence:.0f}'>{escape(word.text)}</span>"
            for j, word in enumerate(line.hypothesis.words, start=1)
        )
        rows.append(f"   <span class='ocr_line' id='line_{i}' title='{_bbox(line.box)}{turned}'>{words}</span>")
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html xmlns="http://www.w3.org/1999/xhtml">',
            " <head>",
            f"  <title>{escape(Path(page.file).name)}</title>",
            '  <meta charset="utf-8"/>',
            f"  <meta name='ocr-system' content='scriba {__version__}'/>",
            "  <meta name='ocr-capabilities' content='ocr_page ocr_line ocrx_word'/>",
            " </head>",
            " <body>",
            f'  <div class="ocr_page" id="page_{page.number}" title="{escape(title)}{page.number - 1}">',
            *rows,
            "  </div>",
            " </body>",
            "</html>\n",
        ]
    )


def word_box(word: TextSpan, line: ReadLine) -> Box:
    """Return where a word lies: its columns, over the height of the line."""
    if word.start is None or word.end is None:
        return line.box
    left = min(max(round(word.start), line.box.left), line.box.right - 1)
    right = min(max(round(word.end), left + 1), line.box.right)
    return Box(left, line.box.top, right, line.box.bottom)


def _corner_and_size(box: Box) -> tuple[int, int, int, int]:
    return box.left, box.top, box.width, box.height


def _bbox(box: Box) -> str:
    return f"bbox {box.left} {box.top} {box.right} {box.bottom}"


WRITERS: Mapping[str, Callable[[Page], str]] = {"txt": to_txt, "json": to_json, "tsv": to_tsv, "hocr": to_hocr}
ONE_FILE_EACH = ("tsv", "hocr")
"""Formats of which two cannot follow one another in one stream."""
