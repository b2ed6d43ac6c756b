"""scriba model info: what a model is."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from scriba.core.command import build_parser, parse_config, program, show
from scriba.core.files import Bundle
from scriba.core.text import SPECIALS
from scriba.loading import open_bundle, read_config
from scriba.model.options import card_of

DESCRIPTION = """Tell what a model is: its app, heads, size, tokens and how it decodes; its card as JSON or in full.

Example: scriba model info ocr-print
"""
POSITIONALS = {"model": "Bundle folder, name of a bundled model, or hf:owner/name."}
SHOWN = 60
"""Tokens that are listed in text."""


@dataclass(frozen=True)
class InfoConfig:
    """Options of the information.

    Args:
        model: Bundle folder, name of a bundled model, or hf:owner/name.
        format: txt, or json with all tokens, the whole config and the card.
    """

    model: str = ""
    format: Literal["txt", "json"] = "txt"


def _info(argv: Sequence[str]) -> int:
    parser = build_parser("scriba model info", DESCRIPTION, InfoConfig, positionals=POSITIONALS)
    options = parse_config(parser, InfoConfig, argv)
    bundle = open_bundle(options.model)
    found = describe(bundle)
    if options.format == "json":
        show(json.dumps({**found, "config": asdict(read_config(bundle)), "card": card_of(bundle)}, ensure_ascii=False))
        return 0
    tokens = found["tokens"]
    more = f" … and {len(tokens) - SHOWN} more" if len(tokens) > SHOWN else ""
    decoding = {n: v for n, v in found["decoding"].items() if v not in (None, 0.0)}
    show(f"{options.model}: app {found['task']}, {found['weights'] / 1e6:.2f} million weights, heads {found['heads']}")
    show(f"folder    {found['path']}")
    show(f"parts     {', '.join(f'{name} {count / 1e6:.2f} M' for name, count in found['parts'].items())}")
    show(f"tokens    {len(tokens)}: {' '.join(tokens[:SHOWN])}{more}")
    show(f"decoding  {', '.join(f'{name} {value}' for name, value in decoding.items())}")
    show(f"card      {bundle.path / 'README.md'}")
    return 0


def describe(bundle: Bundle) -> dict[str, Any]:
    """Return what a model is, as plain values."""
    config, parts = read_config(bundle), dict[str, int]()
    for name, tensor in bundle.weights.items():
        part = name.split(".")[0]
        parts[part] = parts.get(part, 0) + tensor.numel()
    pieces = [bundle.tokenizer.piece(i) for i in range(len(SPECIALS), len(bundle.tokenizer))]
    return {
        "path": str(bundle.path),
        "task": bundle.task,
        "heads": config.model().heads,
        "weights": sum(parts.values()),
        "parts": parts,
        "tokens": pieces,
        "decoding": asdict(config.decoding),
    }


main = program(_info)

if __name__ == "__main__":
    sys.exit(main())
