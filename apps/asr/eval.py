"""scriba asr eval: score a speech recogniser on data."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from scriba.asr import APP, Model
from scriba.asr.segments import SegmentConfig
from scriba.commands import EvalConfig, evaluate
from scriba.core.example import Example
from scriba.core.recogniser import Recogniser, Result

DESCRIPTION = """Score a speech recogniser: WER and CER in percent, from each of its heads, on recordings of any length.

Example: scriba asr eval asr-an4-en test.jsonl --json scores.json
"""


@dataclass(frozen=True)
class AsrEvalConfig(EvalConfig):
    """Options of evaluation.

    Args:
        segments: Where long recordings are cut.
    """

    segments: SegmentConfig = field(default_factory=SegmentConfig)


def in_segments(recogniser: Recogniser, examples: Iterable[Example], options: AsrEvalConfig) -> Iterator[Result]:
    """Cut and join recordings as `scriba asr transcribe` does."""
    return Model(recogniser, options.segments).transcribe_all(examples, batch_size=options.batch_size)


main = evaluate(APP, DESCRIPTION, AsrEvalConfig, in_segments)

if __name__ == "__main__":
    sys.exit(main())
