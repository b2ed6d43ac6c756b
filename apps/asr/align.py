"""scriba asr align: where the words of a known transcript lie in a recording."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from scriba.asr.recogniser import SpeechRecogniser
from scriba.asr.segments import seconds_of
from scriba.asr.writers import WRITERS
from scriba.core.example import Example
from scriba.core.options import build_parser, parse_config, run_command
from scriba.core.precision import Device, Precision
from scriba.core.recogniser import Result
from scriba.core.search import DecodingConfig
from scriba.loading import build_recogniser, check_task, open_bundle, read_config

DESCRIPTION = """Find where the words of a known transcript lie in a recording, in seconds, and how sure that is.

Example: scriba asr align talk.wav "what is said" --format ctm
"""
POSITIONALS = {"audio": "Audio file.", "text": "What it says."}


@dataclass(frozen=True)
class AlignConfig:
    """Options of alignment.

    Args:
        audio: Audio file.
        text: What it says.
        model: Bundle folder, name of a bundled model, or hf:owner/name.
        format: json (tokens, words, confidence and times), srt, vtt, tsv or ctm.
        device: auto takes a GPU when there is one.
        precision: Number format of convolutions and recurrent layers; auto asks the hardware for bfloat16.
    """

    audio: str = ""
    text: str = ""
    model: str = "asr-an4-en"
    format: Literal["json", "srt", "vtt", "tsv", "ctm"] = "json"
    device: Device = "auto"
    precision: Precision = "auto"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    return run_command(_align, argv)


def _align(argv: Sequence[str]) -> int:
    options = parse_config(build_parser("scriba asr align", DESCRIPTION, AlignConfig, POSITIONALS), AlignConfig, argv)
    bundle = open_bundle(options.model)
    check_task(bundle, "asr")
    recogniser = build_recogniser(bundle, read_config(bundle), options.device, options.precision)
    start = time.perf_counter()
    hypothesis = SpeechRecogniser(recogniser, DecodingConfig()).align(options.audio, options.text)
    example = Example(options.audio, Path(options.audio), options.text)
    extent = seconds_of(Path(options.audio), options.audio)
    result = Result(example, extent, time.perf_counter() - start, {"ctc": hypothesis})
    sys.stdout.write(WRITERS[options.format](result, hypothesis))
    return 0


if __name__ == "__main__":
    sys.exit(main())
