"""Lines that a file gives or another package finds are read as they stand, and what is wrong with them is told."""

from __future__ import annotations

import copy
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

import scriba
from scriba.cli import main
from scriba.core.errors import InputError, UsageError
from scriba.core.search import Hypothesis
from scriba.ocr import Model
from scriba.ocr.detectors import in_reading_order
from scriba.ocr.layouts import open_layout
from scriba.ocr.line import Line
from scriba.ocr.page import Box
from scriba.ocr.reader import Page, ReadLine
from scriba.ocr.shape import cut_outline
from scriba.ocr.writers import FORMATS

TEXTS = ("Typed by the old harbour light", "Nobody came to the quay that night", "Lanterns burned in the window")
FONT = ImageFont.load_default(26)
PLACES = tuple((90, 60 + 40 * i) for i in range(3))


def picture(angle: float = 0.0, texts: tuple[str, ...] = TEXTS) -> Image.Image:
    image = Image.new("L", (600, 240), 255)
    for place, text in zip(PLACES, texts, strict=True):
        ImageDraw.Draw(image).text(place, text, fill=0, font=FONT)
    return image.rotate(angle, Image.Resampling.BICUBIC, True, fillcolor=255)


@pytest.fixture(scope="module")
def model() -> Model:
    loaded = scriba.load("ocr-print")
    assert isinstance(loaded, Model)
    return loaded


def read_json(model: Model, path: Path) -> dict[str, Any]:
    """What `--format json` writes of the first page of a file."""
    row = json.loads(FORMATS["json"].document(model.read(path).pages[0]))
    assert isinstance(row, dict)
    return row


def written(path: Path, *pages: Any) -> Path:
    path.write_text("\n".join(json.dumps(page, indent=1) for page in pages))
    return path


@pytest.mark.parametrize("angle", [0, 5, 90, 180])
def test_lines_of_a_file_are_read_as_they_stand(model: Model, tmp_path: Path, angle: int) -> None:
    """Unchanged, and after lines were put in another order, deleted, and left with the polygon alone."""
    path = tmp_path / "page.png"
    picture(angle).save(path)
    row = read_json(model, path)
    again = model.read(path, layout=written(tmp_path / "page.json", row)).pages[0]
    assert again.text == "\n".join(TEXTS) and [list(line.box) for line in again.lines] == [
        line["box"] for line in row["lines"]
    ]
    row["lines"] = [{"polygon": row["lines"][2]["polygon"]}, {"box": row["lines"][0]["box"]}]
    edited = model.read(path, layout=written(tmp_path / "page.json", row))
    assert edited.text.split("\n") == [TEXTS[2], TEXTS[0]]


def test_a_box_is_enough(model: Model, tmp_path: Path) -> None:
    """A file by hand: a box a little tight, one that halves a line, and ink of neighbours that reaches into a box."""
    path = tmp_path / "page.png"
    picture().save(path)
    (x, y), half = PLACES[1], round(FONT.getlength("Nobody came to"))
    boxes = [[x + 3, y + 12, x + half + 2, y + 26], [x + half + 4, y - 8, 600, y + 44]]
    layout = written(tmp_path / "any.json", {"lines": [{"box": box} for box in boxes]})
    assert model.read(path, layout=layout).text.split("\n") == ["Nobody came to", "the quay that night"]


def test_pages_are_told_apart_by_name_and_number(model: Model, tmp_path: Path) -> None:
    """One file with the lines of several pictures, and of a TIFF's pages, wherever they lie by now."""
    (tmp_path / "a").mkdir()
    two = [picture(), picture(texts=TEXTS[::-1])]
    two[0].save(tmp_path / "a" / "two.tif", save_all=True, append_images=two[1:])
    picture(texts=("first", "second", "third")).save(tmp_path / "a" / "one.png")
    box = [80, 50, 590, 95]
    pages = [{"file": "one.png", "lines": [{"box": box}]}]
    pages += [{"file": "elsewhere/two.tif", "page": n, "lines": [{"box": box}]} for n in (2, 1)]
    layout = written(tmp_path / "all.json", *pages)
    files = [tmp_path / "a" / "two.tif", tmp_path / "a" / "one.png"]
    assert [page.text for page in model.read_pages(files, layout=layout)] == [TEXTS[0], TEXTS[2], "first"]


