"""scriba data check: what of a source would be kept, what dropped and why."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from scriba.commands import open_named
from scriba.core.check import Report, check
from scriba.core.options import build_parser, parse_config, run_command
from scriba.core.training import with_texts
from scriba.loading import APPS, open_app

DESCRIPTION = """Read every example of a source as training would, and tell what would be kept, what dropped and why,
the alphabet with counts, and the lengths.

Example: scriba data check asr train.jsonl --dev dev.jsonl --test test.jsonl
"""


@dataclass(frozen=True)
class CheckConfig:
    """Options of the data check.

    Args:
        app: App that would be trained.
        source: A manifest, hf:NAME[:CONFIG[:SPLIT]] or synth:NAME.
        dev: A second source, whose characters are compared with those of the first, or null.
        test: A third, likewise, or null.
        show: Dropped rows that are listed one by one.
        streaming: Read hf: sources as a stream.
    """

    app: str = ""
    source: str = ""
    dev: str | None = None
    test: str | None = None
    show: int = 10
    streaming: bool = False


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 1 if any row would be dropped."""
    return run_command(_check, argv)


def _check(argv: Sequence[str]) -> int:
    positionals = {"app": f"App: {', '.join(APPS)}.", "source": "Source of the examples."}
    options = parse_config(build_parser("scriba data check", DESCRIPTION, CheckConfig, positionals), CheckConfig, argv)
    app = open_app(options.app)
    config = app.Config()
    task = app.Task(config)
    needs_ctc = config.loss.ctc_weight > 0
    encoder = task.build_encoder()
    reports: list[Report] = []
    for split, name in (("train", options.source), ("dev", options.dev), ("test", options.test)):
        if name is None:
            continue
        source = open_named(name, app.MEDIA, split, options.streaming)
        rows = with_texts(source.examples, config.data.normalise)
        report = check(name, rows, task, encoder, problems=source.problems, needs_ctc=needs_ctc)
        print("\n".join(report.lines(options.show)))
        reports.append(report)
        if unseen := report.unseen_in(reports[0]):
            shown = ", ".join(f"{character!r} {count}" for character, count in unseen.items())
            print(f"  characters that {reports[0].name} lacks: {shown}")
    return 1 if any(report.dropped for report in reports) else 0


if __name__ == "__main__":
    sys.exit(main())
