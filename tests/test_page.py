"""Lines are found on pages, in reading order, and read from there into every format."""

from __future__ import annotations

import json
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from media import print_line
from PIL import Image, ImageDraw, ImageFont

import scriba
from scriba.cli import main
from scriba.core.errors import InputError
from scriba.ocr.gutters import find_gutters
from scriba.ocr.page import find_lines, upright
from scriba.ocr.runs import find_runs, nearest_letters

WORDS = "The quick brown fox jumps over; yes, it lazily (dogged) judges 12,345 pages of gypsum in “Ångström” city."
SIZE = 24


def draw_page(
    columns: list[list[str]], angle: float = 0.0, heading: str = ""
) -> tuple[Image.Image, list[tuple[int, int]]]:
    """Set columns of lines side by side; returns the page and the place where each line begins."""
    image = Image.new("L", (1000, 1300), 250)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(SIZE)
    places = []
    if heading:
        draw.text((120, 30), heading, fill=10, font=font)
        places.append((120, 30))
    for c, lines in enumerate(columns):
        for i, text in enumerate(lines):
            place = (70 + 460 * c, 120 + 36 * i)
            draw.text(place, text, fill=10, font=font)
            places.append(place)
    return image.rotate(angle, Image.Resampling.BICUBIC, fillcolor=250), places


def prose(count: int, words: int, seed: int = 0) -> list[str]:
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS.split(), rng.integers(max(1, words - 2), words + 1))) for _ in range(count)]


def assert_found(image: Image.Image, places: list[tuple[int, int]]) -> None:
    lines = find_lines(upright(np.asarray(image))[0])
    assert len(lines) == len(places)
    for line, (x, y) in zip(lines, places, strict=True):
        assert abs(line.box.left - x) < 14 and abs(line.box.top - y) < 14, (line.box, (x, y))
        assert line.box.height < 1.7 * SIZE


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_thirty_lines_in_order(seed: int) -> None:
    """Every line of a page, short ones too, from top to bottom."""
    assert_found(*draw_page([prose(30, 8, seed)]))


def test_columns_are_read_one_after_the_other() -> None:
    """Two columns of running text under a heading: the heading, the left column, the right one."""
    assert_found(
        *draw_page(
            [[t[:30] for t in prose(25, 6, seed)] for seed in (1, 2)],
            heading="Heading across both of the columns, it is",
        )
    )


@pytest.mark.parametrize("heading", ["", "Heading across both of the columns, it is"])
def test_a_page_number_between_the_columns_does_not_join_them(heading: str) -> None:
    """A footer that crosses the gutter: heading, left column, right column, footer."""
    image, places = draw_page([[t[:30] for t in prose(25, 6, seed)] for seed in (1, 2)], heading=heading)
    ImageDraw.Draw(image).text((440, 1150), "- page 17 -", fill=10, font=ImageFont.load_default(SIZE))
    assert_found(image, [*places, (440, 1150)])


def test_runs_grow_letter_by_letter() -> None:
    """Letters join the run they continue, marks the nearest letter; what is far away is a run of its own."""
    letters = np.array([(x, y, x + 8, y + 20) for x, y in ((0, 10), (12, 10), (24, 10), (0, 50), (12, 50), (200, 10))])
    gutters = find_gutters(letters, np.zeros((0, 4), np.int64), (100, 300), 20)
    run = find_runs(letters, gutters)
    assert run[0] == run[1] == run[2] != run[3] == run[4] and len(set(run)) == 3
    marks = np.array([(34, 27, 37, 31), (13, 44, 15, 46), (90, 90, 93, 93)])
    assert nearest_letters(marks, letters, 0.9).tolist() == [2, 4, -1]


def test_figures_at_the_right_stay_in_their_lines() -> None:
    """A receipt: the prices are no column of text."""
    image, places = draw_page([[f"{w:<8}" for w in WORDS.split()[:12]]])
    draw = ImageDraw.Draw(image)
    for x, y in places:
        draw.text((x + 600, y), "12.50", fill=10, font=ImageFont.load_default(SIZE))
    assert_found(image, places)


