"""scriba ocr read: pictures of lines and pages to text."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from scriba.commands import DecodingOptions, use
from scriba.core.command import Output, say, track
from scriba.core.errors import UsageError
from scriba.core.files import page_name
from scriba.core.ranges import Range
from scriba.core.recogniser import Recogniser
from scriba.ocr import APP, Model
from scriba.ocr.layouts import open_layout
from scriba.ocr.reader import MIN_CONFIDENCE
from scriba.ocr.writers import FORMATS

DESCRIPTION = """Read print: pictures of single lines or of whole pages (PNG, JPEG, TIFF or PDF of any length, …).

Example: scriba ocr read page.png --model ocr-print --format tsv
"""


@dataclass(frozen=True)
class ReadConfig(DecodingOptions):
    """Options of reading.

    Args:
        files: Pictures.
        format: txt, json (a line a page, with boxes, tokens, words and confidence), tsv (Tesseract's columns), hocr,
            alto (ALTO 4.2) or page (PAGE XML).
        layout: line takes each picture for one line, page looks for lines on it, auto decides for each; kraken and
            doctr ask these packages; a file that --format json wrote gives the lines as they stand in it, edited by
            hand or not.
        min_confidence: Of lines on a page; what is read with less is taken for a picture or noise. 0 keeps everything.
        out: Folder to write one file for each page to; null writes to standard output.
        plot: Folder for a picture of each line with the places of its characters and its attention, or null.
    """

    files: list[str] = field(default_factory=list)
    format: Literal["txt", "json", "tsv", "hocr", "alto", "page"] = "txt"
    layout: str = "auto"
    min_confidence: Annotated[float, Range(0, 1)] = MIN_CONFIDENCE
    out: str | None = None
    plot: str | None = None


def _read(recogniser: Recogniser, options: ReadConfig) -> int:
    form, several = FORMATS[options.format], len(options.files) > 1
    one_page = f"--format {options.format} has one page in a document; name a folder with --out."
    if form.one_page and several and options.out is None:
        raise UsageError(one_page)
    layout = open_layout(options.layout)
    output = Output(options.out, form.suffix or options.format, options.plot)
    pages = Model(recogniser).read_pages(
        options.files,
        layout=layout,
        batch_size=options.batch_size,
        keep_attention=options.plot is not None,
        min_confidence=options.min_confidence,
    )
    failed = count = 0
    for page in track(pages, "reading", len(options.files)):
        if page.error is not None:
            failed += 1
            say(f"scriba: {page.error}")
            if not page.lines:
                continue
        stem = Path(page.file).stem + (f"-{page.number}" if page.number > 1 else "")
        stem = output.stem(page.file, stem)
        if options.out is not None:
            output.write(page.file, stem, form.document(page))
        elif form.one_page and count:
            failed += 1
            say(f"scriba: {page_name(page.file, page.number)}: {one_page}")
        else:  # one document on standard output
            count += 1
            row = options.format == "txt" and several and len(page.lines) <= 1  # a page without a line, too
            text = "\n" if row and not page.lines else form.page(page, count)
            output.write(page.file, stem, (form.head(page) if count == 1 else "") + text, named=row)
        if options.plot is not None:
            from scriba.ocr.plot import plot_page  # imports matplotlib: slow

            with output.counting():
                plot_page(page, Path(options.plot), stem)
    if count:
        output.write("", "", form.tail)
    return 1 if failed or output.failed else 0


main = use(APP, "read", DESCRIPTION, ReadConfig, _read, files="Pictures.", model="ocr-print", batch_size=32)

if __name__ == "__main__":
    sys.exit(main())
