"""Lines cut out of pages: straight along their baselines, without their neighbours, and what is told of the others."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from scriba.core.errors import InputError, UsageError
from scriba.datasets.page_lines import cut, page_pixels
from scriba.datasets.source import open_source
from scriba.datasets.true_page import TrueLine
from scriba.ocr.app import APP, OcrConfig

LINE = (
    '<TextLine id="{id}"><Coords points="{points}"/>{more}<TextEquiv><Unicode>{text}</Unicode></TextEquiv></TextLine>'
)


def write_page(path: Path, lines: str, image: str = "scan.png", size: tuple[int, int] = (400, 200)) -> None:
    page = f'<Page imageFilename="{image}" imageWidth="{size[0]}" imageHeight="{size[1]}">'
    path.write_text(f"<PcGts>{page}<TextRegion>{lines}</TextRegion></Page></PcGts>", encoding="utf-8")


def picture(**rows: int) -> Image.Image:
    """White paper with a grey bar of 10 rows at each of some heights."""
    image = Image.new("L", (400, 200), 250)
    for row in rows.values():
        ImageDraw.Draw(image).rectangle((50, row, 349, row + 9), fill=20)
    return image


def pixels(source: object) -> np.ndarray:
    assert isinstance(source, bytes)
    return np.asarray(Image.open(io.BytesIO(source)))


def test_neighbours_are_paper() -> None:
    """A line's picture has its own bar alone, though the neighbour's lies in the box around the outline."""
    outline = np.array([[40.0, 40], [360, 40], [360, 75], [200, 75], [200, 60], [40, 60]])
    strip = cut(np.asarray(picture(own=45, other=62)), TrueLine("x", outline))
    ink = strip < 100
    assert abs(int(ink.any(1).sum()) - 20) <= 1, "the bar, and the neighbour's right half"
    assert ink.sum() < 300 * 10 + 155 * 10 and np.median(strip) == 250


@pytest.mark.parametrize("bend", [0.0, 25.0])
@pytest.mark.parametrize("slope", [0.0, 0.2, -0.4])
def test_lines_are_straightened(slope: float, bend: float) -> None:
    """A bar that rises or bends along its baseline lies level in the strip, as long and as high as along the bar."""
    xs = np.linspace(50, 350, 31)
    ys = 100 + slope * (xs - 200) + bend * np.sin((xs - 50) / 300 * np.pi)
    image = Image.new("L", (400, 250), 250)
    upper = list(zip(xs.tolist(), (ys - 10).tolist(), strict=True))
    ImageDraw.Draw(image).polygon(upper + list(zip(xs.tolist(), ys.tolist(), strict=True))[::-1], fill=20)
    outline = np.concatenate([np.stack([xs, ys - 16], 1), np.stack([xs, ys + 6], 1)[::-1]])
    strip = cut(np.asarray(image), TrueLine("x", outline, np.stack([xs, ys], 1)))
    rows, columns = np.nonzero(strip < 130)
    middle = strip[:, strip.shape[1] // 4 : -strip.shape[1] // 4] < 130
    assert np.ptp(np.argmax(middle, 0)) <= 2, "its upper edge is level"
    assert abs(np.ptp(columns) - np.hypot(np.diff(xs), np.diff(ys)).sum()) < 7
    assert np.ptp(rows) <= 12 and strip.shape[0] < 32


def test_light_print_keeps_its_dark_paper() -> None:
    page = 255 - np.asarray(picture(own=45))
    strip = cut(page, TrueLine("x", np.array([[20.0, 30], [380, 30], [380, 70], [20, 70]])))
    assert np.median(strip) == strip[0, 0] == 5 and strip.max() == 235


def test_page_sources(tmp_path: Path) -> None:
    """Lines with their texts from both schemes; the picture lies beside the file or one folder up."""
    (tmp_path / "page").mkdir()
    picture(a=40, b=100).save(tmp_path / "scan.png")
    lines = LINE.format(
        id="a", points="40,35 360,35 360,55 40,55", more='<Baseline points="50,50 350,50"/>', text="one"
    )
    lines += LINE.format(id="b", points="40,95 360,95 360,115 40,115", more="", text="two")
    write_page(tmp_path / "page" / "scan.xml", lines)
    alto = '<alto><Layout><Page WIDTH="800" HEIGHT="400"><TextLine HPOS="80" VPOS="70" WIDTH="640" HEIGHT="40">'
    alto += '<String CONTENT="one"/></TextLine></Page></Layout></alto>'
    (tmp_path / "scan.xml").write_text(alto)
    source = open_source(f"page:{tmp_path}", media="image")
    assert [(e.id, e.target) for e in source] == [("page/scan.xml#a", "one"), ("page/scan.xml#b", "two")]
    (line,) = open_source(f"alto:{tmp_path}", media="image")
    assert (line.id, line.target) == ("scan.xml#1", "one")
    for example in [*source, line]:
        ink = pixels(example.source) < 100
        assert abs(int(ink.any(1).sum()) - 10) <= 1 and abs(int(ink.any(0).sum()) - 300) <= 2
    with pytest.raises(UsageError, match="holds pictures"):
        open_source(f"page:{tmp_path}", media="audio")


def test_a_page_is_opened_once_for_its_lines(tmp_path: Path) -> None:
    picture(a=40).save(tmp_path / "scan.png")
    line = LINE.format(id="{}", points="40,35 360,35 360,55 40,55", more="", text="x")
    write_page(tmp_path / "x.xml", "".join(line.replace("{}", str(i)) for i in range(9)))
    page_pixels.cache_clear()
    assert len(list(open_source(f"page:{tmp_path}", media="image"))) == 9
    assert page_pixels.cache_info().misses == 1


@pytest.mark.parametrize(
    ("lines", "image", "told"),
    [
        (LINE.format(id="l", points="1,1 99,1 99,20", more="", text=""), "scan.png", "line l: has no text"),
        (LINE.format(id="l", points="1,1 x", more="", text="x"), "scan.png", "no outline that encloses"),
        (LINE.format(id="l", points="900,900 990,900 990,950", more="", text="x"), "scan.png", "of 400 x 200 pixels"),
        (LINE.format(id="l", points="5,5 5,5 5,5", more="", text="x"), "scan.png", "no outline that encloses"),
        (LINE.format(id="l", points="1,1 99,1 99,20", more="", text="x"), "lost.png", "has no picture lost.png"),
        ("<TextLine>", "scan.png", "no well-formed XML"),
    ],
)
def test_lines_that_cannot_be_used_are_told(lines: str, image: str, told: str, tmp_path: Path) -> None:
    """With their file, beside others that can be; alone they are the reason why there is nothing."""
    picture(a=40).save(tmp_path / "scan.png")
    write_page(tmp_path / "bad.xml", lines, image)
    with pytest.raises(InputError, match=told):
        open_source(f"page:{tmp_path}", media="image")
    write_page(tmp_path / "good.xml", LINE.format(id="l", points="40,35 360,35 360,55", more="", text="x"))
    source = open_source(f"page:{tmp_path}", media="image")
    (problem,) = source.problems  # type: ignore[attr-defined]
    assert len(source) == 1 and told in f"{problem.where}: {problem.sentence}"  # type: ignore[arg-type]


def test_damaged_pictures_and_other_truths(tmp_path: Path) -> None:
    """A truth for another picture is told when it is listed, a picture cut off when its lines are measured."""
    picture(a=40).save(tmp_path / "scan.png")
    line = LINE.format(id="l", points="40,35 360,35 360,55", more="", text="x")
    write_page(tmp_path / "scan.xml", line)
    write_page(tmp_path / "other.xml", line, size=(200, 400))
    data = (tmp_path / "scan.png").read_bytes()
    (tmp_path / "scan.png").write_bytes(data[: len(data) // 2])
    source = open_source(f"page:{tmp_path}", media="image")
    assert "200 x 400, not 400 x 200" in source.problems[0].sentence  # type: ignore[attr-defined]
    (example,) = source
    with pytest.raises(InputError, match="truncated"):
        APP.inputs(OcrConfig()).prepare(example)


def test_wild_baselines_cost_no_memory(tmp_path: Path) -> None:
    """One that goes to and fro a thousand times is not followed; places far outside are cut off at the edge."""
    picture(a=40).save(tmp_path / "scan.png")
    fro = '<Baseline points="' + "50,50 350,50 " * 1000 + '"/>'
    lines = LINE.format(id="a", points="40,35 360,35 360,55 40,55", more=fro, text="x")
    lines += LINE.format(
        id="b", points="40,35 900000,35 900000,55 40,55", more='<Baseline points="9,50 999999,50"/>', text="x"
    )
    write_page(tmp_path / "scan.xml", lines)
    assert all(pixels(e.source).shape[1] < 500 for e in open_source(f"page:{tmp_path}", media="image"))
