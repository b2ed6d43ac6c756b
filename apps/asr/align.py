"""scriba asr align: where the words of a known transcript lie in a recording."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from scriba.asr import APP, Model
from scriba.asr.writers import WRITERS
from scriba.commands import AlignConfig, align
from scriba.core.example import Example
from scriba.core.text import visible

DESCRIPTION = """Find where the words of a known transcript lie in a recording, in seconds, and how sure that is.

Example: scriba asr align talk.wav "what is said" --format ctm
"""


@dataclass(frozen=True)
class SpeechAlignConfig(AlignConfig):
    """Options of alignment.

    Args:
        format: json (tokens, words, confidence and times), srt, vtt, tsv or ctm.
    """

    format: Literal["json", "srt", "vtt", "tsv", "ctm"] = "json"


def write(model: Model, options: SpeechAlignConfig) -> None:
    """Align a recording and write the times."""
    result = model.align_example(Example(options.file, Path(options.file), options.text))
    sys.stdout.write(visible(WRITERS[options.format](result, result.hypothesis), keep="\n\t"))


main = align(APP, DESCRIPTION, "Audio file.", "asr-an4-en", SpeechAlignConfig, write)

if __name__ == "__main__":
    sys.exit(main())
