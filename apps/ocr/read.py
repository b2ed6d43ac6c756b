"""scriba ocr read: pictures of lines and pages to text."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from scriba.commands import DecodingOptions, use
from scriba.core.command import Output, say, track
from scriba.core.errors import UsageError
from scriba.core.ranges import Range
from scriba.core.recogniser import Recogniser
from scriba.ocr import APP, Model
from scriba.ocr.reader import MIN_CONFIDENCE, Layout
from scriba.ocr.writers import ONE_FILE_EACH, WRITERS

DESCRIPTION = """Read print: pictures of single lines or of whole pages (PNG, JPEG, TIFF with any number of pages, …).

Example: scriba ocr read page.png --model ocr-print --format tsv
"""


@dataclass(frozen=True)
class ReadConfig(DecodingOptions):
    """Options of reading.

    Args:
        files: Pictures.
        format: txt, json (a line a page, with boxes, tokens, words and confidence), tsv (Tesseract's columns) or hocr.
        layout: line takes each picture for one line, page looks for lines on it, auto decides for each.
        min_confidence: Of lines on a page; what is read with less is taken for a picture or noise. 0 keeps everything.
        out: Folder to write one file for each page to; null writes to standard output.
        plot: Folder for a picture of each line with the places of its characters and its attention, or null.
    """

    files: list[str] = field(default_factory=list)
    format: Literal["txt", "json", "tsv", "hocr"] = "txt"
    layout: Layout = "auto"
    min_confidence: Annotated[float, Range(0, 1)] = MIN_CONFIDENCE
    out: str | None = None
    plot: str | None = None


def _read(recogniser: Recogniser, options: ReadConfig) -> int:
    if options.out is None and options.format in ONE_FILE_EACH and len(options.files) > 1:
        raise UsageError(f"--format {options.format} makes one file for each page; name a folder with --out.")
    output = Output(options.out, options.format, options.plot)
    pages = Model(recogniser).read_pages(
        options.files,
        layout=options.layout,
        batch_size=options.batch_size,
        keep_attention=options.plot is not None,
        min_confidence=options.min_confidence,
    )
    failed = 0
    for page in track(pages, "reading", len(options.files)):
        if page.error is not None:
            failed += 1
            say(f"scriba: {page.error}")
            if not page.lines:
                continue
        stem = Path(page.file).stem + (f"-{page.number}" if page.number > 1 else "")
        stem = output.stem(page.file, stem)
        row = options.format == "txt" and len(options.files) > 1 and len(page.lines) <= 1  # a page without a line, too
        text = WRITERS[options.format](page)
        output.write(page.file, stem, "\n" if row and not page.lines else text, named=row)
        if options.plot is not None:
            from scriba.ocr.plot import plot_page  # imports matplotlib: slow

            with output.counting():
                plot_page(page, Path(options.plot), stem)
    return 1 if failed or output.failed else 0


main = use(APP, "read", DESCRIPTION, ReadConfig, _read, files="Pictures.", model="ocr-print", batch_size=32)

if __name__ == "__main__":
    sys.exit(main())
