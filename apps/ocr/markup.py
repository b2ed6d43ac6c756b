"""Pages that were read as ALTO 4.2 and PAGE XML of 2019, for archives, editing and searchable PDF."""

from collections.abc import Iterable
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from scriba import __version__
from scriba.core.text import visible
from scriba.ocr.places import all_lines, outline, text_angle, word_box
from scriba.ocr.reader import Page
from scriba.ocr.shape import Polygon, around, corners

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
ALTO = "http://www.loc.gov/standards/alto/ns-v4#"
PAGE = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"
ALTO_TAIL = " </Layout>\n</alto>\n"


def alto_head(page: Page) -> str:
    """Return how an ALTO document begins."""
    description = Element("Description")
    SubElement(description, "MeasurementUnit").text = "pixel"
    SubElement(SubElement(description, "sourceImageInformation"), "fileName").text = visible(page.file)
    software = SubElement(SubElement(description, "Processing", ID="scriba"), "processingSoftware")
    SubElement(software, "softwareName").text = "scriba"
    SubElement(software, "softwareVersion").text = __version__
    return f'{DECLARATION}<alto xmlns="{ALTO}" SCHEMAVERSION="4.2">\n{written(description, 1)} <Layout>\n'


def to_alto(page: Page, number: int) -> str:
    """Return a page of ALTO; lines without a word are left out."""
    width, height = page.given
    name = f"page_{number}"
    sheet = Element("Page", ID=name, PHYSICAL_IMG_NR=str(number), WIDTH=str(width), HEIGHT=str(height))
    space = SubElement(sheet, "PrintSpace", HPOS="0", VPOS="0", WIDTH=str(width), HEIGHT=str(height))
    found = [line for line in page.lines if line.hypothesis.words]
    if found:
        rotation = {"ROTATION": f"{text_angle(page):.2f}"} if page.angle else {}
        block = SubElement(space, "TextBlock", {"ID": f"{name}_text"} | extent(corners(all_lines(page))) | rotation)
    for i, line in enumerate(found, start=1):
        polygon = outline(line.box, page)
        row = SubElement(block, "TextLine", {"ID": f"{name}_line_{i}"} | extent(polygon))
        SubElement(SubElement(row, "Shape"), "Polygon", POINTS=points(polygon))
        for j, word in enumerate(line.hypothesis.words, start=1):
            if j > 1:
                SubElement(row, "SP")
            place = extent(outline(word_box(word, line), page))
            said = {"CONTENT": visible(word.text), "WC": f"{word.confidence:.4f}"}
            SubElement(row, "String", {"ID": f"{name}_word_{i}_{j}"} | said | place)
    return written(sheet, 2)


def to_page_xml(page: Page, number: int) -> str:
    """Return a document of PAGE XML, which has one page."""
    width, height = page.given
    root = Element("PcGts", xmlns=PAGE)
    metadata, now = SubElement(root, "Metadata"), datetime.now(UTC).isoformat(timespec="seconds")
    for tag, text in (("Creator", f"scriba {__version__}"), ("Created", now), ("LastChange", now)):
        SubElement(metadata, tag).text = text
    size = {"imageWidth": str(width), "imageHeight": str(height)}
    sheet = SubElement(root, "Page", {"imageFilename": visible(page.file)} | size)
    if page.lines:
        turned = {"orientation": f"{text_angle(page):.2f}"} if page.angle else {}
        region = SubElement(sheet, "TextRegion", {"id": "text"} | turned)
        SubElement(region, "Coords", points=points(corners(all_lines(page))))
    for i, line in enumerate(page.lines, start=1):
        row = SubElement(region, "TextLine", id=f"line_{i}")
        SubElement(row, "Coords", points=points(outline(line.box, page)))
        for j, word in enumerate(line.hypothesis.words, start=1):
            item = SubElement(row, "Word", id=f"word_{i}_{j}")
            SubElement(item, "Coords", points=points(outline(word_box(word, line), page)))
            add_text(item, word.text, word.confidence)
        add_text(row, line.hypothesis.text, line.hypothesis.confidence)
    return DECLARATION + written(root, 0)


def add_text(item: Element, text: str, confidence: float) -> None:
    """Put a text, and how sure it is, into an element of PAGE XML."""
    SubElement(SubElement(item, "TextEquiv", conf=f"{confidence:.4f}"), "Unicode").text = visible(text)


def extent(polygon: Polygon) -> dict[str, str]:
    """Return the attributes that say where something lies in ALTO."""
    box = around(polygon)
    return {"HPOS": str(box.left), "VPOS": str(box.top), "WIDTH": str(box.width), "HEIGHT": str(box.height)}


def points(polygon: Iterable[tuple[int, int]]) -> str:
    """Return the points of a polygon as both formats have them."""
    return " ".join(f"{x},{y}" for x, y in polygon)


def written(element: Element, depth: int) -> str:
    """Return an element as text that is indented to a depth."""
    indent(element, " ", depth)
    return " " * depth + tostring(element, encoding="unicode") + "\n"