@pytest.mark.parametrize("angle", [-3.0, -0.8, 1.5])
def test_a_page_that_lies_askew_is_turned(angle: float) -> None:
    image, places = draw_page([prose(20, 8)], angle)
    assert len(find_lines(upright(np.asarray(image))[0])) == len(places)
    assert upright(np.asarray(image))[1] == pytest.approx(-angle, abs=0.2)


@pytest.mark.parametrize("text", ["IV", "17", "- 12 -", "Fig. 7"])
def test_a_page_with_little_print_stays_as_it_is(text: str) -> None:
    """A few letters tell no angle."""
    image = Image.new("L", (1240, 1754), 250)
    ImageDraw.Draw(image).text((600, 900), text, fill=10, font=ImageFont.load_default(30))
    assert upright(np.asarray(image))[1] == 0


def test_light_print_on_dark() -> None:
    image, places = draw_page([prose(10, 8)])
    assert_found(image.point(lambda v: 255 - v), places)


@pytest.mark.parametrize("value", [0, 255, 128])
def test_an_empty_page_has_no_lines(value: int) -> None:
    assert find_lines(np.full((400, 300), value, np.uint8)) == []


def test_neighbours_are_painted_over() -> None:
    """The picture of a line holds its own ink and none of the lines above and below."""
    image, _ = draw_page([["gypsy judging", "Ålfred ÄÖÜ bdfhkl", "gypsy"]])
    line = find_lines(np.asarray(image))[1]
    alone, _ = draw_page([["", "Ålfred ÄÖÜ bdfhkl", ""]])
    b = line.box
    ink = int((np.asarray(alone) < 128).sum())
    assert abs(int((line.pixels < 128).sum()) - ink) < 0.05 * ink
    assert b.width > 150


def test_read_writes_every_format(line_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Lines, words and boxes agree across txt, json, tsv and hOCR; a bad file is told and the rest is read."""
    image, places = draw_page([prose(9, 6)])
    image.save(tmp_path / "page.png")
    print_line().save(tmp_path / "line.png")
    (tmp_path / "bad.png").write_bytes(b"no picture")
    files = [str(tmp_path / name) for name in ("page.png", "bad.png", "line.png")]
    common = [
        "--model",
        str(line_bundle),
        "--min_confidence",
        "0",
        "--out",
        str(tmp_path / "out"),
        "--decoding.method",
        "attention",
    ]
    for kind in ("txt", "json", "tsv", "hocr"):
        assert main(["ocr", "read", *files, *common, "--format", kind]) == 1
        assert f"{files[1]}: is not a picture" in capsys.readouterr().err
    out = tmp_path / "out"
    assert {p.name for p in out.iterdir()} == {
        f"{s}.{k}" for s in ("page", "line") for k in ("txt", "json", "tsv", "hocr")
    }
    page = json.loads((out / "page.json").read_text())
    assert (page["width"], page["height"], len(page["lines"])) == (1000, 1300, len(places))
    assert (out / "page.txt").read_text().splitlines() == [line["text"] for line in page["lines"]]
    assert len(json.loads((out / "line.json").read_text())["lines"]) == 1
    words = [word["text"] for line in page["lines"] for word in line["words"]]
    for line in page["lines"]:
        left, top, right, bottom = line["box"]
        assert 0 <= left < right <= 1000 and 0 <= top < bottom <= 1300
        assert all(left - 12 <= t["start"] < t["end"] <= right + 12 for t in line["tokens"])
    rows = [row.split("\t") for row in (out / "page.tsv").read_text().splitlines()]
    assert all(len(row) == 12 for row in rows) and rows[0][0] == "level"
    assert [row[-1] for row in rows if row[0] == "5"] == words
    tree = ET.parse(out / "page.hocr")
    spans = [e for e in tree.iter() if e.get("class") == "ocrx_word"]
    assert [e.text for e in spans] == words and all("bbox" in (e.get("title") or "") for e in spans)


def test_read_tiff_pages_plots_and_python(
    line_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Pages of a TIFF are numbered; --plot draws each line; `scriba.load` reads the same text."""
    pages = [draw_page([prose(3, 5, seed)])[0] for seed in (1, 2)]
    pages[0].save(tmp_path / "two.tiff", save_all=True, append_images=pages[1:])
    keep = ["--min_confidence", "0"]
    arguments = ["--model", str(line_bundle), *keep, "--format", "json", "--plot", str(tmp_path / "plots")]
    assert main(["ocr", "read", str(tmp_path / "two.tiff"), *arguments]) == 0
    read = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(p["page"], len(p["lines"])) for p in read] == [(1, 3), (2, 3)]
    assert {p.name for p in (tmp_path / "plots").iterdir()} == {
        f"two{page}-{one}.png" for page in ("", "-2") for one in ("line1", "line2", "line3", "order")
    }
    print_line().save(tmp_path / "line.png")
    assert main(["ocr", "read", str(tmp_path / "line.png"), "--model", str(line_bundle), *keep]) == 0
    model, shown = scriba.load(str(line_bundle)), capsys.readouterr().out
    line = model.read(tmp_path / "line.png", min_confidence=0)
    assert line.text == line.lines[0].hypothesis.text == shown.removesuffix("\n") and len(line.lines) == 1
    two = model.read((tmp_path / "two.tiff").read_bytes(), min_confidence=0)
    texts = [line["text"] for page in read for line in page["lines"]]
    assert [line.hypothesis.text for line in two.lines] == two.text.split("\n") == texts
    assert [page.text.split("\n") for page in two.pages] == [texts[:3], texts[3:]]
    words = [(word["text"], word["confidence"]) for page in read for line in page["lines"] for word in line["words"]]
    assert [(word.text, round(word.confidence, 4)) for word in two.words] == words
    mean = np.exp(np.mean([np.log(word.confidence) for word in two.words])) if words else 0
    assert two.confidence == pytest.approx(mean)