def test_given_lines_are_kept_whatever_the_confidence(line_bundle: Path, tmp_path: Path) -> None:
    """By a model that reads nothing right; one without ink is told, with its number, and the others are read."""
    picture().save(tmp_path / "page.png")
    lines = [{"box": [80, 50, 590, 95]}, {"box": [0, 200, 600, 240]}, {"box": [80, 95, 590, 130]}]
    layout = written(tmp_path / "page.json", {"lines": lines})
    page = next(scriba.load(str(line_bundle)).read_pages([tmp_path / "page.png"], layout=layout, min_confidence=1.0))
    assert len(page.lines) == 2 and "page.png, line 2: the picture is of one colour" in str(page.error)


GOOD = {"file": "page.png", "picture": [600, 240], "lines": [{"box": [80, 50, 590, 95]}]}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"lines": 3}, "page 1: is no object with a list `lines`; write it with"),
        ({"lines": [{"text": "x"}]}, "lines[0]: has neither box nor polygon; give it one"),
        ({"lines": [{"box": [1, 2, 3]}]}, "lines[0].box: is not [left, top, right, bottom] in pixels; mend it"),
        ({"lines": [{"box": [9, 2, 3, 4]}]}, "lines[0].box: is not"),
        ({"lines": [{"box": [0, 0, True, 10**400]}]}, "lines[0].box: is not"),
        ({"lines": [{"polygon": [[0, 0], [1, "x"], [3, 4]]}]}, "lines[0].polygon: is not three or more points"),
        ({"lines": [{"box": [0, 0, 9, 9]}, {"box": [700, 0, 800, 9]}]}, "lines[1] lies outside of the page; move it"),
        ({"picture": [600, 241]}, "is of a page of 600 x 241 pixels, but {page} has 600 x 240; read that picture"),
        ({"width": 7, "height": 240}, "is of a page of 7 x 240 pixels, but {page} has 600 x 240"),
        ({"width": "x"}, "page 1: width and height: is no number of columns and rows; mend it"),
        ({"angle": float("nan")}, "page 1: angle is no number of degrees; put 0"),
        ({"page": 0}, "page 1: page is no whole number from 1; put"),
        ({"page": 2}, "has no page that is {page}; give it one whose `file` and `page` say so"),
        ({"file": "other.png"}, "has no page that is {page}"),
        ({"file": 5}, "page 1: file is no text; name the picture there"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_sentence(
    line_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], told: str
) -> None:
    """It names the file, the page and the key, and what to do."""
    page, layout = tmp_path / "page.png", tmp_path / "lines.json"
    picture().save(page)
    written(layout, copy.deepcopy(GOOD) | changes)
    assert main(["ocr", "read", str(page), "--model", str(line_bundle), "--layout", str(layout)]) == 1
    shown = capsys.readouterr().err
    assert str(layout) in shown and told.format(page=page) in shown and len(shown.splitlines()) == 1


