"""Places on the picture as it was given, from places on the page that was made of it by turning it upright.

The picture as given is the one that is shown: turned as its EXIF data says. Coordinates are those of the edges of
pixels, x to the right and y down, so that (0, 0) and (width, height) are corners.
"""

from scriba.core.search import TextSpan
from scriba.ocr.page import Box
from scriba.ocr.reader import Page, ReadLine
from scriba.ocr.shape import Polygon, around, corners


def outline(box: Box, page: Page) -> Polygon:
    """Return the corners of a box of the page in the picture as given, as far as they lie in it."""
    width, height = page.given
    places = (page.place_in_given(x, y) for x, y in corners(box))
    return tuple((min(max(round(x), 0), width), min(max(round(y), 0), height)) for x, y in places)


def given_box(box: Box, page: Page) -> Box:
    """Return the smallest upright box around a box of the page, in the picture as given."""
    return around(outline(box, page))


def all_lines(page: Page) -> Box:
    """Return the smallest box around the lines of a page, of which there are some, in the picture as given."""
    return around(place for line in page.lines for place in outline(line.box, page))


def text_angle(page: Page) -> float:
    """Return by how many degrees, of -180 to 180, text runs against the clock in the picture as given."""
    return (180 - page.angle) % 360 - 180


def word_box(word: TextSpan, line: ReadLine) -> Box:
    """Return where a word lies on the upright page: its columns, over the height of the line."""
    if word.start is None or word.end is None:
        return line.box
    left = min(max(round(word.start), line.box.left), line.box.right - 1)
    right = min(max(round(word.end), left + 1), line.box.right)
    return Box(left, line.box.top, right, line.box.bottom)
