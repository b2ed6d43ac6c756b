"""Soft, hard and no attention: the same features, epochs and data, several seeds, scored by the same command.

    python scripts/compare_attention.py --config apps/caption/configs/photos.yaml \
        --train flickr8k/train.jsonl --dev flickr8k/dev.jsonl --scored flickr8k/test.jsonl [training options]

prints a table of means and standard deviations over the seeds. Without attention, the decoder is fed the mean of the
features at every step. Runs are kept in --runs and resumed, so it may be stopped at any time; --jobs 2 trains two at a
time with one thread each, the quickest way on two cores.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from side_by_side import run_module

VARIANTS: Mapping[str, Sequence[str]] = {
    "soft": (),
    "hard": ("--attention.selection", "hard"),
    "none": ("--attention.kind", "none", "--attention.without", "mean", "--loss.doubly_stochastic", "0"),
}
SCORES = {"bleu1": "BLEU-1", "bleu2": "BLEU-2", "bleu3": "BLEU-3", "bleu4": "BLEU-4"}
SCORES |= {"cider": "CIDEr", "rouge_l": "ROUGE-L"}

Scores = Mapping[str, float]


def train_and_score(options: argparse.Namespace, rest: Sequence[str], variant: str, seed: int) -> Scores:
    """Train and score one run; returns its scores."""
    folder = Path(options.runs) / f"{variant}-{seed}"
    command = ["scriba.caption.train", "--config", options.config, "--data.train", options.train]
    command += ["--data.dev", options.dev, "--run_dir", str(folder), "--seed", str(seed), *rest, *VARIANTS[variant]]
    print(f"{folder}: {run_module(command, options.jobs)}", flush=True)
    out = folder / f"{Path(options.scored).stem}.json"
    search = [word for name, value in options.decoding.items() for word in (f"--decoding.{name}", str(value))]
    scoring = ["scriba.caption.eval", str(folder / "bundle"), options.scored, "--json", str(out), *search]
    run_module(scoring, options.jobs)
    scores: Scores = json.loads(out.read_text(encoding="utf-8"))
    return scores


def table(results: Mapping[str, Sequence[Scores]]) -> str:
    """Return the mean and the standard deviation of each score of each variant."""
    rows = [f"| attention | {' | '.join(SCORES.values())} |", "| --- " * (len(SCORES) + 1) + "|"]
    for variant, runs in results.items():
        cells = []
        for name in SCORES:
            values = [run[name] for run in runs]
            digits = 2 if name == "cider" else 1  # the others are in percent
            spread = statistics.stdev(values) if len(values) > 1 else 0
            cells.append(f"{statistics.mean(values):.{digits}f} ± {spread:.{digits}f}")
        rows.append(f"| {variant} | {' | '.join(cells)} |")
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--config", required=True, help="config of all runs")
    parser.add_argument("--train", required=True, help="training source")
    parser.add_argument("--dev", required=True, help="source that chooses the best weights")
    parser.add_argument("--scored", required=True, help="source that the table is about")
    parser.add_argument(
        "--decoding", type=json.loads, default={}, help='options of the search that is scored: {"beam_size": 20}'
    )
    parser.add_argument("--runs", default="runs/attention", help="folder of the runs (default: %(default)s)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="(default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=2, help="runs trained at the same time (default: %(default)s)")
    options, rest = parser.parse_known_args()
    cases = [(variant, seed) for seed in options.seeds for variant in VARIANTS]
    with ThreadPoolExecutor(options.jobs) as pool:
        scores = list(pool.map(lambda case: train_and_score(options, rest, *case), cases))
    print(table({v: [s for (variant, _), s in zip(cases, scores, strict=True) if variant == v] for v in VARIANTS}))


if __name__ == "__main__":
    main()
