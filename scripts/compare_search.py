"""Error rates and speed of the searches: either head and both, several beams, with and without a language model.

    python scripts/compare_search.py asr-an4-en an4/test.jsonl --lm runs/lm/bundle --lm_weight 0.2 --length_bonus 0.6

prints a row for each case. Weights are those of the bundle unless options name them; several values of one option give
a row each, to choose from on dev:

    python scripts/compare_search.py asr-an4-en an4/dev.jsonl --methods joint --beams 8 --ctc_weight 0.3 0.5 0.7

The real-time factor is seconds of work per second of input (for lines of print: microseconds for each column), from
files to texts, in batches, with both cores.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from scriba.commands import open_named
from scriba.core.example import Example
from scriba.core.metrics import error_rates, normalisation
from scriba.core.recogniser import Recogniser
from scriba.core.search import DecodingConfig
from scriba.loading import app_of, build_recogniser, open_bundle, read_config

WEIGHTS = ("ctc_weight", "lm_weight", "length_bonus", "length_penalty")


def cases(options: argparse.Namespace, default: DecodingConfig) -> Iterator[DecodingConfig]:
    """Yield the searches to compare; what a search does not use is not varied."""
    seen = set[DecodingConfig]()
    values = {name: getattr(options, name) or [getattr(default, name)] for name in WEIGHTS}
    for method, beam_size, lm in itertools.product(options.methods, options.beams, [None, options.lm]):
        for chosen in itertools.product(*values.values()):
            config = replace(
                default, method=method, beam_size=beam_size, n_best=1, lm=lm, **dict(zip(WEIGHTS, chosen, strict=True))
            )
            if method != "joint":
                config = replace(config, ctc_weight=0.0)
            if lm is None:
                config = replace(config, lm_weight=0.0, length_bonus=0.0 if options.lm else config.length_bonus)
            if config not in seen:
                seen.add(config)
                yield config


def measure(
    recogniser: Recogniser, examples: Sequence[Example], config: DecodingConfig, normalise: str
) -> tuple[float, float, float]:
    """Return CER, WER (percent) and seconds of work per unit of input."""
    start = time.perf_counter()
    results = list(recogniser.run(examples, config, batch_size=16))
    seconds = time.perf_counter() - start
    simplify = normalisation(normalise)
    rates = error_rates(
        [simplify(result.example.texts[0]) for result in results],
        [simplify(result.hypotheses[config.method].text) for result in results],
    )
    return rates["cer"], rates["wer"], seconds / sum(result.extent for result in results)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="bundle")
    parser.add_argument("data", help="source to recognise")
    parser.add_argument("--methods", nargs="+", default=["attention", "ctc", "joint"], help="(default: all)")
    parser.add_argument("--beams", nargs="+", type=int, default=[1, 4, 8, 16], help="(default: %(default)s)")
    parser.add_argument("--lm", help="language model; every case is measured without it, too")
    parser.add_argument("--normalise", default="none", help="of both texts before scoring (default: %(default)s)")
    for name in WEIGHTS:
        parser.add_argument(f"--{name}", nargs="+", type=float, help="values (default: that of the bundle)")
    options = parser.parse_args()
    bundle = open_bundle(options.model)
    recogniser = build_recogniser(bundle, read_config(bundle), "auto", "auto", options.lm)
    examples = list(open_named(options.data, app_of(bundle).MEDIA, "test").examples)
    scale = 1 if recogniser.task.frame_size < 1 else 1e6
    print("| search | beam | language model | weights | CER % | WER % | real-time factor |\n" + "| --- " * 7 + "|")
    measure(recogniser, examples[:32], DecodingConfig(recogniser.methods[0]), options.normalise)  # warms the libraries
    for config in cases(options, read_config(bundle).decoding):
        cer, wer, rate = measure(recogniser, examples, config, options.normalise)
        weights = ", ".join(f"{name} {getattr(config, name):g}" for name in WEIGHTS if getattr(config, name))
        row = [config.method, config.beam_size, "yes" if config.lm else "", weights]
        print("|", *(f"{cell} |" for cell in [*row, f"{cer:.2f}", f"{wer:.2f}", f"{scale * rate:.4f}"]), flush=True)


if __name__ == "__main__":
    main()
