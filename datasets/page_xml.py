"""PAGE XML of 2013 to 2019, as Transkribus, eScriptorium, Aletheia and OCR-D write it."""

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

from scriba.core.errors import InputError
from scriba.datasets.true_page import TrueLine, TruePage, children, kind_of, number_of, points_of, size_of


def page_from_xml(root: ET.Element, path: Path) -> TruePage:
    """Return the page of a PAGE document: its lines in the reading order that it tells, or else as they stand.

    Raises:
        InputError: It has no page.
    """
    pages = children(root, "Page")
    if not pages:
        raise InputError(f"{path}: has no <Page>; export it again.")
    page = pages[0]
    regions = {region.get("id") or str(i): region for i, region in enumerate(page.iter()) if _is_region(region)}
    ranks = {name: rank for rank, name in enumerate(_order(page))}
    chosen = sorted(regions, key=lambda name: ranks.get(name, len(ranks)))
    lines = [line for name in chosen for line in _lines(regions[name])]
    size = size_of(page.get("imageWidth"), page.get("imageHeight"))
    return TruePage(tuple(lines), size, page.get("imageFilename"))


def _is_region(element: ET.Element) -> bool:
    return kind_of(element) == "TextRegion"


def _order(page: ET.Element) -> Iterator[str]:
    """Yield the ids of regions in reading order; groups lie in groups, so deep that recursion could not follow."""
    waiting = children(page, "ReadingOrder")
    while waiting:
        element = waiting.pop()
        if name := element.get("regionRef"):
            yield name
        parts = sorted(element, key=lambda part: number_of(part.get("index") or "0"))
        waiting.extend(reversed(parts))


def _lines(region: ET.Element) -> Iterator[TrueLine]:
    """Yield the lines of a region itself; where it has none, those of its text, which are nowhere."""
    lines = children(region, "TextLine")
    for line in lines:
        places = {
            kind: points_of(part.get("points")) for kind in ("Coords", "Baseline") for part in children(line, kind)
        }
        yield TrueLine(_text(line), places.get("Coords"), places.get("Baseline"), line.get("id") or "")
    if not lines and not children(region, "TextRegion"):
        yield from (TrueLine(text.strip()) for text in _text(region).splitlines() if text.strip())


def _text(element: ET.Element) -> str:
    """Return the text of an element, or else those of its words."""
    return _best(element) or " ".join(filter(None, map(_best, children(element, "Word"))))


def _best(element: ET.Element) -> str:
    """Return the first of the texts that an element has."""
    versions = sorted(children(element, "TextEquiv"), key=lambda version: number_of(version.get("index") or "0"))
    return next(((text.text or "").strip() for version in versions for text in children(version, "Unicode")), "")
