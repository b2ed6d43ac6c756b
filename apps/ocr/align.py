"""scriba ocr align: where the words of a known text lie in the picture of a line."""

import json
import sys

from scriba.commands import AlignConfig, align
from scriba.core.command import show
from scriba.ocr import APP, Model

DESCRIPTION = """Find where the words of a known text lie in the picture of a line, in columns, and how sure that is.

Example: scriba ocr align line.png "what is written"
"""


def write(model: Model, options: AlignConfig) -> None:
    """Align a line and write the places."""
    show(json.dumps({"file": options.file, **model.align(options.file, options.text).to_json()}, ensure_ascii=False))


main = align(APP, DESCRIPTION, "Picture of one line.", "ocr-print", AlignConfig, write)

if __name__ == "__main__":
    sys.exit(main())
