"""scriba ocr eval: score a recogniser of print on lines or on pages."""

import sys
from dataclasses import dataclass
from typing import Annotated, Literal

from scriba.commands import EvalConfig, evaluate
from scriba.core.ranges import Range
from scriba.core.recogniser import Recogniser
from scriba.ocr import APP
from scriba.ocr.page_eval import evaluate_pages
from scriba.ocr.reader import MIN_CONFIDENCE

DESCRIPTION = """Score a recogniser of print: WER and CER of text lines in percent, from each of its heads, or pages.

Example: scriba ocr eval ocr-print test.jsonl --json scores.json
Example: scriba ocr eval ocr-print scans --level page --normalise print
"""


@dataclass(frozen=True)
class LineEvalConfig(EvalConfig):
    """Options of evaluation on print.

    Args:
        level: line scores pictures of lines; page finds the lines of pages first: a folder of pictures, each with its
            truth beside it in PAGE XML, ALTO, hOCR (x.hocr, x.html) or plain text (x.gt.txt, x.txt), or a manifest.
        min_confidence: Of lines on pages; what is read with less is taken for a picture or noise.
    """

    level: Literal["line", "page"] = "line"
    min_confidence: Annotated[float, Range(0, 1)] = MIN_CONFIDENCE


def _pages(recogniser: Recogniser, options: LineEvalConfig) -> int | None:
    return evaluate_pages(recogniser, options, options.min_confidence) if options.level == "page" else None


main = evaluate(APP, DESCRIPTION, LineEvalConfig, instead=_pages)

if __name__ == "__main__":
    sys.exit(main())
