"""scriba data check: what of a source would be kept, what dropped and why."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from scriba.core.command import build_parser, parse_configs, program
from scriba.core.data import Report, check
from scriba.core.example import Example
from scriba.core.model import HeadLengths
from scriba.core.ranges import Whole
from scriba.core.text import build_tokenizer, clean, visible
from scriba.core.training import all_texts, check_run, with_texts
from scriba.data.options import POSITIONALS, app_in
from scriba.sources import open_named

DESCRIPTION = """Read every example of a source as training would, and tell what would be kept, what dropped and why,
the alphabet with counts, and the lengths. Options of training, and its config files, hold here too.

Example: scriba data check asr train.jsonl --dev dev.jsonl --test test.jsonl --config apps/asr/configs/an4.yaml
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
    show: Whole = 10
    streaming: bool = False


def _check(argv: Sequence[str]) -> int:
    app = app_in(argv)
    configs = (CheckConfig, app.config)
    parser = build_parser("scriba data check", DESCRIPTION, *configs, positionals=POSITIONALS, defaults=app.defaults)
    options, config = parse_configs(parser, configs, argv)
    check_run(config)
    encode: Callable[[str], Sequence[object]] = str
    reports: list[Report] = []
    for split, name in (("train", options.source), ("dev", options.dev), ("test", options.test)):
        if name is None:
            continue
        source = open_named(name, app.media, split, options.streaming)
        found = list(source.examples)
        rows = with_texts(found, config.data.normalise)
        aligns = split == "train" and config.loss.ctc_weight > 0  # dev and test are not trained on
        if aligns and config.tokenizer.kind != "characters":
            encode = build_tokenizer(config.tokenizer, all_texts(rows)).encode
        positions = HeadLengths(app.encoder(config), config.ctc.rate) if aligns else None
        inputs, problems = app.inputs(config), source.problems
        report = check(name, rows, inputs, problems=problems, positions=positions, encode=encode)
        print(visible("\n".join([*report.lines(options.show), *cleaned(found)]), "\n"))
        reports.append(report)
        if unseen := report.unseen_in(reports[0]):
            shown = ", ".join(f"{character!r} {count}" for character, count in unseen.items())
            print(visible(f"  characters that {reports[0].name} lacks: {shown}"))
    return 1 if any(report.dropped for report in reports) else 0


def cleaned(examples: Sequence[Example]) -> list[str]:
    """Return what is told of texts that training changes before it normalises them."""
    texts = all_texts(examples)
    changed = sum(clean(text) != text for text in texts)
    blank = sum(not clean(text).strip() for e in examples if isinstance(e.target, tuple) for text in e.target)
    lines = [f"  cleaned of tabs, no-break or invisible spaces, soft hyphens, letters in parts: {changed} texts"]
    return [*(lines if changed else []), *([f"  blank texts left out beside others: {blank}"] if blank else [])]


main = program(_check)

if __name__ == "__main__":
    sys.exit(main())
