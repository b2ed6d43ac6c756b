"""scriba ocr eval: score a recogniser of text lines on data."""

import sys

from scriba.commands import evaluate
from scriba.ocr import APP

DESCRIPTION = """Score a recogniser of text lines: WER and CER in percent, from each of its heads.

Example: scriba ocr eval ocr-print test.jsonl --json scores.json
"""

main = evaluate(APP, DESCRIPTION)

if __name__ == "__main__":
    sys.exit(main())
