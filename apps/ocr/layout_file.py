"""Lines as they stand in a file that `scriba ocr read --format json` wrote, edited by hand or written by others.

A page is an object with `lines`, each of which has a `box` in pixels of the upright page or, if it has none, a
`polygon` in pixels of the picture as given. The rest of a page may be left out: `file` and `page` say which it is,
`angle` how it was turned, `picture`, `width` and `height` how large it was before and after.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scriba.core.errors import InputError
from scriba.core.files import page_name, read_text
from scriba.ocr.boxes import Box
from scriba.ocr.image import Grey
from scriba.ocr.layout import Confidence, Found
from scriba.ocr.shape import Polygon, around, corners, cut_outline, within
from scriba.ocr.turn import turned, turned_place

MAX_PLACE = 1_000_000
"""Pixels."""
REMEDY = "write it with `scriba ocr read --format json`"


@dataclass(frozen=True)
class GivenPage:
    """The lines of a page.

    Attributes:
        name: What messages call it.
        file: The file of the page, or "" for any.
        number: Its number in that file, from 1.
        angle: Degrees by which it is to be turned against the clock.
        sizes: Columns and rows of the picture as given, and of the page, as far as they are told.
        lines: Of each line its corners, and whether they are in the picture as given.
    """

    name: str
    file: str
    number: int
    angle: float
    sizes: tuple[tuple[int, int] | None, tuple[int, int] | None]
    lines: tuple[tuple[Polygon, bool], ...]


@dataclass(frozen=True)
class LayoutFile:
    """A layout that has the lines of pages from a file.

    Attributes:
        path: The file.
        pages: Its pages.
    """

    path: Path
    pages: tuple[GivenPage, ...]

    def __call__(self, picture: Grey, file: str, number: int, confidence: Confidence) -> Found:
        """Return the lines of a picture in the order of the file."""
        given = self._page_of(file, number)
        level = turned(picture, given.angle)
        before, after = picture.shape[::-1], level.shape[::-1]
        for told, size in zip(given.sizes, (before, after), strict=True):
            if told not in (None, size):
                raise InputError(
                    f"{given.name}: is of a page of {told[0]} x {told[1]} pixels, but {page_name(file, number)} has "
                    f"{size[0]} x {size[1]}; read that picture with --format json."
                )
        lines = []
        for i, (outline, in_picture) in enumerate(given.lines):
            if in_picture:
                places = (turned_place(x, y, before, after, given.angle) for x, y in outline)
                outline = tuple((round(x), round(y)) for x, y in places)
            box = within(around(outline), level)
            if box.width <= 0 or box.height <= 0:
                raise InputError(f"{given.name}: lines[{i}] lies outside of the page; move it there, or delete it.")
            lines.append(cut_outline(level, outline))
        return Found(level, lines, given.angle, True)

    def _page_of(self, file: str, number: int) -> GivenPage:
        numbered = [page for page in self.pages if page.number == number]
        exact = [page for page in numbered if page.file == file]
        alike = [page for page in numbered if page.file == "" or Path(page.file).name == Path(file).name]
        found = exact or alike
        if len(found) != 1:
            what = (
                f"more than one page is {page_name(file, number)}; leave one"
                if found
                else (f"has no page that is {page_name(file, number)}; give it one whose `file` and `page` say so")
            )
            raise InputError(f"{self.path}: {what}.")
        return found[0]


def read_layout(path: Path) -> LayoutFile:
    """Read the lines of pages from a file: JSON objects, one after the other.

    Raises:
        InputError: The file is missing or has something else in it.
    """
    text, pages = read_text(path, remedy=REMEDY).strip(), list[GivenPage]()
    decoder, place = json.JSONDecoder(), 0
    while place < len(text):
        name = f"{path}: page {len(pages) + 1}"
        try:
            row, place = decoder.raw_decode(text, place)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{name}: is no JSON ({error}); mend it, or {REMEDY}.") from error
        while text[place : place + 1].isspace():
            place += 1
        pages.append(_page(row, name))
    if not pages:
        raise InputError(f"{path}: is empty; {REMEDY}.")
    return LayoutFile(path, tuple(pages))


def _page(row: Any, name: str) -> GivenPage:
    if not isinstance(row, dict) or not isinstance(row.get("lines"), list):
        raise InputError(f"{name}: is no object with a list `lines`; {REMEDY}.")
    file, number, angle = row.get("file", ""), row.get("page", 1), row.get("angle", 0.0)
    if not isinstance(file, str):
        raise InputError(f"{name}: file is no text; name the picture there, or leave it out.")
    if type(number) is not int or number < 1:
        raise InputError(f"{name}: page is no whole number from 1; put that of the page in the file, or leave it out.")
    if not _is_number(angle) or abs(angle) > 360:
        raise InputError(f"{name}: angle is no number of degrees; put 0 for a page that stands upright.")
    page_size = [row.get("width"), row.get("height")] if "width" in row or "height" in row else None
    sizes = _size(row.get("picture"), f"{name}: picture"), _size(page_size, f"{name}: width and height")
    lines = tuple(_outline(line, f"{name}: lines[{i}]") for i, line in enumerate(row["lines"]))
    return GivenPage(name, file, number, float(angle), sizes, lines)


def _outline(line: Any, name: str) -> tuple[Polygon, bool]:
    """Return the corners of a line, and whether they are in the picture as given."""
    if not isinstance(line, dict) or not ("box" in line or "polygon" in line):
        raise InputError(f"{name}: has neither box nor polygon; give it one, or delete the line.")
    if "box" in line:
        box = line["box"]
        if not _are_numbers(box, 4) or box[0] >= box[2] or box[1] >= box[3]:
            raise InputError(f"{name}.box: is not [left, top, right, bottom] in pixels; mend it, or delete the line.")
        return corners(Box(*(round(value) for value in box))), False
    polygon = line["polygon"]
    if not isinstance(polygon, list) or len(polygon) < 3 or not all(_are_numbers(point, 2) for point in polygon):
        raise InputError(f"{name}.polygon: is not three or more points [x, y]; mend it, or delete the line.")
    return tuple((round(x), round(y)) for x, y in polygon), True


def _size(value: Any, name: str) -> tuple[int, int] | None:
    if value is None:
        return None
    if not _are_numbers(value, 2):
        raise InputError(f"{name}: is no number of columns and rows; mend it, or leave it out.")
    return round(value[0]), round(value[1])


def _are_numbers(value: Any, count: int) -> bool:
    return isinstance(value, list) and len(value) == count and all(map(_is_number, value))


def _is_number(value: Any) -> bool:
    """Tell a number that a place can be from truths, from what is not finite and from what nothing is as large as."""
    return type(value) in (int, float) and abs(value) <= MAX_PLACE
