"""scriba lm eval: how well a language model foresees texts."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scriba.commands import open_named
from scriba.core.errors import InputError
from scriba.core.files import write_json
from scriba.core.language import text_scores
from scriba.core.options import build_parser, parse_config, run_command
from scriba.core.precision import Device, resolve_device
from scriba.core.progress import say
from scriba.core.training import all_texts
from scriba.loading import open_bundle, open_neural

DESCRIPTION = """Score a language model: its perplexity on texts.

Example: scriba lm eval runs/lm/bundle texts.txt
"""
POSITIONALS = {
    "model": "Bundle folder, name of a bundled model, or hf:owner/name.",
    "texts": "File with one text on each line, or a source whose texts are taken.",
}


@dataclass(frozen=True)
class LmEvalConfig:
    """Options of the evaluation.

    Args:
        model: Bundle folder, name of a bundled model, or hf:owner/name.
        texts: File with one text on each line, or a source whose texts are taken.
        json: File to write the scores to, or null.
        device: auto takes a GPU when there is one.
    """

    model: str = ""
    texts: str = ""
    json: str | None = None
    device: Device = "auto"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    return run_command(_eval, argv)


def _eval(argv: Sequence[str]) -> int:
    options = parse_config(build_parser("scriba lm eval", DESCRIPTION, LmEvalConfig, POSITIONALS), LmEvalConfig, argv)
    device = resolve_device(options.device)
    bundle = open_bundle(options.model)
    decoder = open_neural(bundle, device)
    source = open_named(options.texts, "text", "test")
    for problem in source.problems:
        say(problem.sentence)
    texts = [text for text in all_texts(source.examples) if text.strip()]
    if not texts:
        raise InputError(f"{options.texts}: has no text; give a file with one on each line.")
    scores = text_scores(decoder, bundle.tokenizer, texts, device)
    print(
        f"perplexity {scores['perplexity']:.3f} of {scores['tokens']} tokens ({scores['unknown']} unknown), "
        f"{scores['bits_per_character']:.3f} bits per character, {len(texts)} texts"
    )
    if options.json:
        write_json(Path(options.json), {"task": "lm", "model": options.model, "data": options.texts, **scores})
    return 1 if source.problems else 0


if __name__ == "__main__":
    sys.exit(main())
