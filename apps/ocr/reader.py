"""A loaded line recogniser: reads line images and pages."""

import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from scriba.core.command import say
from scriba.core.errors import InputError, TooLong
from scriba.core.example import Example
from scriba.core.files import Picture, given, page_name
from scriba.core.recogniser import Recogniser
from scriba.core.search import Hypothesis, TextSpan, geometric_mean
from scriba.ocr.image import Grey, read_grey, read_pages
from scriba.ocr.inputs import LineInputs
from scriba.ocr.layout import Layout
from scriba.ocr.layouts import open_layout
from scriba.ocr.line import Line, prepare_line
from scriba.ocr.page import Box, PageLine
from scriba.ocr.turn import turned_place

MIN_CONFIDENCE = 0.4
"""Of a long line on a page; what is read with less is a picture, texture or noise."""
SURE_OF_SIGNS = 0.9
"""Confidence of a line on a page that has hardly a letter or figure."""
LOOKAHEAD = 4
"""Batches that are read together: few, so that the first page is there before the last is begun."""


@dataclass(frozen=True)
class ReadLine:
    """A line that was read.

    Attributes:
        box: Where it lies, in pixels of the upright page.
        hypothesis: What it says; places are columns of the upright page.
        line: The prepared line, as the model saw it.
        left: Column of the upright page at which the picture of the line begins.
    """

    box: Box
    hypothesis: Hypothesis
    line: Line
    left: int


@dataclass
class Page:
    """A page, or a picture of one line, and what was read on it.

    Attributes:
        file: The file it came from.
        number: Number of the page in the file, from 1.
        width: Columns of the page.
        height: Rows of the page.
        angle: Degrees by which it was turned against the clock, so that its lines run level.
        expected: Number of lines that were found.
        lines: The lines read so far, in reading order.
        seconds: Time spent on it, finding the lines included.
        error: Why it, or a line of it, could not be read.
        given: Columns and rows of the picture as given; the page is it, turned about its centre.
    """

    file: str
    number: int
    width: int = 0
    height: int = 0
    angle: float = 0.0
    expected: int = 0
    lines: list[ReadLine] = field(default_factory=list)
    seconds: float = 0.0
    error: InputError | None = None
    given: tuple[int, int] = (0, 0)

    @property
    def text(self) -> str:
        """The lines, one below the other."""
        return "\n".join(line.hypothesis.text for line in self.lines)

    def place_in_given(self, x: float, y: float) -> tuple[float, float]:
        """Return where a point of the upright page lies in the picture as given."""
        return turned_place(x, y, (self.width, self.height), self.given, -self.angle)


@dataclass(frozen=True)
class Reading:
    """What was read in a file.

    Attributes:
        pages: Its pages; a picture of one line is a page of that line.
    """

    pages: tuple[Page, ...]

    @property
    def lines(self) -> list[ReadLine]:
        """The lines of all pages."""
        return [line for page in self.pages for line in page.lines]

    @property
    def text(self) -> str:
        """The lines, one below the other."""
        return "\n".join(line.hypothesis.text for line in self.lines)

    @property
    def words(self) -> list[TextSpan]:
        """The words of all lines."""
        return [word for line in self.lines for word in line.hypothesis.words]

    @property
    def confidence(self) -> float:
        """Geometric mean of the words' confidences; 0 where there is none."""
        return geometric_mean([word.confidence for word in self.words])


