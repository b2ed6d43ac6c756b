"""scriba model average: the mean of two models."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scriba.core.command import build_parser, parse_config, program, show
from scriba.core.errors import InputError
from scriba.core.files import Bundle, save_bundle
from scriba.core.ranges import Share
from scriba.core.training import carried, known_rows
from scriba.loading import open_bundle
from scriba.model.options import card_of, check_out

DESCRIPTION = """Average two models where their weights have the same names and shapes, and of weights tied to tokens
the rows of tokens that both have; keep the rest, the tokens and the config of the second. A model and one that was
trained on from it lie in one valley, and between them is often a place better than either (Wortsman et al. 2022, arXiv
2109.01903).

Example: scriba model average runs/ctc/bundle runs/joint/bundle --share 0.5 --out runs/averaged
"""
POSITIONALS = {"first": "Bundle folder or name of a model.", "second": "Another, whose config is kept."}


@dataclass(frozen=True)
class AverageConfig:
    """Options of averaging.

    Args:
        first: Bundle folder or name of a model.
        second: Another, whose config and other weights are kept.
        share: Share of the first.
        out: Bundle folder to write.
    """

    first: str = ""
    second: str = ""
    share: Share = 0.5
    out: str = ""


def _average(argv: Sequence[str]) -> int:
    parser = build_parser("scriba model average", DESCRIPTION, AverageConfig, positionals=POSITIONALS)
    options = parse_config(parser, AverageConfig, argv)
    out = check_out(options.out)
    average(open_bundle(options.first), open_bundle(options.second), options.share, out)
    show(str(out))
    return 0


def average(first: Bundle, second: Bundle, share: float, out: Path) -> None:
    """Write share * first + (1 - share) * second as a bundle with the config of the second.

    Raises:
        InputError: The tokenizers are of different kinds, or the first has less than a third of the second's tokens.
    """
    shared = len(known_rows(second.tokenizer, first.tokenizer)[0])
    if type(first.tokenizer) is not type(second.tokenizer) or 3 * shared < len(second.tokenizer):
        raise InputError(f"{first.path} and {second.path} have different tokenizers; average models of one training.")
    weights = {}
    for name, tensor in second.weights.items():
        weights[name] = tensor
        if name in first.weights and tensor.is_floating_point():
            other = carried(name, tensor, first.weights[name], second.tokenizer, first.tokenizer)
            if other is not None:
                weights[name] = share * other.float() + (1 - share) * tensor.float()
    card = f"{card_of(second)}\nAveraged with `{first.path}`, of which the shared weights have a share of {share}.\n"
    save_bundle(out, task=second.task, config=second.config, tokenizer=second.tokenizer, weights=weights, card=card)


main = program(_average)

if __name__ == "__main__":
    sys.exit(main())
