"""hOCR, as Tesseract, ocropus and kraken write it: HTML whose elements say in their titles where they lie."""

import re
from html.parser import HTMLParser

from scriba.core.errors import InputError
from scriba.datasets.true_page import Points, TrueLine, TruePage, box_points, number_of

LINES = frozenset(("ocr_line", "ocrx_line", "ocr_header", "ocr_footer", "ocr_caption", "ocr_textfloat"))
"""Classes of elements that are lines."""
VOID = frozenset(("br", "img", "meta", "link", "hr", "input"))
"""Elements of HTML without an end."""


class HocrReader(HTMLParser):
    """Collects the lines of an hOCR document."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[TrueLine] = []
        self.pages = 0
        self.size: tuple[float, float] | None = None
        self.image: str | None = None
        self._depth = 0
        self._line_depth: int | None = None
        self._title = self._id = ""
        self._texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in VOID:
            return
        self._depth += 1
        told = dict(attrs)
        classes, title = (told.get("class") or "").split(), told.get("title") or ""
        if "ocr_page" in classes:
            self.pages += 1
            box = numbers(title, "bbox")
            self.size = (box[2], box[3]) if len(box) == 4 and min(box[2:]) > 0 else None
            self.image = found[1] if (found := re.search(r'\bimage\s+["\']([^"\']+)["\']', title)) else None
        elif LINES.intersection(classes) and self._line_depth is None:
            self._line_depth, self._title, self._texts = self._depth, title, []
            self._id = told.get("id") or ""

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Nothing is in an element that ends at once."""

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if self._depth == self._line_depth:
            outline, baseline = places(self._title)
            self.lines.append(TrueLine(" ".join("".join(self._texts).split()), outline, baseline, self._id))
            self._line_depth = None
        self._depth -= 1

    def handle_data(self, data: str) -> None:
        if self._line_depth is not None:
            self._texts.append(data)


def page_from_hocr(text: str, name: str) -> TruePage:
    """Return the page of an hOCR document, its lines in the order in which they stand.

    Raises:
        InputError: It has no page, or several.
    """
    reader = HocrReader()
    reader.feed(text)
    reader.close()
    if reader.pages != 1:
        raise InputError(f"{name}: has {reader.pages} elements of class ocr_page; make it a file of one page.")
    return TruePage(tuple(reader.lines), reader.size, reader.image)


def numbers(title: str, key: str) -> list[float]:
    """Return the numbers after a key in a title such as `bbox 1 2 30 40; baseline 0 -3`."""
    found = re.search(rf"(?:^|;)\s*{key}\s+([^;]*)", title)
    return [number_of(value) for value in found[1].split()] if found else []


def places(title: str) -> tuple[Points | None, Points | None]:
    """Return the outline and the baseline of a line from its title."""
    box, base = numbers(title, "bbox"), numbers(title, "baseline")
    outline = box_points(*box) if len(box) == 4 else None
    if outline is None or len(base) != 2:
        return outline, None
    left, _, right, bottom = box
    corners = box_points(left, bottom + base[1], right, bottom + base[1] + base[0] * (right - left))
    return outline, None if corners is None else corners[[0, 2]]