def test_python_chooses_between_line_and_page(line_bundle: Path, tmp_path: Path) -> None:
    """`layout` says what a picture is of; what cannot be read is raised, whichever page it is on."""
    model = scriba.load(str(line_bundle))
    draw_page([prose(4, 5)])[0].save(tmp_path / "page.png")
    for layout, lines in (("auto", 4), ("page", 4), ("line", 1)):
        assert len(model.read(tmp_path / "page.png", layout=layout, min_confidence=0).lines) == lines
    Image.new("L", (300, 200), 255).save(tmp_path / "empty.png")
    empty = model.read(tmp_path / "empty.png")
    assert (empty.text, empty.lines, empty.words, empty.confidence, len(empty.pages)) == ("", [], [], 0, 1)
    with pytest.raises(InputError, match="one colour"):
        model.read(tmp_path / "empty.png", layout="line")
    blank = Image.new("L", print_line().size, 255)
    print_line().save(tmp_path / "t.tiff", save_all=True, append_images=[blank])
    with pytest.raises(InputError, match="page 2: the picture is of one colour"):
        model.read(tmp_path / "t.tiff", layout="line")


def test_equal_names_do_not_overwrite_each_other(
    line_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """x.png of two folders, x.jpg and a picture named like a TIFF's second page: each has a file, and it is told."""
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        print_line().save(tmp_path / folder / "x.png")
    print_line().save(tmp_path / "b" / "x.jpg")
    print_line().save(tmp_path / "x-2.png")
    print_line().save(tmp_path / "x.tiff", save_all=True, append_images=[print_line()])
    files = [str(tmp_path / name) for name in ("a/x.png", "b/x.png", "b/x.jpg", "x.tiff", "x-2.png")]
    out = tmp_path / "out"
    assert main(["ocr", "read", *files, "--model", str(line_bundle), "--out", str(out)]) == 0
    assert {p.name for p in out.iterdir()} == {f"{s}.txt" for s in ("x", "x_2", "x_3", "x_4", "x-2", "x-2_2")}
    assert f"{files[1]}: x is the name of an earlier one; it is written as x_2" in capsys.readouterr().err


def test_one_bad_page_or_line_costs_no_other(
    line_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A blank page in the middle of a TIFF, and a line that is far too long on a page: told, and the rest is read."""
    empty = Image.new("L", print_line().size, 255)
    print_line().save(tmp_path / "t.tiff", save_all=True, append_images=[empty, print_line()])
    arguments = ["--model", str(line_bundle), "--format", "json"]
    assert main(["ocr", "read", str(tmp_path / "t.tiff"), "--layout", "line", *arguments]) == 1
    shown = capsys.readouterr()
    assert [json.loads(line)["page"] for line in shown.out.splitlines()] == [1, 3]
    assert "t.tiff, page 2: the picture is of one colour" in shown.err
    narrow = shutil.copytree(line_bundle, tmp_path / "narrow")
    config = json.loads((narrow / "config.json").read_text())
    (narrow / "config.json").write_text(json.dumps(config | {"line": {"max_columns": 400}}))
    draw_page([["short", " ".join(prose(1, 9)), "one more"]])[0].save(tmp_path / "page.png")
    arguments = ["--model", str(narrow), "--format", "json", "--min_confidence", "0"]
    assert main(["ocr", "read", str(tmp_path / "page.png"), *arguments]) == 1
    shown = capsys.readouterr()
    assert len(json.loads(shown.out)["lines"]) == 2 and "longer than" in shown.err


def test_pictures_without_a_line_keep_their_row(
    line_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of several files in txt, each picture of one line or none is a row that begins with its name."""
    names = [str(tmp_path / f"{i}.png") for i in range(3)]
    for name, image in zip(names, (print_line(), Image.new("L", (300, 200), 255), print_line()), strict=True):
        image.save(name)
    assert main(["ocr", "read", *names, "--model", str(line_bundle)]) == 0
    assert [row.split("\t")[0] for row in capsys.readouterr().out.splitlines()] == names
    same = [names[0], names[0]]
    assert main(["ocr", "read", *same, "--model", str(line_bundle)]) == 0
    assert "is the name of an earlier one" not in capsys.readouterr().err, "no file is written, so no name is taken"


def test_two_tight_lines_are_two(line_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A picture cropped around two lines is no picture of one."""
    image = Image.new("L", (500, 90), 255)
    for y in (2, 44):
        ImageDraw.Draw(image).text((4, y), "Hello gypsy world", fill=0, font=ImageFont.load_default(40))
    image.save(tmp_path / "two.png")
    arguments = ["--model", str(line_bundle), "--format", "json", "--min_confidence", "0"]
    assert main(["ocr", "read", str(tmp_path / "two.png"), *arguments]) == 0
    assert len(json.loads(capsys.readouterr().out)["lines"]) == 2


def test_a_batch_size_of_nothing_is_refused(
    line_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    print_line().save(tmp_path / "x.png")
    assert main(["ocr", "read", str(tmp_path / "x.png"), "--model", str(line_bundle), "--batch_size", "0"]) == 2
    assert "--batch_size 0: give 1 to 65536" in capsys.readouterr().err


@pytest.mark.parametrize("shape", [(1, 40), (40, 1), (200, 300), (32, 20_000)])
def test_extreme_pictures_do_not_stop_the_command(
    line_bundle: Path, tmp_path: Path, shape: tuple[int, int], capsys: pytest.CaptureFixture[str]
) -> None:
    """White, black, noise or a dot, of extreme shapes: exit status 0 or 1, and never a traceback."""
    rng = np.random.default_rng(0)
    pictures = [np.full(shape, 255), np.zeros(shape), rng.integers(0, 256, shape)]
    for i, pixels in enumerate(pictures):
        Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / f"{i}.png")
    files = [str(tmp_path / f"{i}.png") for i in range(3)]
    for layout in ("auto", "line", "page"):
        assert main(["ocr", "read", *files, "--model", str(line_bundle), "--layout", layout]) in (0, 1)
    assert "Traceback" not in capsys.readouterr().err
