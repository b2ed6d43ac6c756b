"""scriba caption describe: pictures to captions."""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from scriba.caption import APP
from scriba.caption.inputs import telling
from scriba.commands import DecodingOptions, use
from scriba.core.command import Output, say, track
from scriba.core.example import Example
from scriba.core.recogniser import Recogniser
from scriba.core.search import Hypothesis

DESCRIPTION = """Say what pictures show (PNG, JPEG, WebP, …).

Example: scriba caption describe photo.jpg --plot pictures
"""


@dataclass(frozen=True)
class DescribeConfig(DecodingOptions):
    """Options of description.

    Args:
        files: Pictures.
        format: txt or json (a line a picture, with words and their confidence).
        out: Folder to write one file for each picture to; null writes to standard output.
        plot: Folder for a picture of the attention of each word, or null.
    """

    files: list[str] = field(default_factory=list)
    format: Literal["txt", "json"] = "txt"
    out: str | None = None
    plot: str | None = None


def to_txt(file: str, hypothesis: Hypothesis) -> str:
    """Return the caption alone."""
    return f"{hypothesis.text}\n"


def to_json(file: str, hypothesis: Hypothesis) -> str:
    """Return one line of JSON: the file and its hypothesis."""
    return json.dumps({"file": file, **hypothesis.to_json()}, ensure_ascii=False) + "\n"


WRITERS: Mapping[str, Callable[[str, Hypothesis], str]] = {"txt": to_txt, "json": to_json}


def _describe(recogniser: Recogniser, options: DescribeConfig) -> int:
    output = Output(options.out, options.format, options.plot)
    examples = [Example(file, Path(file), "") for file in options.files]
    results = telling(recogniser).run(examples, batch_size=options.batch_size, keep_attention=options.plot is not None)
    failed = 0
    for result in track(results, "describing", len(examples)):
        if result.error is not None:
            failed += 1
            say(f"scriba: {result.error}")
            continue
        file, hypothesis = result.example.id, result.hypothesis
        stem = output.stem(file, Path(file).stem)
        named = options.format == "txt" and len(examples) > 1
        output.write(file, stem, WRITERS[options.format](file, hypothesis), named=named)
        if options.plot is not None:
            from scriba.caption.plot import plot_caption  # imports matplotlib: slow

            with output.counting():
                plot_caption(Path(file), hypothesis, Path(options.plot) / f"{stem}.png")
    return 1 if failed or output.failed else 0


main = use(
    APP, "describe", DESCRIPTION, DescribeConfig, _describe, files="Pictures.", model="caption-photo", batch_size=16
)

if __name__ == "__main__":
    sys.exit(main())