def test_files_that_hold_no_lines(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    for text, told in (("", "is empty"), ("{]", "page 1: is no JSON"), ('{"lines": []} x', "page 2: is no JSON")):
        path.write_text(text)
        with pytest.raises(InputError, match=told):
            open_layout(path)
    path.write_text("[" * 100_000)
    with pytest.raises(InputError, match="is no JSON"):
        open_layout(path)
    with pytest.raises(InputError, match="no such file"):
        open_layout(tmp_path / "none.json")
    with pytest.raises(UsageError, match=r"use auto, line, page, kraken, doctr or a \.json file\. Did you mean 'page'"):
        open_layout("pages")
    layout = open_layout(written(path, GOOD, GOOD))
    with pytest.raises(InputError, match=r"x.json: more than one page is page.png; leave one\."):
        layout(np.asarray(picture()), "page.png", 1, lambda lines: 1.0)


def test_other_ink_is_painted_over() -> None:
    """Of what an outline's box holds, what is not in the outline; the line itself stays, with its margin."""
    page = np.full((200, 400), 255, np.uint8)
    page[100:120, 50:350:8] = page[60:80, 50:350:8] = 0
    page[100:120, 51:350:8] = page[60:80, 51:350:8] = 0
    line = cut_outline(page, ((40, 90), (360, 90), (360, 130), (200, 125), (40, 130)))
    assert line.box == Box(40, 90, 360, 130) and line.left < 50
    dark = (line.pixels < 128).sum(0)
    assert dark.max() == 20 and (dark > 0).sum() == 76
    bent = cut_outline(page, ((40, 50), (360, 50), (360, 130), (330, 130), (330, 95), (40, 95)))
    assert (bent.pixels < 128).any(0).sum() == 76 and (bent.pixels[:, -30:] < 128).sum() > 0


def stand_in(monkeypatch: pytest.MonkeyPatch, boxes: list[tuple[int, int, int, int]]) -> None:
    """Put modules with the interfaces of kraken 7 and docTR 1 in place, which find the same lines."""

    def corners(box: tuple[int, int, int, int]) -> list[tuple[int, int]]:
        return [(box[0], box[1]), (box[2], box[1]), (box[2], box[3]), (box[0], box[3])]

    def predict(im: Image.Image, config: object) -> object:
        return SimpleNamespace(lines=[SimpleNamespace(boundary=corners(box)) for box in boxes])

    def read(pages: list[np.ndarray]) -> object:
        height, width, channels = pages[0].shape
        assert channels == 3
        shares = [((b[0] / width, b[1] / height), (b[2] / width, b[3] / height)) for b in boxes]
        blocks = [SimpleNamespace(lines=[SimpleNamespace(geometry=share)]) for share in shares]
        return SimpleNamespace(pages=[SimpleNamespace(blocks=blocks)])

    task = SimpleNamespace(load_model=lambda: SimpleNamespace(predict=predict))
    modules = {
        "kraken.tasks": SimpleNamespace(SegmentationTaskModel=task),
        "kraken.configs": SimpleNamespace(SegmentationInferenceConfig=object),
        "doctr.models": SimpleNamespace(ocr_predictor=lambda **options: read),
    }
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name.split(".")[0], SimpleNamespace())
        monkeypatch.setitem(sys.modules, name, module)


@pytest.mark.parametrize("name", ["kraken", "doctr"])
def test_lines_of_other_packages_are_read(model: Model, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """In the order kraken has them, and for docTR that of reading; on a page that stood on its head, too."""
    stand_in(monkeypatch, [(80, y - 4, 590, y + 34) for _, y in PLACES[::-1]])
    texts = list(TEXTS if name == "doctr" else TEXTS[::-1])
    assert model.read(picture(), layout=name).text.split("\n") == texts
    over = model.read(picture(180), layout=name)
    assert over.text.split("\n") == texts and over.pages[0].angle == 180


def test_columns_that_doctr_has_side_by_side_are_read_one_after_the_other() -> None:
    """Lines come row by row over both columns; none at all is no fault."""
    columns = [[(x, 50 + 40 * i, x + 400, 80 + 40 * i) for i in range(12)] for x in (60, 540)]
    rows = np.array([box for pair in zip(*columns, strict=True) for box in pair])
    assert in_reading_order(rows, (600, 1000)).tolist() == [list(box) for column in columns for box in column]
    assert len(in_reading_order(np.zeros((0, 4), np.int64), (600, 1000))) == 0


@pytest.mark.parametrize("name", ["kraken", "doctr"])
def test_a_missing_package_is_named(
    line_bundle: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    assert main(["ocr", "read", "x.png", "--model", str(line_bundle), "--layout", name]) == 2
    shown = capsys.readouterr().err
    assert f"--layout {name} needs {name}" in shown and "; pip install " in shown and len(shown.splitlines()) == 1


def test_words_of_an_unknown_script_are_told() -> None:
    """By a key of the line in json; txt has the sign that stands for them."""
    lines = [
        ReadLine(Box(0, 0, 9, 9), Hypothesis(text, 0.0), Line(np.zeros((1, 1)), 0, 1), 0) for text in ("a \ufffd", "b")
    ]
    page = Page("x.png", 1, 20, 20, lines=lines, given=(20, 20))
    rows = json.loads(FORMATS["json"].document(page))["lines"]
    assert rows[0]["unknown_script"] is True and "unknown_script" not in rows[1]
    assert FORMATS["txt"].document(page) == "a \ufffd\nb\n"
