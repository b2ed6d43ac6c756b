"""scriba ocr align: where the words of a known text lie in the picture of a line."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from scriba.core.options import build_parser, parse_config, run_command
from scriba.core.precision import Device, Precision
from scriba.core.search import DecodingConfig
from scriba.loading import build_recogniser, check_task, open_bundle, read_config
from scriba.ocr.reader import LineReader

DESCRIPTION = """Find where the words of a known text lie in the picture of a line, in columns, and how sure that is.

Example: scriba ocr align line.png "what is written"
"""
POSITIONALS = {"image": "Picture of one line.", "text": "What it says."}


@dataclass(frozen=True)
class AlignConfig:
    """Options of alignment.

    Args:
        image: Picture of one line.
        text: What it says.
        model: Bundle folder, name of a bundled model, or hf:owner/name.
        device: auto takes a GPU when there is one.
        precision: Number format of convolutions and recurrent layers; auto asks the hardware for bfloat16.
    """

    image: str = ""
    text: str = ""
    model: str = "ocr-print"
    device: Device = "auto"
    precision: Precision = "auto"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    return run_command(_align, argv)


def _align(argv: Sequence[str]) -> int:
    options = parse_config(build_parser("scriba ocr align", DESCRIPTION, AlignConfig, POSITIONALS), AlignConfig, argv)
    bundle = open_bundle(options.model)
    check_task(bundle, "ocr")
    recogniser = build_recogniser(bundle, read_config(bundle), options.device, options.precision)
    hypothesis = LineReader(recogniser, DecodingConfig()).align(options.image, options.text)
    print(json.dumps({"file": options.image, **hypothesis.to_json()}, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
