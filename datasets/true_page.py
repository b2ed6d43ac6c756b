"""What stands on a page, as a truth file says it: its lines in reading order, with where they are.

PAGE XML (`page_xml.py`), ALTO (`alto.py`) and hOCR (`hocr.py`) tell places too, plain text does not.
"""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
from numpy.typing import NDArray

from scriba.core.errors import InputError
from scriba.core.files import read_bytes

Points = NDArray[np.float64]
"""Places (n, 2) in pixels of the upright picture, x before y."""
MAX_TRUTH = 256 << 20
"""Bytes of a truth file."""
MAX_PLACE = 1e6
"""Farthest place that is believed, in pixels."""


@dataclass(frozen=True)
class TrueLine:
    """A line of a page.

    Attributes:
        text: What it says; empty where the file does not tell.
        outline: Corners of what encloses it, if told.
        baseline: What its letters stand on, from left to right, if told.
        id: What the file calls it.
    """

    text: str
    outline: Points | None = None
    baseline: Points | None = None
    id: str = ""


@dataclass(frozen=True)
class TruePage:
    """A page.

    Attributes:
        lines: Its lines, in reading order.
        size: Width and height of the page that places are told for, if the file says.
        image: Name of its picture, if the file says.
    """

    lines: tuple[TrueLine, ...]
    size: tuple[float, float] | None = None
    image: str | None = None

    @property
    def text(self) -> str:
        """The lines, one below the other."""
        return "\n".join(line.text for line in self.lines)


def parse_xml(path: Path) -> ET.Element:
    """Return the root of an XML file, without looking anything up that it refers to.

    Raises:
        InputError: It cannot be read, is damaged, or declares entities, which could grow without bounds.
    """
    data = read_bytes(path, MAX_TRUTH)
    if any("<!ENTITY".encode(code) in data for code in ("utf-8", "utf-16-le", "utf-16-be")):
        raise InputError(f"{path}: declares entities of its own; remove its DOCTYPE.")
    try:
        return ET.fromstring(data)
    except (ET.ParseError, ValueError, LookupError) as error:
        raise InputError(f"{path}: is no well-formed XML ({error}); export it again.") from error


def kind_of(element: ET.Element) -> str:
    """Return the name of an element without its namespace."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def children(element: ET.Element, *kinds: str) -> list[ET.Element]:
    """Return the children of an element that are of some kinds."""
    return [child for child in element if kind_of(child) in kinds]


def points_of(text: str | None) -> Points | None:
    """Return the places of `x,y x,y …` or `x y x y …`; None where it is empty, or no such list."""
    try:
        values = [float(value) for value in (text or "").replace(",", " ").split()]
    except ValueError:
        return None
    if not values or len(values) % 2 or not all(math.isfinite(v) and abs(v) <= MAX_PLACE for v in values):
        return None
    return np.array(values).reshape(-1, 2)


def box_points(left: float, top: float, right: float, bottom: float) -> Points | None:
    """Return the corners of a box; None where it is none."""
    if not all(math.isfinite(v) and abs(v) <= MAX_PLACE for v in (left, top, right, bottom)):
        return None
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float64)


def number_of(text: str | None) -> float:
    """Return a number, NaN where there is none."""
    try:
        return float(text or "nan")
    except ValueError:
        return math.nan


def size_of(width: str | None, height: str | None) -> tuple[float, float] | None:
    """Return a width and height, None where one is missing."""
    size = number_of(width), number_of(height)
    return size if all(math.isfinite(v) and 0 < v <= MAX_PLACE for v in size) else None


def scaled(page: TruePage, size: tuple[int, int]) -> Sequence[TrueLine]:
    """Return the lines of a page with their places in a picture of another size (width, height).

    Raises:
        InputError: The picture has other proportions than the page.
    """
    if page.size is None or page.size == size:
        return page.lines
    factors = np.array([size[0] / page.size[0], size[1] / page.size[1]])
    if not 0.98 < factors[0] / factors[1] < 1.02:
        wide, high = page.size
        raise InputError(f"its truth is for a picture of {wide:g} x {high:g}, not {size[0]} x {size[1]} pixels.")

    def move(points: Points | None) -> Points | None:
        return None if points is None else points * factors

    return [TrueLine(line.text, move(line.outline), move(line.baseline), line.id) for line in page.lines]


def file_beside(name: str | None, path: Path, suffixes: Sequence[str]) -> Path | None:
    """Return the picture of a truth file: of the name that it says, or of its own, beside it or one folder up."""
    names = [Path(name.replace("\\", "/")).name] if name else []
    names += [path.name.split(".")[0] + suffix for suffix in suffixes]
    names += [path.stem + suffix for suffix in suffixes]
    places = [folder / name for folder in (path.parent, path.parent.parent) for name in names]
    return next((place for place in places if os.path.isfile(place)), None)
