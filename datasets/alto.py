"""ALTO 2 to 4, as libraries' digitisations and ABBYY FineReader write it."""

import math
from pathlib import Path
from xml.etree import ElementTree as ET

from scriba.core.errors import InputError
from scriba.datasets.true_page import (
    Points,
    TrueLine,
    TruePage,
    box_points,
    children,
    kind_of,
    number_of,
    points_of,
    size_of,
)


def page_from_alto(root: ET.Element, path: Path) -> TruePage:
    """Return the page of an ALTO document, its lines in the order in which they stand.

    Places in other units than pixels are for a page of the size told; `scaled` makes them places of its picture.

    Raises:
        InputError: It has no page, or several.
    """
    pages = [element for element in root.iter() if kind_of(element) == "Page"]
    if len(pages) != 1:
        raise InputError(f"{path}: has {len(pages)} pages; make it a file of one page.")
    image = next((e.text for e in root.iter() if kind_of(e) == "fileName" and e.text), None)
    lines = [_line(element) for element in pages[0].iter() if kind_of(element) == "TextLine"]
    size = size_of(pages[0].get("WIDTH"), pages[0].get("HEIGHT"))
    return TruePage(tuple(lines), size, image.strip() if image else None)


def _line(element: ET.Element) -> TrueLine:
    words: list[str] = []
    for part in element:
        text = part.get("CONTENT") or ""
        if kind_of(part) == "String":
            words.append(text)
        elif kind_of(part) == "HYP" and words:  # it belongs to the word before
            words[-1] += text or "-"
    left, top, width, height = (number_of(element.get(name)) for name in ("HPOS", "VPOS", "WIDTH", "HEIGHT"))
    box = box_points(left, top, left + width, top + height)
    shapes = [p for shape in children(element, "Shape") for p in children(shape, "Polygon")]
    outline = points_of(shapes[0].get("POINTS")) if shapes else None
    told = element.get("BASELINE")
    baseline = points_of(told)
    if baseline is None and box is not None and math.isfinite(number_of(told)):  # until ALTO 4 it is one height
        baseline = _level(box, number_of(told))
    return TrueLine(
        " ".join(filter(None, words)), box if outline is None else outline, baseline, element.get("ID") or ""
    )


def _level(box: Points, y: float) -> Points | None:
    """Return a level baseline below a box, if it lies there."""
    corners = box_points(box[0, 0], y, box[1, 0], y)
    return corners[:2] if corners is not None and box[0, 1] <= y <= box[2, 1] + (box[2, 1] - box[0, 1]) else None
