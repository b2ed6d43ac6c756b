"""The layouts there are: lines found by their ink, by other packages, or given by a file."""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from scriba.core.errors import UsageError, nearest
from scriba.ocr.cut import PageLine
from scriba.ocr.detectors import DETECTORS
from scriba.ocr.image import Grey
from scriba.ocr.layout import Confidence, Found, Layout, right_way_up
from scriba.ocr.layout_file import read_layout
from scriba.ocr.line import MIN_CONTRAST
from scriba.ocr.page import Box, find_lines, upright_lines

SINGLE_LINE_SHARE = 0.45
"""A picture of which one line takes more of the height than this is a picture of that line."""


def one_line(picture: Grey, file: str, number: int, confidence: Confidence) -> Found:
    """Take a picture for one line."""
    return Found(picture, [PageLine(Box(0, 0, picture.shape[1], picture.shape[0]), picture)], 0.0, True)


def printed_page(picture: Grey, file: str, number: int, confidence: Confidence) -> Found:
    """Find lines by their ink (`apps/ocr/page.py`)."""
    return right_way_up(Found(*upright_lines(picture)), find_lines, confidence)


def line_or_page(picture: Grey, file: str, number: int, confidence: Confidence) -> Found:
    """Find lines by their ink, or take a picture for one line if one of them fills it."""
    found = Found(*upright_lines(picture))
    sizes = sorted((line.box.height for line in found.lines), reverse=True)
    if sizes and sizes[0] > SINGLE_LINE_SHARE * len(picture):
        alone = len(sizes) == 1 or sizes[1] < 0.6 * sizes[0]  # lesser ones are parts of lines around it
    else:
        alone = not sizes and len(picture) < 100 and bool(np.ptp(picture) >= MIN_CONTRAST)
    return one_line(picture, file, number, confidence) if alone else right_way_up(found, find_lines, confidence)


LAYOUTS: Mapping[str, Layout] = {"auto": line_or_page, "line": one_line, "page": printed_page}
"""Those that need nothing else."""


def open_layout(layout: str | Path | Layout) -> Layout:
    """Return a layout by its name or from its file; one that is there already, as it is.

    Raises:
        UsageError: There is none of that name, or the package that it needs is missing.
        InputError: The file cannot be used.
    """
    if not isinstance(layout, str | Path):
        return layout
    name = str(layout)
    if name in LAYOUTS:
        return LAYOUTS[name]
    if name in DETECTORS:
        return DETECTORS[name]()
    if name.endswith(".json") or os.path.exists(name):
        return read_layout(Path(name))
    names = [*LAYOUTS, *DETECTORS]
    raise UsageError(f"--layout {name}: use {', '.join(names)} or a .json file.{nearest(name, names)}")
