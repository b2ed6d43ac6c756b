"""Pages made for testing: lines stay on their print whatever is done to the picture, and texts are prose."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))

import bench_pages
import make_pages
import page_wear
from page_kinds import KINDS
from page_setter import Setter

from scriba.datasets.page_set import PageExample
from scriba.datasets.true_page import TruePage
from scriba.ocr.page_scores import PageScore

MOVING = (page_wear.skew(15), page_wear.skew(-7), page_wear.quarters(1), page_wear.quarters(3), page_wear.photographed,
          page_wear.gutter, page_wear.black_borders)  # fmt: skip


def sheet() -> page_wear.Sheet:
    """White paper with a black square of 21 pixels, which is its only line."""
    pixels = np.full((300, 400, 3), 255, np.float32)
    pixels[120:141, 60:81] = 0
    square = np.array([[60, 120], [80, 120], [80, 140], [60, 140]], np.float64)
    line = page_wear.Line("x", square, np.array([[60.0, 140.0], [80.0, 140.0]]))
    return page_wear.Sheet(pixels, (line,), em=15)


@pytest.mark.parametrize("number", range(len(MOVING)))
def test_lines_move_with_their_print(number: int) -> None:
    moved = MOVING[number](sheet(), np.random.default_rng(3))
    x, y = np.round(moved.lines[0].outline.mean(0)).astype(int)
    paper = moved.pixels[y - 25 : y + 26, x - 25 : x + 26].mean(-1)
    assert moved.pixels[y - 5 : y + 6, x - 5 : x + 6].max() < 20, "ink in the middle"
    assert min(paper[0, 25], paper[-1, 25], paper[25, 0], paper[25, -1]) > 100, "paper around it"


def test_prose_is_of_many_common_words() -> None:
    """More than a hundred different words even of the short lists without wordfreq, the same for the same seed."""
    first, again = (Setter(np.random.default_rng(5), "en", "test").prose(2500, hyphens=False) for _ in range(2))
    assert first == again
    assert len({word.strip(".,;:!?()“”»«").lower() for word in first.split()}) > 100


def test_every_kind_has_a_page() -> None:
    """At least sixty pages, each of which can be set in HTML; figures take no text and blank pages none."""
    assert sum(kind.count for kind in KINDS.values()) >= 60
    for name, kind in KINDS.items():
        body = kind.build(Setter(np.random.default_rng(1), "en", "dev"))
        assert ("data-t" in body) == (name not in ("figure-alone", "blank", "noise")), name


def test_truth_of_a_page() -> None:
    """Cells of a row are one line of the text, and lines of their own in PAGE XML, in outlines within the picture."""
    outline = np.array([[-3.0, 2.0], [500.0, 2.0], [500.0, 9.0]])
    cells = [page_wear.Line(text, outline, outline[:2], block, row) for block, (text, row) in
             enumerate([("Title", None), ("a", 0), ("b & c", 0), ("d", 1)])]  # fmt: skip
    assert make_pages.text_of(tuple(cells)) == "Title\na b & c\nd\n"
    root = ET.fromstring(make_pages.page_xml("x.png", (100, 50), tuple(cells), "en"))
    space = {"p": make_pages.NAMESPACE}
    assert [e.text for e in root.findall(".//p:TextLine//p:Unicode", space)] == ["Title", "a", "b & c", "d"]
    assert {e.get("points") for e in root.findall(".//p:TextLine/p:Coords", space)} == {"0,2 99,2 99,9"}


def test_table_of_the_benchmark() -> None:
    """A row for each kind and system and for all together; what is read on empty pages is counted, not a rate."""
    good, bad, dirt = PageScore(10, errors=1, words=2, words_found=2, words_read=2), PageScore(10, 10), PageScore(0, 3)
    scores = {("book", "a"): [good], ("book", "b"): [bad], ("blank", "a"): [replace(dirt, empty=1, invented=3)]}
    rows = {(kind, system): cells for kind, system, *cells in bench_pages.rows_of(scores)}
    assert rows["book", "a"][0] == "10.00" and rows["book", "b"][0] == "100.00"
    assert rows["blank", "a"][0] == "" and rows["blank", "a"][4] == "3" and rows["book", "a"][4] == ""
    assert rows["all", "a"][0] == "40.00" and rows["all", "a"][4] == "3"


def test_pages_chosen_for_the_benchmark() -> None:
    told = {f"{kind}-{i}.png": {"kind": kind} for kind in ("form", "book") for i in range(3)}
    pages = [PageExample(Path(name), TruePage(())) for name in sorted(told)]
    names = [page.picture.name for page in bench_pages.chosen(pages, told, None, 2)]
    assert names == ["form-0.png", "form-1.png", "book-0.png", "book-1.png"]
    assert len(bench_pages.chosen(pages, told, ["book"], None)) == 3
