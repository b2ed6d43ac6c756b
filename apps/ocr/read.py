"""scriba ocr read: pictures of lines and pages to text."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from scriba.commands import parse_for_model
from scriba.core.errors import UsageError
from scriba.core.options import build_parser, run_command
from scriba.core.output import Output
from scriba.core.precision import Device, Precision
from scriba.core.progress import say, track
from scriba.core.search import DecodingConfig
from scriba.loading import build_recogniser, read_config
from scriba.ocr.reader import Layout, LineReader
from scriba.ocr.writers import ONE_FILE_EACH, WRITERS

DESCRIPTION = """Read print: pictures of single lines or of whole pages (PNG, JPEG, TIFF with any number of pages, …).

Example: scriba ocr read page.png --model ocr-print --format tsv
"""


@dataclass(frozen=True)
class ReadConfig:
    """Options of reading.

    Args:
        files: Pictures.
        model: Bundle folder, name of a bundled model, or hf:owner/name.
        format: txt, json (a line a page, with boxes, tokens, words and confidence), tsv (Tesseract's columns) or hocr.
        layout: line takes each picture for one line, page looks for lines on it, auto decides for each.
        out: Folder to write one file for each page to; null writes to standard output.
        plot: Folder for a picture of each line with the places of its characters and its attention, or null.
        decoding: How text is found; defaults are those of the model.
        batch_size: Lines in a batch at most.
        device: auto takes a GPU when there is one.
        precision: Number format of convolutions and recurrent layers; auto asks the hardware for bfloat16.
    """

    files: list[str] = field(default_factory=list)
    model: str = "ocr-print"
    format: Literal["txt", "json", "tsv", "hocr"] = "txt"
    layout: Layout = "auto"
    out: str | None = None
    plot: str | None = None
    decoding: DecodingConfig = field(default_factory=DecodingConfig)
    batch_size: int = 32
    device: Device = "auto"
    precision: Precision = "auto"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    return run_command(_read, argv)


def _read(argv: Sequence[str]) -> int:
    parser = build_parser("scriba ocr read", DESCRIPTION, ReadConfig, {"files*": "Pictures."})
    bundle, options = parse_for_model(parser, ReadConfig, argv, "ocr")
    if options.out is None and options.format in ONE_FILE_EACH and len(options.files) > 1:
        raise UsageError(f"--format {options.format} makes one file for each page; name a folder with --out.")
    output = Output(options.out, options.format, options.plot)
    reader = LineReader(
        build_recogniser(bundle, read_config(bundle), options.device, options.precision, options.decoding.lm),
        options.decoding,
    )
    pages = reader.read_pages(
        options.files, layout=options.layout, batch_size=options.batch_size, keep_attention=options.plot is not None
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

            plot_page(page, Path(options.plot), stem)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
