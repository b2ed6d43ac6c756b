"""What was read, as documents: places in the picture as it was given, one document in one stream, in UTF-8."""

from __future__ import annotations

import io
import json
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from media import print_line
from PIL import Image, ImageDraw, ImageFont

import scriba
from scriba.cli import main
from scriba.core.search import Hypothesis, TextSpan
from scriba.ocr.line import Line
from scriba.ocr.page import Box
from scriba.ocr.places import outline, text_angle
from scriba.ocr.reader import Page, ReadLine
from scriba.ocr.shape import around
from scriba.ocr.turn import turned, turned_place
from scriba.ocr.writers import FORMATS

SHAPE = (300, 500)
"""Rows and columns of the picture as given."""
WORDS = (TextSpan("a<b>", 0.9, 60, 90), TextSpan("ſo", 0.5, 100, 140))
READ = ReadLine(Box(50, 40, 150, 70), Hypothesis("a<b> ſo", -1.0, {}, WORDS, WORDS), Line(np.zeros((1, 1)), 0, 1), 0)
NAMES = {"alto": "{http://www.loc.gov/standards/alto/ns-v4#}"}
NAMES["page"] = "{http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15}"


def page_turned(angle: float) -> Page:
    """A page that was made of a picture of `SHAPE`, with one line."""
    width, height = SHAPE if round(angle / 90) % 2 else SHAPE[::-1]
    return Page('x "&".png', 1, width, height, angle, 1, [READ], given=SHAPE[::-1])


@pytest.mark.parametrize("angle", [0, 3.4, -7.5, 90, 180, 270, -90, 92.5, 181, 266.5])
@pytest.mark.parametrize("mark", [(120, 90), (400, 200)])
def test_a_mark_is_found_where_it_was_drawn(angle: float, mark: tuple[int, int]) -> None:
    """Turned about the centre, by quarters, which swap the sides, and by less, which makes the page grow."""
    picture = Image.new("L", SHAPE[::-1], 0)
    ImageDraw.Draw(picture).ellipse((mark[0] - 5, mark[1] - 5, mark[0] + 5, mark[1] + 5), fill=255)
    level = turned(np.asarray(picture), angle)
    page = Page("x", 1, level.shape[1], level.shape[0], angle, given=picture.size)
    rows, columns = np.nonzero(level > 127)
    x, y = page.place_in_given(columns.mean() + 0.5, rows.mean() + 0.5)
    assert (x, y) == pytest.approx((mark[0] + 0.5, mark[1] + 0.5), abs=0.6)
    back = turned_place(x, y, page.given, (page.width, page.height), angle)
    assert back == pytest.approx((columns.mean() + 0.5, rows.mean() + 0.5))


@pytest.mark.parametrize("angle", [0, 3, 15, 90, 180, 270])
def test_lines_are_read_where_they_were_drawn(angle: int) -> None:
    """Of a picture that was turned clockwise; a dot at each corner of a line is turned with it."""
    image, font = Image.new("L", (900, 500), 255), ImageFont.load_default(26)
    boxes = []
    for i in range(6):
        place = (90, 60 + 60 * i)
        ImageDraw.Draw(image).text(place, "Typed by the old harbour light, Edith", fill=0, font=font)
        boxes.append(ImageDraw.Draw(image).textbbox(place, "Typed by the old harbour light, Edith", font))
    page = scriba.load("ocr-print").read(image.rotate(-angle, Image.Resampling.BICUBIC, True, fillcolor=255)).pages[0]
    row = json.loads(FORMATS["json"].document(page))
    assert len(row["lines"]) == 6 and row["lines"][0]["text"] == "Typed by the old harbour light, Edith"
    for number in (0, 5):
        left, top, right, bottom = boxes[number]
        places = []
        for x, y in ((left, top), (right, top), (right, bottom), (left, bottom)):
            dot = Image.new("L", image.size, 0)
            ImageDraw.Draw(dot).ellipse((x - 3, y - 3, x + 3, y + 3), fill=255)
            rows, columns = np.nonzero(np.asarray(dot.rotate(-angle, Image.Resampling.BICUBIC, True)) > 127)
            places.append((columns.mean(), rows.mean()))
        assert row["lines"][number]["polygon"] == [pytest.approx(place, abs=5) for place in places]


@pytest.mark.parametrize(
    ("angle", "corners", "direction"),
    [
        (0, ((50, 40), (150, 40), (150, 70), (50, 70)), 0),
        (90, ((460, 50), (460, 150), (430, 150), (430, 50)), -90),
        (180, ((450, 260), (350, 260), (350, 230), (450, 230)), -180),
        (270, ((40, 250), (40, 150), (70, 150), (70, 250)), 90),
        (-90, ((40, 250), (40, 150), (70, 150), (70, 250)), 90),
    ],
)
def test_outlines_go_around_as_the_text_runs(
    angle: float, corners: tuple[tuple[int, int], ...], direction: float
) -> None:
    page = page_turned(angle)
    assert outline(READ.box, page) == corners and text_angle(page) == direction
    row = json.loads(FORMATS["json"].document(page))
    assert row["picture"] == [500, 300] and row["lines"][0]["polygon"] == [list(corner) for corner in corners]
    assert row["lines"][0]["box"] == list(READ.box) and [row["width"], row["height"]] == [page.width, page.height]


def test_no_place_lies_outside_of_the_picture() -> None:
    """A corner of the page that the turn brought in from outside is put on the edge."""
    page = page_turned(-10)
    box = around(outline(Box(0, 0, page.width, page.height), page))
    assert box == (0, 0, 500, 300)


