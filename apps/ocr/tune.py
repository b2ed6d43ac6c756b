"""scriba ocr tune: choose how a recogniser of text lines decodes."""

import sys

from scriba.commands import tune
from scriba.ocr import APP

DESCRIPTION = """Compare searches of a recogniser of text lines on dev, and show the best.

Example: scriba ocr tune ocr-print dev.jsonl --methods "[joint]" --beams "[8]" --ctc_weight "[0.3, 0.5, 0.7]"
"""

main = tune(APP, DESCRIPTION)

if __name__ == "__main__":
    sys.exit(main())
