"""Pages of PDF files as pictures (PDFium)."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import pypdfium2
from PIL import Image

from scriba.core.errors import InputError

DPI = 300
"""Dots per inch of the pictures, fewer only where a page would get too many pixels."""
LOCK = threading.Lock()
"""PDFium does one thing at a time."""


def pdf_pages(file: BinaryIO, name: str, max_pixels: int) -> Iterator[Image.Image | InputError]:
    """Yield the pages of a PDF, or why one cannot be drawn.

    Args:
        file: The file, at its beginning.
        name: What messages call it.
        max_pixels: Pixels of a picture at most.

    Raises:
        InputError: It is damaged, needs a password or has no page.
    """
    with _explained(name):
        document = pypdfium2.PdfDocument(file)
    try:
        with LOCK:
            count = len(document)
        if not count:
            raise InputError(f"{name}: the PDF has no page; save it again.")
        for number in range(count):
            try:
                with _explained(f"{name}, page {number + 1}"):
                    picture = _drawn(document, number, max_pixels)
            except InputError as error:
                yield error
                continue
            yield picture
    finally:
        with LOCK:
            document.close()


def _drawn(document: pypdfium2.PdfDocument, number: int, max_pixels: int) -> Image.Image:
    page = document[number]
    try:
        width, height = page.get_size()
        scale = min(DPI / 72, (max_pixels / max(width * height, 1)) ** 0.5)
        picture: Image.Image = page.render(scale=scale).to_pil().convert("RGB")
    finally:
        page.close()
    return picture


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """Call PDFium, and turn what it raises into one sentence."""
    try:
        with LOCK:
            yield
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise InputError(f"{name}: needs a password; `qpdf --decrypt x.pdf y.pdf` takes it off.") from error
        raise InputError(f"{name}: the PDF is damaged ({error}); save it again.") from error
