"""Truth files of pages: PAGE XML, ALTO and hOCR, as others write them and damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scriba.core.errors import InputError
from scriba.datasets.page_set import read_page_set, read_true_page
from scriba.datasets.true_page import TrueLine, TruePage, scaled

PAGE = """<?xml version="1.0" encoding="UTF-8"?>
<PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/{version}">
<Metadata><Creator>x</Creator></Metadata>
<Page imageFilename="scan.tif" imageWidth="600" imageHeight="400">
<ReadingOrder><OrderedGroup id="g"><RegionRefIndexed index="1" regionRef="late"/>
<OrderedGroupIndexed id="h" index="0"><RegionRefIndexed index="0" regionRef="early"/></OrderedGroupIndexed>
</OrderedGroup></ReadingOrder>
<TextRegion id="late"><Coords points="0,0 9,0 9,9"/>
<TextLine id="l2"><Coords points="10,60 300,60 300,80 10,80"/>
<TextEquiv><Unicode>second</Unicode></TextEquiv></TextLine>
</TextRegion>
<TextRegion id="early">
<TextLine id="l1"><Coords points="10,20 300,20 300,40 10,40"/><Baseline points="10,36 300,37"/>
<Word><TextEquiv><Unicode>wrong</Unicode></TextEquiv></Word>
<TextEquiv index="1"><Unicode>worse</Unicode></TextEquiv>
<TextEquiv index="0"><Unicode> first &amp; é </Unicode></TextEquiv>
</TextLine>
<TextLine id="l3"><Coords points="damaged"/><Word><TextEquiv><Unicode>two</Unicode></TextEquiv></Word>
<Word><TextEquiv><Unicode>words</Unicode></TextEquiv></Word></TextLine>
</TextRegion>
<ImageRegion id="picture"/>
<TextRegion id="unordered"><TextEquiv><Unicode>a region
without lines</Unicode></TextEquiv></TextRegion>
</Page></PcGts>"""
ALTO = """<alto xmlns="http://www.loc.gov/standards/alto/ns-v{version}#"><Description><MeasurementUnit>mm10</MeasurementUnit>
<sourceImageInformation><fileName>scan.png</fileName></sourceImageInformation></Description>
<Layout><Page WIDTH="2000" HEIGHT="1000"><PrintSpace><ComposedBlock><TextBlock>
<TextLine ID="a" HPOS="100" VPOS="200" WIDTH="500" HEIGHT="40" BASELINE="{baseline}">
<Shape><Polygon POINTS="{polygon}"/></Shape>
<String CONTENT="One"/><SP/><String CONTENT="divi"/><HYP CONTENT="-"/></TextLine>
<TextLine ID="b" HPOS="100" VPOS="250" WIDTH="500" HEIGHT="40"><String CONTENT="ded"/></TextLine>
</TextBlock></ComposedBlock></PrintSpace></Page></Layout></alto>"""
HOCR = """<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1.dtd">
<html><head><meta name="ocr-system" content="x"><title>x</title></head><body>
<div class="ocr_page" title='image "scan.png"; bbox 0 0 600 400; ppageno 0'><div class="ocr_carea"><p class="ocr_par">
<span class="ocr_line" id="line_1" title="bbox 10 20 310 50; baseline 0.01 -6; x_size 30">
 <span class="ocrx_word" title="bbox 10 20 90 50; x_wconf 90">Caf&eacute;</span>
 <span class="ocrx_word"><strong>noir</strong></span></span>
