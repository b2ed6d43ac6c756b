"""scriba model narrow: a line model with fewer channels and units."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from scriba.core.command import build_parser, parse_config, program, show
from scriba.core.errors import InputError
from scriba.core.files import save_bundle
from scriba.core.ranges import Count
from scriba.loading import check_task, open_bundle
from scriba.model.options import card_of, check_out
from scriba.ocr.narrow import narrowed

DESCRIPTION = """Take the least used channels and units out of a trained line model, so that it reads faster; then train
it on, with --init and the options of its new size.

Example: scriba model narrow runs/wide --channels "[32, 64, 112, 112, 128, 128, 112]" --size 192 --out runs/narrow
"""
POSITIONALS = {"model": "Bundle folder or name of a line model."}


@dataclass(frozen=True)
class NarrowConfig:
    """Options of narrowing.

    Args:
        model: Bundle folder or name of a line model.
        channels: Channels of each convolution.
        size: Size of each direction of an LSTM layer.
        out: Bundle folder to write.
    """

    model: str = ""
    channels: list[Count] = field(default_factory=list)
    size: Count = 192
    out: str = ""


def _narrow(argv: Sequence[str]) -> int:
    parser = build_parser("scriba model narrow", DESCRIPTION, NarrowConfig, positionals=POSITIONALS)
    options = parse_config(parser, NarrowConfig, argv)
    out, bundle = check_out(options.out), open_bundle(options.model)
    check_task(bundle, "ocr")
    if bundle.config["encoder"].get("kind", "blstm") != "blstm":
        raise InputError(f"{bundle.path}: has another encoder than blstm, which alone can be narrowed.")
    config, weights = narrowed(bundle.config, bundle.weights, options.channels, options.size)
    card = card_of(bundle) + (
        f"\nNarrowed from `{options.model}` to channels {options.channels} and LSTM layers of {options.size}; "
        "not yet trained on.\n"
    )
    save_bundle(out, task=bundle.task, config=config, tokenizer=bundle.tokenizer, weights=weights, card=card)
    show(str(out))
    return 0


main = program(_narrow)

if __name__ == "__main__":
    sys.exit(main())
