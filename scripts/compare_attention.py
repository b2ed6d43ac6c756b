"""Soft, hard and no attention: the same features, epochs and data, several seeds, scored by the same command.

    python scripts/compare_attention.py --config apps/caption/configs/photos.yaml \
        --train flickr8k/train.jsonl --dev flickr8k/dev.jsonl --scored flickr8k/test.jsonl [training options]

prints a table of means and standard deviations over the seeds. Without attention, the decoder is fed the mean of the
features at every step. Runs are kept in --runs and resumed, so it may be stopped at any time; --jobs 2 trains two at a
time with one thread each, the quickest way on two cores.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from side_by_side import parser_of_runs, run_module, spread, table_of, train_run

VARIANTS: Mapping[str, Sequence[str]] = {
    "soft": (),
    "hard": ("--attention.selection", "hard"),
    "none": ("--attention.kind", "none", "--attention.without", "mean", "--loss.doubly_stochastic", "0"),
}
SCORES = {f"bleu{n}": f"BLEU-{n}" for n in (1, 2, 3, 4)} | {"cider": "CIDEr", "rouge_l": "ROUGE-L"}

Scores = Mapping[str, float]


def train_and_score(options: argparse.Namespace, rest: Sequence[str], variant: str, seed: int) -> Scores:
    """Train and score one run; returns its scores."""
    folder = train_run("caption", options, variant, seed, [*rest, *VARIANTS[variant]])
    out = folder / f"{Path(options.scored).stem}.json"
    search = [word for name, value in options.decoding.items() for word in (f"--decoding.{name}", str(value))]
    scoring = ["scriba.caption.eval", str(folder / "bundle"), options.scored, "--json", str(out), *search]
    run_module(scoring, options.jobs)
    scores: Scores = json.loads(out.read_text(encoding="utf-8"))
    return scores


def table(results: Mapping[str, Sequence[Scores]]) -> str:
    """Return the mean and the standard deviation of each score of each variant; CIDEr is not in percent."""
    rows = [
        [variant, *(spread([run[name] for run in runs], 2 if name == "cider" else 1) for name in SCORES)]
        for variant, runs in results.items()
    ]
    return table_of(["attention", *SCORES.values()], rows)


def main() -> None:
    parser = parser_of_runs(__doc__, "runs/attention")
    parser.add_argument("--scored", required=True, help="source that the table is about")
    decoding = 'options of the search that is scored: {"beam_size": 20}'
    parser.add_argument("--decoding", type=json.loads, default={}, help=decoding)
    options, rest = parser.parse_known_args()
    cases = [(variant, seed) for seed in options.seeds for variant in VARIANTS]
    with ThreadPoolExecutor(options.jobs) as pool:
        found = dict(zip(cases, pool.map(lambda case: train_and_score(options, rest, *case), cases), strict=True))
    print(table({variant: [found[variant, seed] for seed in options.seeds] for variant in VARIANTS}))


if __name__ == "__main__":
    main()