@dataclass(frozen=True)
class LineReader:
    """Turns pictures of print into text.

    Attributes:
        recogniser: The model.
    """

    recogniser: Recogniser

    def read(
        self, image: Picture, layout: str | Path | Layout = "auto", min_confidence: float = MIN_CONFIDENCE
    ) -> Reading:
        """Return what is printed on a page, on the pages of a file or on a picture of one line.

        Args:
            image: A picture: a path, bytes, an open file, one of Pillow's, or an array (`core/files/given.py`).
            layout: `line` takes a picture for one line, `page` looks for lines, `auto` decides; `kraken` and `doctr`
                ask these packages; a path is that of a JSON file with lines; or what finds them
                (`apps/ocr/layout.py`).
            min_confidence: Of a line found on a page; what is read with less is no print.

        Raises:
            InputError: The picture, or a page or line of it, cannot be used.
        """
        pages = tuple(self.read_pages([image], layout=layout, keep_attention=True, min_confidence=min_confidence))
        for page in pages:
            if page.error is not None:
                raise page.error
        return Reading(pages)

    def align(self, image: Picture, text: str) -> Hypothesis:
        """Return a known text with the columns of the picture that its tokens and words take.

        Args:
            image: A picture of one line.
            text: What is written.

        Raises:
            InputError: The picture cannot be used, or the text does not fit it.
        """
        example, line = self._line(image, text)
        return placed(self.recogniser.align(example), line, 0)

    def _line(self, image: Picture, text: str = "") -> tuple[Example, Line]:
        source, name = given(image)
        pixels = read_grey(source, name, say)
        line = prepare_line(pixels, self._inputs.line, name)
        return Example(name, line.ink_WF, text), line

    def read_pages(
        self,
        files: Iterable[Picture],
        *,
        layout: str | Path | Layout = "auto",
        batch_size: int = 32,
        keep_attention: bool = False,
        min_confidence: float = MIN_CONFIDENCE,
    ) -> Iterator[Page]:
        """Read files, each a page, several pages (TIFF) or one line; pages come in their order.

        A file that cannot be read gives a page with its error, and the rest go on. Lines of many files share batches.

        Args:
            files: Pictures, as for `read`.
            layout: As for `read`.
            batch_size: Lines in a batch at most.
            keep_attention: Put attention weights into the hypotheses.
            min_confidence: Of a line found on a page; what is read with less is no print. Short ones need up to
                about twice as much.
        """
        begun: deque[Page] = deque()
        examples = self._examples(files, open_layout(layout), begun)
        results = self.recogniser.run(
            examples, batch_size=batch_size, keep_attention=keep_attention, lookahead=LOOKAHEAD
        )
        for result in results:
            page, one, line, certain = (result.example.extra[name] for name in ("page", "one", "line", "certain"))
            page.seconds += result.seconds
            if not certain and not is_print(result.hypothesis, min_confidence):
                page.expected -= 1
            else:
                page.lines.append(ReadLine(one.box, placed(result.hypothesis, line, one.left), line, one.left))
            while begun and len(begun[0].lines) == begun[0].expected:
                yield begun.popleft()
        yield from begun

    def _confidence(self, pictures: list[Grey]) -> float:
        """Return how sure it is of some pictures of lines, on average."""
        examples = []
        for picture in pictures:
            with suppress(InputError):  # of one colour
                examples.append(Example("line", prepare_line(picture, self._inputs.line, "line").ink_WF, ""))
        read = [result.hypothesis.confidence for result in self.recogniser.run(examples)]
        return float(np.mean(read)) if read else 0.0

    @property
    def _inputs(self) -> LineInputs:
        inputs = self.recogniser.inputs
        assert isinstance(inputs, LineInputs)
        return inputs

    def _examples(self, files: Iterable[Picture], layout: Layout, begun: deque[Page]) -> Iterator[Example]:
        for file in files:
            name, number = str(file) if isinstance(file, str | Path) else "image", 0
            try:
                source, name = given(file)
                for number, pixels in enumerate(read_pages(source, name, say), start=1):
                    if isinstance(pixels, InputError):
                        begun.append(Page(name, number, error=pixels))
                        continue
                    page, found, certain = self._found(name, number, pixels, layout)
                    begun.append(page)
                    for i, (one, line) in enumerate(found):
                        extra = {"page": page, "one": one, "line": line, "certain": certain}
                        yield Example(f"{name}:{number}:{i}", line.ink_WF, "", extra)
            except InputError as error:
                begun.append(Page(name, number + 1, error=error))
            except Exception as error:  # a fault of ours on one file is no reason to lose the others
                told = f"{name}: fails with {type(error).__name__} ({error}); save it in another format, or report it."
                begun.append(Page(name, number + 1, error=InputError(told)))

    def _found(
        self, file: str, number: int, pixels: Grey, layout: Layout
    ) -> tuple[Page, list[tuple[PageLine, Line]], bool]:
        """Return a page, its lines with how they are prepared, and whether they are lines for certain.

        Those that cannot be used are the page's error.
        """
        start = time.perf_counter()
        try:
            level, lines, angle, certain = layout(pixels, file, number, self._confidence)
        except InputError as error:
            return Page(file, number, error=error), [], False
        page = Page(file, number, level.shape[1], level.shape[0], angle, given=(pixels.shape[1], pixels.shape[0]))
        found = []
        for i, line in enumerate(lines, start=1):
            name = page_name(file, number) + (f", line {i}" if certain and len(lines) > 1 else "")
            try:
                found.append((line, prepare_line(line.pixels, self._inputs.line, name)))
            except InputError as error:
                if certain or isinstance(error, TooLong):  # else it is of one colour: no line
                    page.error = page.error or error
        page.expected = len(found)
        page.seconds = time.perf_counter() - start
        return page, found, certain


def is_print(hypothesis: Hypothesis, confidence: float) -> bool:
    """Tell whether something found on a page is print: read with confidence, the more the shorter it is.

    Specks are read as dots, strokes and asterisks: where most are no letters or figures, three or more have to be sure.
    """
    signs = hypothesis.text.replace(" ", "")
    letters = max(1, len(signs))
    if confidence and 2 * sum(map(str.isalnum, signs)) < len(signs):
        return len(signs) > 2 and hypothesis.confidence >= SURE_OF_SIGNS
    return hypothesis.confidence >= min(confidence * (1 + 2 / letters), 0.75 + 0.25 * confidence, 2.2 * confidence)


def placed(hypothesis: Hypothesis, line: Line, offset: float) -> Hypothesis:
    """Return a hypothesis whose places are columns of the page, from columns of the prepared line."""

    def move(units: tuple[TextSpan, ...]) -> tuple[TextSpan, ...]:
        return tuple(
            unit
            if unit.start is None or unit.end is None
            else replace(unit, start=x0 + line.scale * unit.start, end=x0 + line.scale * unit.end)
            for unit in units
        )

    x0 = offset + line.left
    return replace(hypothesis, tokens=move(hypothesis.tokens), words=move(hypothesis.words))
