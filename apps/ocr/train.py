"""scriba ocr train: train a recogniser of text lines from a config file and options."""

import sys

from scriba.commands import train
from scriba.ocr import APP

DESCRIPTION = """Train a recogniser of text lines.

Example, with no data at all: scriba ocr train --config apps/ocr/configs/quickstart.yaml --run_dir runs/lines
"""

main = train(APP, DESCRIPTION)

if __name__ == "__main__":
    sys.exit(main())
