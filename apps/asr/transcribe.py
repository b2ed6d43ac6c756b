"""scriba asr transcribe: audio files to text."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from scriba.asr.recogniser import SpeechRecogniser
from scriba.asr.segments import SegmentConfig
from scriba.asr.writers import ONE_FILE_EACH, WRITERS
from scriba.commands import parse_for_model
from scriba.core.errors import UsageError
from scriba.core.example import Example
from scriba.core.options import build_parser, run_command
from scriba.core.output import Output
from scriba.core.precision import Device, Precision
from scriba.core.progress import say, track
from scriba.core.search import DecodingConfig
from scriba.loading import build_recogniser, read_config

DESCRIPTION = """Write down what is said in audio files (wav, flac, ogg, mp3; any rate and number of channels).

Example: scriba asr transcribe talk.wav --model asr-an4-en --format srt
"""


@dataclass(frozen=True)
class TranscribeConfig:
    """Options of transcription.

    Args:
        files: Audio files.
        model: Bundle folder, name of a bundled model, or hf:owner/name.
        format: txt, json (a line a file, with tokens, words, confidence and times), srt, vtt, tsv or ctm.
        out: Folder to write one file for each input to; null writes to standard output.
        decoding: How text is found; defaults are those of the model.
        segments: Where long recordings are cut.
        batch_size: Segments in a batch at most.
        device: auto takes a GPU when there is one.
        precision: Number format of convolutions and recurrent layers; auto asks the hardware for bfloat16.
    """

    files: list[str] = field(default_factory=list)
    model: str = "asr-an4-en"
    format: Literal["txt", "json", "srt", "vtt", "tsv", "ctm"] = "txt"
    out: str | None = None
    decoding: DecodingConfig = field(default_factory=DecodingConfig)
    segments: SegmentConfig = field(default_factory=SegmentConfig)
    batch_size: int = 8
    device: Device = "auto"
    precision: Precision = "auto"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    return run_command(_transcribe, argv)


def _transcribe(argv: Sequence[str]) -> int:
    parser = build_parser("scriba asr transcribe", DESCRIPTION, TranscribeConfig, {"files*": "Audio files."})
    bundle, options = parse_for_model(parser, TranscribeConfig, argv, "asr")
    if options.out is None and options.format in ONE_FILE_EACH and len(options.files) > 1:
        raise UsageError(f"--format {options.format} makes one file for each input; name a folder with --out.")
    output = Output(options.out, options.format)
    recogniser = build_recogniser(bundle, read_config(bundle), options.device, options.precision, options.decoding.lm)
    examples = [Example(file, Path(file), "") for file in options.files]
    speech = SpeechRecogniser(recogniser, options.decoding, options.segments)
    results = speech.transcribe_all(examples, batch_size=options.batch_size)
    failed = 0
    for result in track(results, "transcribing", len(examples)):
        if result.error is not None:
            failed += 1
            say(f"scriba: {result.error}")
        if not result.hypotheses[options.decoding.method].text and result.error is not None:
            continue
        file, text = result.example.id, WRITERS[options.format](result, result.hypotheses[options.decoding.method])
        named = options.format == "txt" and len(examples) > 1
        output.write(file, output.stem(file, Path(file).stem), text, named=named)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
