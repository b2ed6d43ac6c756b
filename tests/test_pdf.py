"""PDF files are read page by page, as pictures."""

from __future__ import annotations

from pathlib import Path

import pypdfium2
import pytest
from PIL import Image, ImageDraw, ImageFont
from printed import paper, set_text

from scriba.cli import main
from scriba.core.errors import InputError
from scriba.core.files import open_pages, pdf


def write_pdf(path: Path, titles: tuple[str, ...]) -> None:
    """Write a PDF of A4 pages with a title and some lines."""
    pages = []
    for number, title in enumerate(titles):
        page = paper(1240, 1754)
        ImageDraw.Draw(page).text((100, 100), title, fill=0, font=ImageFont.load_default(48))
        set_text(page, (100, 220), 1000, 8, 26, seed=number)
        pages.append(page)
    pages[0].save(path, save_all=True, append_images=pages[1:], resolution=150)


def test_pages_are_drawn(tmp_path: Path) -> None:
    """In order, at 300 dots per inch; a page of a poster's size at fewer; also from bytes."""
    write_pdf(tmp_path / "x.pdf", ("One", "Two"))
    first, second = open_pages(tmp_path / "x.pdf", "x.pdf")
    assert isinstance(first, Image.Image) and isinstance(second, Image.Image)
    assert abs(first.width - 2480) <= 2 and abs(first.height - 3508) <= 2 and first.tobytes() != second.tobytes()
    assert len(list(open_pages((tmp_path / "x.pdf").read_bytes(), "x.pdf"))) == 2
    with (tmp_path / "x.pdf").open("rb") as file:
        small = next(iter(pdf.pdf_pages(file, "x.pdf", 1_000_000)))
    assert isinstance(small, Image.Image) and 0.99e6 < small.width * small.height < 1.01e6


def test_the_command_reads_every_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_pdf(tmp_path / "x.pdf", ("First of all", "Then another"))
    assert main(["ocr", "read", str(tmp_path / "x.pdf")]) == 0
    text = capsys.readouterr().out
    assert "First of all" in text and "Then another" in text and text.index("First") < text.index("Then another")


def test_what_cannot_be_opened_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A damaged file, and one with a password, in one sentence; the other files of a batch are read."""
    (tmp_path / "bad.pdf").write_bytes(b"%PDF-1.7\nnothing of it is left")
    with pytest.raises(InputError, match=r"^bad: the PDF is damaged .*; save it again\.$"):
        list(open_pages(tmp_path / "bad.pdf", "bad"))
    write_pdf(tmp_path / "x.pdf", ("Read",))
    assert main(["ocr", "read", str(tmp_path / "bad.pdf"), str(tmp_path / "x.pdf")]) == 1

    def locked(file: object) -> None:
        raise pypdfium2.PdfiumError("Failed to load document (PDFium: Incorrect password error).")

    monkeypatch.setattr(pypdfium2, "PdfDocument", locked)
    with pytest.raises(InputError, match=r"^x: needs a password; `qpdf --decrypt"):
        list(open_pages(tmp_path / "x.pdf", "x"))


def test_what_names_a_pdf_among_other_bytes_is_none(tmp_path: Path) -> None:
    """A photograph whose comment begins as a PDF is a photograph; a PDF behind lines of text is one."""
    Image.new("RGB", (30, 20)).save(tmp_path / "x.jpg", comment=b"%PDF-1.7")
    assert [page.size for page in open_pages(tmp_path / "x.jpg", "x") if isinstance(page, Image.Image)] == [(30, 20)]
    write_pdf(tmp_path / "x.pdf", ("Read",))
    sent = b"Content-Type: application/pdf\r\n\r\n" + (tmp_path / "x.pdf").read_bytes()
    assert isinstance(next(iter(open_pages(sent, "x"))), Image.Image)
