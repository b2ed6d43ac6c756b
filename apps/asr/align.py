"""scriba asr align: where the words of a known transcript lie in a recording."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from scriba.asr import APP, Model
from scriba.asr.segments import seconds_of
from scriba.asr.writers import WRITERS
from scriba.commands import ModelOptions
from scriba.core.command import build_parser, parse_config, program
from scriba.core.example import Example
from scriba.core.recogniser import Result
from scriba.loading import check_task, open_bundle, open_recogniser

DESCRIPTION = """Find where the words of a known transcript lie in a recording, in seconds, and how sure that is.

Example: scriba asr align talk.wav "what is said" --format ctm
"""
POSITIONALS = {"audio": "Audio file.", "text": "What it says."}


@dataclass(frozen=True)
class AlignConfig(ModelOptions):
    """Options of alignment.

    Args:
        audio: Audio file.
        text: What it says.
        format: json (tokens, words, confidence and times), srt, vtt, tsv or ctm.
    """

    audio: str = ""
    text: str = ""
    format: Literal["json", "srt", "vtt", "tsv", "ctm"] = "json"


def _align(argv: Sequence[str]) -> int:
    parser = build_parser(
        "scriba asr align", DESCRIPTION, AlignConfig, positionals=POSITIONALS, defaults={"model": "asr-an4-en"}
    )
    options = parse_config(parser, AlignConfig, argv)
    bundle = open_bundle(options.model)
    check_task(bundle, APP.name)
    model = Model(open_recogniser(bundle, device=options.device, precision=options.precision))
    start = time.perf_counter()
    hypothesis = model.align(options.audio, options.text)
    example = Example(options.audio, Path(options.audio), options.text)
    extent = seconds_of(Path(options.audio), options.audio)
    result = Result(example, extent, time.perf_counter() - start, {"ctc": hypothesis})
    sys.stdout.write(WRITERS[options.format](result, hypothesis))
    return 0


main = program(_align)

if __name__ == "__main__":
    sys.exit(main())
