"""What finds the lines of a picture, and what it returns."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

from scriba.ocr.cut import PageLine
from scriba.ocr.image import Grey
from scriba.ocr.turn import turned, upside_down

Confidence = Callable[[list[Grey]], float]
"""How sure a reader is of pictures of lines, on average."""


class Found(NamedTuple):
    """The lines of a picture.

    Attributes:
        page: The picture turned upright; of one line, as it is.
        lines: Its lines in reading order.
        angle: Degrees by which it was turned against the clock.
        certain: They are lines for certain; none is left out as a picture or noise.
    """

    page: Grey
    lines: list[PageLine]
    angle: float
    certain: bool = False


class Layout(Protocol):
    """Finds the lines of pictures."""

    def __call__(self, picture: Grey, file: str, number: int, confidence: Confidence) -> Found:
        """Return the lines of a picture.

        Args:
            picture: The picture as given.
            file: The file it came from.
            number: Number of the page in the file, from 1.
            confidence: That of the reader, which may be asked which way is up.

        Raises:
            InputError: The lines of this picture cannot be told.
        """
        ...


def right_way_up(found: Found, lines_of: Callable[[Grey], list[PageLine]], confidence: Confidence) -> Found:
    """Return what was found, on the page turned by 180 degrees if it stands on its head.

    Args:
        found: What was found on the page.
        lines_of: Finds the lines of an upright page.
        confidence: That of the reader.
    """
    if not upside_down([line.pixels for line in found.lines], confidence):
        return found
    page = turned(found.page, 180.0)
    return Found(page, lines_of(page), found.angle + 180.0)