@pytest.mark.parametrize("angle", [0, 90, 2.5])
def test_all_formats_have_the_same_places(angle: float) -> None:
    """Of lines and words, in the picture as given; texts, confidences and angles beside them."""
    page = page_turned(angle)
    line = around(outline(READ.box, page))
    words = [around(outline(Box(left, 40, right, 70), page)) for left, right in ((60, 90), (100, 140))]
    rows = [row.split("\t") for row in FORMATS["tsv"].document(page).splitlines()]
    places = [[int(v) for v in row[6:10]] for row in rows[4:]]
    assert places == [[b.left, b.top, b.width, b.height] for b in (line, *words)] and rows[1][8:10] == ["500", "300"]
    hocr = ET.fromstring(FORMATS["hocr"].document(page))
    titles = [(e.get("title") or "").split(";") for e in hocr.iter() if (e.get("class") or "").startswith("ocr")]
    assert [title[0] for title in titles[1:]] == ["bbox {} {} {} {}".format(*b) for b in (line, line, *words)]
    assert titles[2][1:] == ([f" textangle {-angle:.1f}"] if angle else [])
    alto = ET.fromstring(FORMATS["alto"].document(page))
    found = [e for e in alto.iter() if e.tag in (f"{NAMES['alto']}TextLine", f"{NAMES['alto']}String")]
    assert [[int(e.get(name) or -1) for name in ("HPOS", "VPOS", "WIDTH", "HEIGHT")] for e in found] == places
    assert [(e.get("CONTENT"), e.get("WC")) for e in found[1:]] == [("a<b>", "0.9000"), ("ſo", "0.5000")]
    assert alto.findtext(".//{*}fileName") == 'x "&".png'
    xml = ET.fromstring(FORMATS["page"].document(page))
    shapes = [e.get("points") or "" for e in xml.findall(".//{*}TextLine//{*}Coords")]
    corners = [[tuple(map(int, point.split(","))) for point in shape.split()] for shape in shapes]
    assert [around(c) for c in corners] == [line, *words]  # type: ignore[arg-type]
    assert [e.text for e in xml.iter(f"{NAMES['page']}Unicode")] == ["a<b>", "ſo", "a<b> ſo"]
    region, block = xml.find(".//{*}TextRegion"), alto.find(".//{*}TextBlock")
    assert region is not None and block is not None
    expected = f"{-angle:.2f}" if angle else None  # to be turned so far with the clock; against it, it runs so
    assert (region.get("orientation"), block.get("ROTATION")) == (expected, expected)


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """A TIFF of two lines, an empty page, a file that is none and one more line."""
    print_line().save(tmp_path / "two.tif", save_all=True, append_images=[print_line("Again")])
    Image.new("L", (300, 200), 255).save(tmp_path / "empty.png")
    print_line().save(tmp_path / "x.png")
    return [str(tmp_path / name) for name in ("two.tif", "empty.png", "none.png", "x.png")]


@pytest.mark.parametrize("format", ["tsv", "hocr", "alto"])
def test_one_stream_is_one_document(
    line_bundle: Path, files: list[str], format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Pages of one file and of several have one heading, numbers of their own, and names that are there once."""
    assert main(["ocr", "read", *files, "--model", str(line_bundle), "--format", format]) == 1
    shown = capsys.readouterr()
    assert "none.png: no such file" in shown.err
    if format == "tsv":
        rows = [row.split("\t") for row in shown.out.splitlines()]
        assert [row[0] for row in rows].count("level") == 1
        assert [row[1] for row in rows if row[0] == "1"] == ["1", "2", "3", "4"]
        return
    root = ET.fromstring(shown.out)
    ids = [e.get("id") or e.get("ID") for e in root.iter()]
    ids = [name for name in ids if name]
    assert len(ids) == len(set(ids)) and [f"page_{n}" for n in range(1, 5)] == [i for i in ids if i in PAGES]


PAGES = {f"page_{n}" for n in range(1, 9)}


def test_page_xml_has_one_page(
    line_bundle: Path, files: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Several files are refused without a folder, further pages are told; with a folder each page has a file."""
    arguments = ["--model", str(line_bundle), "--format", "page"]
    assert main(["ocr", "read", *files, *arguments]) == 2
    assert "--format page has one page in a document; name a folder with --out." in capsys.readouterr().err
    assert main(["ocr", "read", files[0], *arguments]) == 1
    shown = capsys.readouterr()
    assert len(ET.fromstring(shown.out.encode())) == 2 and "two.tif, page 2: --format page" in shown.err
    assert main(["ocr", "read", files[0], files[1], *arguments, "--out", str(tmp_path / "out")]) == 0
    assert {p.name for p in (tmp_path / "out").iterdir()} == {f"{name}.page.xml" for name in ("two", "two-2", "empty")}
    assert all(ET.parse(p).getroot().tag == f"{NAMES['page']}PcGts" for p in (tmp_path / "out").iterdir())


def test_standard_output_is_utf8_whatever_the_locale(
    line_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A console of another encoding, or none as in cron, does not end a batch; results are as in files."""
    name = str(tmp_path / "größe Ω ſ.png")
    print_line().save(name)
    for encoding in ("cp1252", "ascii"):
        stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
        monkeypatch.setattr(sys, "stdout", stream)
        assert main(["ocr", "read", name, "--model", str(line_bundle), "--format", "json"]) == 0
        stream.flush()
        assert json.loads(stream.buffer.getvalue().decode("utf-8"))["file"] == name  # type: ignore[attr-defined]