<span class="ocr_header" title="bbox 1 2 3">head</span></p></div></div></body></html>"""


@pytest.mark.parametrize("version", ["2013-07-15", "2017-07-15", "2019-07-15"])
def test_page_xml(version: str, tmp_path: Path) -> None:
    """Lines in the reading order told, the first reading of each, regions that are not in the order last."""
    (tmp_path / "x.xml").write_text(PAGE.format(version=version), encoding="utf-8")
    page = read_true_page(tmp_path / "x.xml")
    assert page.text == "first & é\ntwo words\nsecond\na region\nwithout lines"
    assert (page.size, page.image) == ((600, 400), "scan.tif")
    first, damaged, *_ = page.lines
    assert first.outline is not None and first.outline.tolist() == [[10, 20], [300, 20], [300, 40], [10, 40]]
    assert first.baseline is not None and first.baseline.tolist() == [[10, 36], [300, 37]]
    assert damaged.outline is None and page.lines[-1].outline is None


@pytest.mark.parametrize(
    ("version", "baseline", "polygon"),
    [(2, "236", "100 200 600 200 600 240"), (4, "100,236 600,236", "100,200 600,200 600,240")],
)
def test_alto(version: int, baseline: str, polygon: str, tmp_path: Path) -> None:
    """Hyphens belong to their word; places in tenths of millimetres become pixels of the picture."""
    (tmp_path / "x.xml").write_text(ALTO.format(version=version, baseline=baseline, polygon=polygon))
    page = read_true_page(tmp_path / "x.xml")
    assert page.text == "One divi-\nded" and page.image == "scan.png"
    one, other = scaled(page, (1000, 500))
    assert one.outline is not None and one.outline.tolist() == [[50, 100], [300, 100], [300, 120]]
    assert one.baseline is not None and one.baseline.tolist() == [[50, 118], [300, 118]]
    assert other.outline is not None and other.outline.tolist() == [[50, 125], [300, 125], [300, 145], [50, 145]]


def test_hocr(tmp_path: Path) -> None:
    """Entities of HTML, marked words, a baseline by its slope, and a box that is none."""
    (tmp_path / "x.hocr").write_text(HOCR, encoding="utf-8")
    page = read_true_page(tmp_path / "x.hocr")
    assert [line.text for line in page.lines] == ["Café noir", "head"] and page.size == (600, 400)
    assert page.lines[0].baseline is not None and page.lines[0].baseline.tolist() == [[10, 44], [310, 47]]
    assert page.lines[1].outline is None


def test_truth_for_another_picture() -> None:
    """Places are scaled with the page, never squeezed."""
    page = TruePage((TrueLine("x", np.array([[10.0, 20.0]])),), (600, 400))
    assert scaled(page, (300, 200))[0].outline.tolist() == [[5, 10]]  # type: ignore[union-attr]
    with pytest.raises(InputError, match="600 x 400, not 400 x 600"):
        scaled(page, (400, 600))


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]><PcGts>&b;</PcGts>'


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("x.xml", PAGE.encode()[:500], "no well-formed XML"),
        ("x.xml", b"", "no well-formed XML"),
        ("x.xml", BOMB.encode(), "declares entities"),
        ("x.xml", BOMB.encode("utf-16"), "declares entities"),
        ("x.xml", b"<svg/>", "neither PAGE XML nor ALTO but <svg>"),
        ("x.xml", b"<PcGts/>", "has no <Page>"),
        ("x.xml", b"<alto><Page/><Page/></alto>", "has 2 pages"),
        ("x.hocr", b"<p>no page</p>", "has 0 elements of class ocr_page"),
        ("x.gt.txt", b"\xff\xfe\xff", "not UTF-8"),
    ],
)
def test_damaged_truth(name: str, data: bytes, told: str, tmp_path: Path) -> None:
    """One sentence that names the file."""
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=told) as raised:
        read_true_page(tmp_path / name)
    assert str(raised.value).startswith(str(tmp_path / name)) and "\n" not in str(raised.value)


def test_deep_documents(tmp_path: Path) -> None:
    """Elements nested a hundred thousand deep are read or refused, not crashed on."""
    deep = "<OrderedGroup>" * 100_000 + "</OrderedGroup>" * 100_000
    (tmp_path / "x.xml").write_text(f"<PcGts><Page><ReadingOrder>{deep}</ReadingOrder></Page></PcGts>")
    assert read_true_page(tmp_path / "x.xml").lines == ()


def test_pages_of_a_folder(tmp_path: Path) -> None:
    """Truths lie beside pictures or in a folder `page`; what lacks one is told; XML comes before plain text."""
    (tmp_path / "page").mkdir()
    for name in ("a.png", "b.jpg", "c.png"):
        Image.new("L", (9, 9)).save(tmp_path / name)
    (tmp_path / "page" / "a.xml").write_text(PAGE.format(version="2019-07-15"), encoding="utf-8")
    (tmp_path / "a.gt.txt").write_text("less")
    (tmp_path / "b.txt").write_text("one\n\n two \n")
    pages, problems = read_page_set(tmp_path)
    assert [page.picture.name for page in pages] == ["a.png", "b.jpg"]
    assert pages[0].truth.image == "scan.tif" and pages[1].truth.text == "one\ntwo"
    assert [Path(problem.where).name for problem in problems] == ["c.png"]
    with pytest.raises(InputError, match="no picture of a page"):
        read_page_set(tmp_path / "page")
    with pytest.raises(InputError, match="no such folder"):
        read_page_set(tmp_path / "none")
