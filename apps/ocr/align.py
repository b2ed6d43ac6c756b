"""scriba ocr align: where the words of a known text lie in the picture of a line."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from scriba.commands import ModelOptions
from scriba.core.command import build_parser, parse_config, program
from scriba.loading import check_task, open_bundle, open_recogniser
from scriba.ocr import APP, Model

DESCRIPTION = """Find where the words of a known text lie in the picture of a line, in columns, and how sure that is.

Example: scriba ocr align line.png "what is written"
"""
POSITIONALS = {"image": "Picture of one line.", "text": "What it says."}


@dataclass(frozen=True)
class AlignConfig(ModelOptions):
    """Options of alignment.

    Args:
        image: Picture of one line.
        text: What it says.
    """

    image: str = ""
    text: str = ""


def _align(argv: Sequence[str]) -> int:
    parser = build_parser(
        "scriba ocr align", DESCRIPTION, AlignConfig, positionals=POSITIONALS, defaults={"model": "ocr-print"}
    )
    options = parse_config(parser, AlignConfig, argv)
    bundle = open_bundle(options.model)
    check_task(bundle, APP.name)
    model = Model(open_recogniser(bundle, device=options.device, precision=options.precision))
    hypothesis = model.align(options.image, options.text)
    print(json.dumps({"file": options.image, **hypothesis.to_json()}, ensure_ascii=False))
    return 0


main = program(_align)

if __name__ == "__main__":
    sys.exit(main())
