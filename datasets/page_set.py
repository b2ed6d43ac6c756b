"""Pictures of whole pages with their truth beside them."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from scriba.core.errors import InputError
from scriba.core.files import read_text
from scriba.datasets.alto import page_from_alto
from scriba.datasets.hocr import page_from_hocr
from scriba.datasets.listed import Problem, is_text
from scriba.datasets.page_xml import page_from_xml
from scriba.datasets.paired import IMAGES
from scriba.datasets.true_page import MAX_TRUTH, TrueLine, TruePage, kind_of, parse_xml

TRUTHS = ("{}.xml", "page/{}.xml", "alto/{}.xml", "{}.alto.xml", "{}.hocr", "{}.html", "{}.gt.txt", "{}.txt")
"""Where the truth of a picture is looked for; of several, the first counts."""


class PageExample(NamedTuple):
    """A picture of a page and what stands on it."""

    picture: Path
    truth: TruePage


def read_true_page(path: Path) -> TruePage:
    """Return what a truth file says: PAGE XML, ALTO or hOCR, and any other file is plain text.

    Raises:
        InputError: It cannot be read, or is damaged.
    """
    if path.suffix.lower() in (".hocr", ".html", ".htm"):
        return page_from_hocr(read_text(path, MAX_TRUTH), str(path))
    if path.suffix.lower() == ".xml":
        root = parse_xml(path)
        reader = {"PcGts": page_from_xml, "alto": page_from_alto}.get(kind_of(root))
        if reader is None:
            raise InputError(f"{path}: is neither PAGE XML nor ALTO but <{kind_of(root)}>; export it as one of them.")
        return reader(root, path)
    lines = read_text(path, MAX_TRUTH).splitlines()
    return TruePage(tuple(TrueLine(line.strip()) for line in lines if line.strip()))


def truth_beside(picture: Path) -> Path | None:
    """Return the truth file of a picture."""
    stems = [picture.name.removesuffix(suffix) for suffix in sorted(IMAGES, key=len) if picture.name.endswith(suffix)]
    places = [picture.parent / form.format(stem) for stem in stems for form in TRUTHS]
    return next((place for place in places if os.path.isfile(place)), None)


def read_page_set(folder: Path) -> tuple[Sequence[PageExample], Sequence[Problem]]:
    """Return the pages of a folder and of the folders below it, in the order of their names.

    A picture without a truth, or whose truth cannot be read, is a problem.

    Raises:
        InputError: There is no page.
    """
    if not os.path.isdir(folder):
        raise InputError(f"{folder}: no such folder; check the path.")
    pages: list[PageExample] = []
    problems: list[Problem] = []
    for picture in sorted(p for p in folder.rglob("*") if p.name.endswith(IMAGES) and os.path.isfile(p)):
        truth = truth_beside(picture)
        if truth is None or not is_text(str(picture)):
            looked = "has no truth beside it (.xml, .hocr, .gt.txt or .txt)."
            problems.append(Problem(str(picture), looked if truth is None else "the name is not UTF-8; rename it."))
            continue
        try:
            pages.append(PageExample(picture, read_true_page(truth)))
        except InputError as error:
            problems.append(Problem(str(truth), str(error).removeprefix(f"{truth}: ")))
    if not pages:
        told = f" ({problems[0].where}: {problems[0].sentence})" if problems else ""
        raise InputError(f"{folder}: no picture of a page has its truth beside it{told}.")
    return pages, problems
