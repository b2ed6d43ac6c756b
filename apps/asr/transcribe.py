"""scriba asr transcribe: audio files to text."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from scriba.asr import APP, Model
from scriba.asr.segments import SegmentConfig
from scriba.asr.writers import ONE_FILE_EACH, WRITERS
from scriba.commands import DecodingOptions, use
from scriba.core.command import Output, say, track
from scriba.core.errors import UsageError
from scriba.core.example import Example
from scriba.core.recogniser import Recogniser

DESCRIPTION = """Write down what is said in audio files (wav, flac, ogg, mp3, m4a, …; any rate and number of channels).

Example: scriba asr transcribe talk.wav --model asr-an4-en --format srt
"""


@dataclass(frozen=True)
class TranscribeConfig(DecodingOptions):
    """Options of transcription.

    Args:
        files: Audio files.
        format: txt, json (a line a file, with tokens, words, confidence and times), srt, vtt, tsv or ctm.
        out: Folder to write one file for each input to; null writes to standard output.
        segments: Where long recordings are cut.
    """

    files: list[str] = field(default_factory=list)
    format: Literal["txt", "json", "srt", "vtt", "tsv", "ctm"] = "txt"
    out: str | None = None
    segments: SegmentConfig = field(default_factory=SegmentConfig)


def _transcribe(recogniser: Recogniser, options: TranscribeConfig) -> int:
    if options.out is None and options.format in ONE_FILE_EACH and len(options.files) > 1:
        raise UsageError(f"--format {options.format} makes one file for each input; name a folder with --out.")
    output = Output(options.out, options.format)
    examples = [Example(file, Path(file), "") for file in options.files]
    results = Model(recogniser, options.segments).transcribe_all(examples, batch_size=options.batch_size)
    failed = 0
    for result in track(results, "transcribing", len(examples)):
        if result.error is not None:
            failed += 1
            say(f"scriba: {result.error}")
            if not result.hypothesis.text:
                continue
        file, text = result.example.id, WRITERS[options.format](result, result.hypothesis)
        named = options.format == "txt" and len(examples) > 1
        output.write(file, output.stem(file, Path(file).stem), text, named=named)
    return 1 if failed or output.failed else 0


main = use(
    APP,
    "transcribe",
    DESCRIPTION,
    TranscribeConfig,
    _transcribe,
    files="Audio files.",
    model="asr-an4-en",
    batch_size=8,
)

if __name__ == "__main__":
    sys.exit(main())
