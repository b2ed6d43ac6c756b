"""A loaded line recogniser: reads line images and pages."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np

from scriba.core.errors import InputError
from scriba.core.example import Example
from scriba.core.hypothesis import Hypothesis, Unit
from scriba.core.recogniser import Recogniser
from scriba.core.search import DecodingConfig
from scriba.ocr.image import Grey, read_grey, read_pages
from scriba.ocr.line import Line, prepare_line
from scriba.ocr.page import Box, PageLine, find_lines, upright
from scriba.ocr.task import OcrTask

Layout = Literal["auto", "line", "page"]
SINGLE_LINE_SHARE = 0.45
"""A picture of which one line takes more of the height than this is a picture of that line."""


@dataclass(frozen=True)
class ReadLine:
    """A line that was read.

    Attributes:
        box: Where it lies, in pixels of the upright page.
        hypothesis: What it says; places are columns of the upright page.
        line: The prepared line, as the model saw it.
    """

    box: Box
    hypothesis: Hypothesis
    line: Line


@dataclass
class Page:
    """A page, or a picture of one line, and what was read on it.

    Attributes:
        file: The file it came from.
        number: Number of the page in the file, from 1.
        width: Columns of the page.
        height: Rows of the page.
        expected: Number of lines that were found.
        lines: The lines read so far, in reading order.
        seconds: Time spent on it.
        error: Why it could not be read.
    """

    file: str
    number: int
    width: int = 0
    height: int = 0
    expected: int = 0
    lines: list[ReadLine] = field(default_factory=list)
    seconds: float = 0.0
    error: InputError | None = None

    @property
    def text(self) -> str:
        """The lines, each ended."""
        return "".join(f"{line.hypothesis.text}\n" for line in self.lines)


@dataclass(frozen=True)
class LineReader:
    """Turns pictures of print into text.

    Attributes:
        recogniser: The model.
        decoding: How text is found.
    """

    recogniser: Recogniser
    decoding: DecodingConfig

    def read(self, image: str | Path | bytes) -> Hypothesis:
        """Return the text of a picture of one line; places are columns of the picture.

        Raises:
            InputError: The picture cannot be used.
        """
        name = str(image) if isinstance(image, str | Path) else "image"
        pixels = read_grey(image if isinstance(image, bytes) else Path(image), name)
        line = prepare_line(pixels, self._task.config.line, name)
        (result,) = self.recogniser.run([Example(name, line.ink_WF, "")], self.decoding, keep_attention=True)
        return placed(result.hypotheses[self.decoding.method], line, 0)

    def read_pages(
        self,
        files: Iterable[str | Path],
        *,
        layout: Layout = "auto",
        batch_size: int = 32,
        keep_attention: bool = False,
    ) -> Iterator[Page]:
        """Read files, each a page, several pages (TIFF) or one line; pages come in their order.

        A file that cannot be read gives a page with its error, and the rest go on. Lines of many files share batches.

        Args:
            files: Pictures.
            layout: `line` takes each picture for one line, `page` looks for lines, `auto` decides.
            batch_size: Lines in a batch at most.
            keep_attention: Put attention weights into the hypotheses.
        """
        begun: deque[Page] = deque()
        examples = self._examples(files, layout, begun)
        results = self.recogniser.run(examples, self.decoding, batch_size=batch_size, keep_attention=keep_attention)
        for result in results:
            page, found, line = (result.example.extra[name] for name in ("page", "found", "line"))
            hypothesis = placed(result.hypotheses[self.decoding.method], line, found.box.left)
            page.lines.append(ReadLine(found.box, hypothesis, line))
            page.seconds += result.seconds
            while begun and len(begun[0].lines) == begun[0].expected:
                yield begun.popleft()
        yield from begun

    @property
    def _task(self) -> OcrTask:
        task = self.recogniser.task
        assert isinstance(task, OcrTask)
        return task

    def _examples(self, files: Iterable[str | Path], layout: Layout, begun: deque[Page]) -> Iterator[Example]:
        for file in files:
            number = 0
            try:
                for number, pixels in enumerate(read_pages(Path(file), str(file)), start=1):
                    found = find(pixels, layout)
                    prepared = [prepare_line(f.pixels, self._task.config.line, str(file)) for f in found]
                    page = Page(str(file), number, pixels.shape[1], pixels.shape[0], len(found))
                    begun.append(page)
                    for i, (one, line) in enumerate(zip(found, prepared, strict=True)):
                        extra = {"page": page, "found": one, "line": line}
                        yield Example(f"{file}:{number}:{i}", line.ink_WF, "", extra)
            except InputError as error:
                begun.append(Page(str(file), number + 1, error=error))


def find(pixels: Grey, layout: Layout) -> list[PageLine]:
    """Return the lines of a picture; the whole of it if it is a picture of one line."""
    whole = PageLine(Box(0, 0, pixels.shape[1], pixels.shape[0]), pixels)
    if layout == "line":
        return [whole]
    found = find_lines(upright(pixels))
    if layout == "auto" and any(line.box.height > SINGLE_LINE_SHARE * len(pixels) for line in found):
        return [whole]
    if layout == "auto" and not found and np.ptp(pixels) > 0 and len(pixels) < 100:
        return [whole]
    return found


def placed(hypothesis: Hypothesis, line: Line, offset: float) -> Hypothesis:
    """Return a hypothesis whose places are columns of the page, from columns of the prepared line."""

    def move(units: tuple[Unit, ...]) -> tuple[Unit, ...]:
        return tuple(
            unit
            if unit.start is None or unit.end is None
            else replace(unit, start=x0 + line.scale * unit.start, end=x0 + line.scale * unit.end)
            for unit in units
        )

    x0 = offset + line.left
    return replace(hypothesis, tokens=move(hypothesis.tokens), words=move(hypothesis.words))
