"""Scores of whole pages: what counts as an error, in order and in any, and `ocr eval --level page`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from media import print_line

from scriba.core.text import normalisation
from scriba.ocr.eval import main
from scriba.ocr.page_scores import added, errors_in_any_order, rates, score_page, turned

PLAIN = normalisation("none")


def box(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], float)


def test_line_ends_do_not_count() -> None:
    score = score_page(["one two", "three"], ["one", "two three"], PLAIN)
    assert (score.characters, score.errors, score.words_found, score.words_read) == (13, 0, 3, 3)


def test_columns_in_the_wrong_order() -> None:
    """Errors in order, none in any order, all words found."""
    left, right = ["the first column", "goes on here"], ["and a second", "stands beside it"]
    score = score_page(left + right, right + left, PLAIN)
    assert score.errors > 40 and score.errors_any_order == 0
    assert rates(score)["words_found"] == 100 and rates(score)["words_invented"] == 0


@pytest.mark.parametrize(
    ("truth", "read", "errors"),
    [
        (["Total 12.50"], ["Total 12.50"], 0),
        (["Total", "12.50", "Cash", "20.00"], ["Cash 20.00", "Total 12.50"], 0),  # cells read as rows
        (["first left line first right line"], ["first right line", "first left line"], 0),  # a row read in two
        (["a line of text", "another one"], ["another ome", "a lime of text"], 2),
        (["a line of text"], [], 14),
        ([], ["dirt"], 4),
        (["abcd", "a line of text"], ["a line of text", "wxyz"], 4),  # a wrong line is wrong once
    ],
)
def test_errors_in_any_order(truth: list[str], read: list[str], errors: int) -> None:
    assert errors_in_any_order(truth, read) == errors


def test_any_order_is_never_worse() -> None:
    rng = np.random.default_rng(1)
    for _ in range(30):
        truth, read = (["".join(rng.choice(list("ab c"), 8)) for _ in range(4)] for _ in range(2))
        score = score_page(truth, read, PLAIN)
        assert score.errors_any_order <= score.errors


def test_a_long_page_is_scored_quickly() -> None:
    """Some 10 000 characters of which nothing was read right."""
    rng = np.random.default_rng(1)
    truth, read = (["".join(rng.choice(list("abcdefgh "), 50)) for _ in range(200)] for _ in range(2))
    assert score_page(truth, read, PLAIN).errors > 5000


def test_words_found_and_invented() -> None:
    numbers = rates(score_page(["a b b c"], ["b b b d"], PLAIN))
    assert (numbers["words_found"], numbers["words_invented"]) == (50.0, 50.0)


def test_empty_pages_count_what_is_invented() -> None:
    """They have no rates of their own, but count in the total's."""
    nothing, dirt = score_page([], [], PLAIN), score_page([""], ["ab", "c"], PLAIN)
    assert "cer" not in rates(nothing)
    total = rates(added([nothing, dirt, score_page(["ten letter"], ["ten letter"], PLAIN)]))
    assert (total["empty_pages"], total["invented_characters"], total["cer"]) == (2, 4, 40.0)


def test_lines_found() -> None:
    """A line is found by a box of its own that covers half of it; one large box finds one line."""
    lines = [box(0, 0, 100, 10), box(0, 20, 100, 30)]

    def found(*boxes: tuple[float, float, float, float]) -> float:
        return rates(score_page(["a", "b"], [], PLAIN, 0.0, lines, boxes))["lines_found"]

    assert found((0, 0, 100, 10), (0, 18, 60, 32)) == 100
    assert found((0, 0, 100, 30)) == 50
    assert found((0, 0, 40, 10), (60, 20, 100, 30)) == 0


def test_places_on_a_turned_page() -> None:
    """A quarter against the clock brings the upper right corner to the upper left; small turns are about the middle."""
    assert turned(np.array([[200.0, 0.0]]), 90, (200, 100), (100, 200)) == pytest.approx(np.array([[0.0, 0.0]]))
    assert turned(np.array([[100.0, 50.0]]), 7, (200, 100), (220, 130)) == pytest.approx(np.array([[110.0, 65.0]]))
    rises = turned(np.array([[200.0, 50.0]]), 10, (200, 100), (200, 100))
    assert rises[0, 1] < 35, "against the clock, the right end goes up"


def test_eval_of_pages(line_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Pages with truths of several forms are scored, one line is printed, a damaged picture told and the rest done."""
    folder = tmp_path / "pages"
    folder.mkdir()
    for name in ("a", "b", "c", "d", "e"):
        print_line("Hello, world").save(folder / f"{name}.png")
    xml = '<PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/2013-07-15"><Page imageWidth="360" '
    xml += 'imageHeight="90"><TextRegion id="r"><TextLine><Coords points="30,20 200,20 200,50 30,50"/><TextEquiv>'
    xml += "<Unicode>Hello, world</Unicode></TextEquiv></TextLine></TextRegion></Page></PcGts>"
    (folder / "a.xml").write_text(xml)
    (folder / "b.gt.txt").write_text("Hello,\nworld\n")
    (folder / "c.txt").write_text("")
    (folder / "d.txt").write_text("Hello, world")
    (folder / "d.png").write_bytes(b"no picture")
    report, texts = tmp_path / "scores.json", tmp_path / "texts.jsonl"
    options = ["--level", "page", "--min_confidence", "0", "--json", str(report), "--texts", str(texts)]
    assert main([str(line_bundle), str(folder), *options]) == 1
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 1 and "on 4 pages" not in out and "on 3 pages" in out
    assert "d.png: is not a picture" in err and "e.png: has no truth beside it" in err
    scores = json.loads(report.read_text())
    assert (scores["level"], scores["pages"], scores["failed"], scores["broken_rows"]) == ("page", 3, 1, 1)
    assert (scores["characters"], scores["empty_pages"], scores["lines_found"]) == (24, 1, 100.0)
    assert [Path(row["id"]).name for row in scores["rows"]] == ["a.png", "b.png", "c.png", "d.png"]
    assert "lines_found" not in scores["rows"][1] and "cer" not in scores["rows"][2] and "error" in scores["rows"][3]
    rows = [json.loads(row) for row in texts.read_text().splitlines()]
    assert [row["reference"] for row in rows] == ["Hello, world", "Hello,\nworld", "", "Hello, world"]
