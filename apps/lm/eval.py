"""scriba lm eval: how well a language model foresees texts."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scriba.core.command import build_parser, parse_config, program, say
from scriba.core.errors import InputError
from scriba.core.files import check_writable, write_json
from scriba.core.precision import Device
from scriba.core.training import all_texts, with_texts
from scriba.lm import APP
from scriba.lm.foresight import text_scores
from scriba.loading import check_task, open_bundle, open_recogniser
from scriba.sources import open_named

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


def _eval(argv: Sequence[str]) -> int:
    parser = build_parser("scriba lm eval", DESCRIPTION, LmEvalConfig, positionals=POSITIONALS)
    options = parse_config(parser, LmEvalConfig, argv)
    check_writable(options.json, "--json")
    bundle = open_bundle(options.model)
    check_task(bundle, APP.name)
    recogniser = open_recogniser(bundle, device=options.device, precision="float32")
    source = open_named(options.texts, "text", "test")
    for problem in source.problems:
        say(problem.sentence)
    texts = [text for text in all_texts(with_texts(source.examples, "none")) if text.strip()]
    if not texts:
        raise InputError(f"{options.texts}: has no text; give a file with one on each line.")
    scores = text_scores(recogniser, texts)
    print(
        f"perplexity {scores['perplexity']:.3f} of {scores['tokens']} tokens ({scores['unknown']} unknown), "
        f"{scores['bits_per_character']:.3f} bits per character, {len(texts)} texts"
    )
    if options.json:
        write_json(Path(options.json), {"task": "lm", "model": options.model, "data": options.texts, **scores})
    return 1 if source.problems else 0


main = program(_eval)

if __name__ == "__main__":
    sys.exit(main())
