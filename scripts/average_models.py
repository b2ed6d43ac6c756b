"""Average two models of the same tokenizer where their weights have the same names, and keep the rest of the second.

    python scripts/average_models.py runs/print-ctc/bundle runs/print/bundle --share 0.5 --out runs/averaged

A model and one that was trained on from it lie in one valley, and between them is often a place better than either
(Wortsman et al. 2022, arXiv 2109.01903).
"""

from __future__ import annotations

import argparse
from pathlib import Path

from scriba.core.bundle import load_bundle, save_bundle
from scriba.core.errors import InputError


def average(first: Path, second: Path, share: float, out: Path) -> None:
    """Write share * first + (1 - share) * second as a bundle with the config of the second.

    Raises:
        InputError: The tokenizers differ.
    """
    one, other = load_bundle(first), load_bundle(second)
    if one.tokenizer.to_json() != other.tokenizer.to_json():
        raise InputError(f"{first} and {second} have different tokenizers; average models of one training.")
    weights = {
        name: tensor
        if name not in one.weights or not tensor.is_floating_point()
        else (share * one.weights[name].float() + (1 - share) * tensor.float())
        for name, tensor in other.weights.items()
    }
    card = (second / "README.md").read_text(encoding="utf-8")
    card += f"\nAveraged with `{first}`, of which the shared weights have a share of {share}.\n"
    save_bundle(out, task=other.task, config=other.config, tokenizer=other.tokenizer, weights=weights, card=card)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("first", type=Path, help="bundle folder")
    parser.add_argument("second", type=Path, help="bundle folder; its config and its other weights are kept")
    parser.add_argument("--share", type=float, default=0.5, help="share of the first (default: %(default)s)")
    parser.add_argument("--out", type=Path, required=True, help="bundle folder to write")
    options = parser.parse_args()
    average(options.first, options.second, options.share, options.out)


if __name__ == "__main__":
    main()
