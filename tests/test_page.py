"""Lines are found on pages, in reading order, and read from there into every format."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFont
from test_image import print_line

from scriba.cli import main
from scriba.core.bundle import save_bundle
from scriba.core.model import build_model
from scriba.core.options import config_from_values
from scriba.core.tokenizer import CharTokenizer
from scriba.ocr.page import find_lines, skew, upright
from scriba.ocr.task import OcrConfig, OcrTask

SMALL = {
    "encoder": {"channels": [4, 4, 8, 8, 8, 8, 8], "size": 8, "layers": 1},
    "decoder": {"size": 8, "embedding_size": 4},
    "attention": {"size": 8},
}
WORDS = "The quick brown fox jumps over; yes, it lazily (dogged) judges 12,345 pages of gypsum in “Ångström” city."
SIZE = 24


@pytest.fixture(scope="session")
def line_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny untrained line model."""
    folder = tmp_path_factory.mktemp("models") / "lines"
    config = config_from_values(OcrConfig, SMALL, "small")
    tokenizer = CharTokenizer("abc ")
    torch.manual_seed(0)
    model = build_model(config.model(), OcrTask(config).build_encoder(), len(tokenizer))
    save_bundle(folder, task="ocr", config=SMALL, tokenizer=tokenizer, weights=model.state_dict(), card="")
    return folder


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
    lines = find_lines(upright(np.asarray(image)))
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
    assert len(find_lines(upright(np.asarray(image)))) == len(places)
    assert skew(np.asarray(image) < 128) == pytest.approx(-angle, abs=0.2)


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
    common = ["--model", str(line_bundle), "--out", str(tmp_path / "out"), "--decoding.method", "attention"]
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
        assert all(left - 15 <= t["start"] < t["end"] <= right + 25 for t in line["tokens"])
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
    import scriba

    pages = [draw_page([prose(3, 5, seed)])[0] for seed in (1, 2)]
    pages[0].save(tmp_path / "two.tiff", save_all=True, append_images=pages[1:])
    arguments = ["--model", str(line_bundle), "--format", "json", "--plot", str(tmp_path / "plots")]
    assert main(["ocr", "read", str(tmp_path / "two.tiff"), *arguments]) == 0
    read = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(p["page"], len(p["lines"])) for p in read] == [(1, 3), (2, 3)]
    assert {p.name for p in (tmp_path / "plots").iterdir()} == {
        f"two{page}-line{n}.png" for page in ("", "-2") for n in (1, 2, 3)
    }
    print_line().save(tmp_path / "line.png")
    assert main(["ocr", "read", str(tmp_path / "line.png"), "--model", str(line_bundle)]) == 0
    assert scriba.load(str(line_bundle)).read(tmp_path / "line.png").text == capsys.readouterr().out.rstrip("\n")


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
