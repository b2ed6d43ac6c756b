"""scriba caption describe: pictures to captions."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from scriba.commands import parse_for_model
from scriba.core.example import Example
from scriba.core.hypothesis import Hypothesis
from scriba.core.options import build_parser, run_command
from scriba.core.output import Output
from scriba.core.precision import Device, Precision
from scriba.core.progress import say, track
from scriba.core.search import DecodingConfig
from scriba.loading import build_recogniser, read_config

DESCRIPTION = """Say what pictures show (PNG, JPEG, WebP, …).

Example: scriba caption describe photo.jpg --plot pictures
"""


@dataclass(frozen=True)
class DescribeConfig:
    """Options of description.

    Args:
        files: Pictures.
        model: Bundle folder, name of a bundled model, or hf:owner/name.
        format: txt or json (a line a picture, with words and their confidence).
        out: Folder to write one file for each picture to; null writes to standard output.
        plot: Folder for a picture of the attention of each word, or null.
        decoding: How text is found; defaults are those of the model.
        batch_size: Pictures in a batch at most.
        device: auto takes a GPU when there is one.
        precision: Number format of convolutions and recurrent layers; auto asks the hardware for bfloat16.
    """

    files: list[str] = field(default_factory=list)
    model: str = "caption-photo"
    format: Literal["txt", "json"] = "txt"
    out: str | None = None
    plot: str | None = None
    decoding: DecodingConfig = field(default_factory=DecodingConfig)
    batch_size: int = 16
    device: Device = "auto"
    precision: Precision = "auto"


def to_txt(file: str, hypothesis: Hypothesis) -> str:
    """Return the caption alone."""
    return f"{hypothesis.text}\n"


def to_json(file: str, hypothesis: Hypothesis) -> str:
    """Return one line of JSON: the file and its hypothesis."""
    return json.dumps({"file": file, **hypothesis.to_json()}, ensure_ascii=False) + "\n"


WRITERS: Mapping[str, Callable[[str, Hypothesis], str]] = {"txt": to_txt, "json": to_json}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    return run_command(_describe, argv)


def _describe(argv: Sequence[str]) -> int:
    parser = build_parser("scriba caption describe", DESCRIPTION, DescribeConfig, {"files*": "Pictures."})
    bundle, options = parse_for_model(parser, DescribeConfig, argv, "caption")
    output = Output(options.out, options.format, options.plot)
    recogniser = build_recogniser(bundle, read_config(bundle), options.device, options.precision, options.decoding.lm)
    examples = [Example(file, Path(file), "") for file in options.files]
    plots = options.plot is not None
    results = recogniser.run(examples, options.decoding, batch_size=options.batch_size, keep_attention=plots)
    failed = 0
    for result in track(results, "describing", len(examples)):
        if result.error is not None:
            failed += 1
            say(f"scriba: {result.error}")
            continue
        file, hypothesis = result.example.id, result.hypotheses[options.decoding.method]
        stem = output.stem(file, Path(file).stem)
        named = options.format == "txt" and len(examples) > 1
        output.write(file, stem, WRITERS[options.format](file, hypothesis), named=named)
        if options.plot is not None:
            from scriba.caption.plot import plot_caption  # imports matplotlib: slow

            plot_caption(Path(file), hypothesis, Path(options.plot) / f"{stem}.png")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
