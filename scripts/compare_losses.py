"""Attention only, CTC only and joint: the same encoder, epochs and data, several seeds, dev CER by epoch.

    python scripts/compare_losses.py --config apps/asr/configs/compare.yaml \
        --train speech/an4/train.jsonl --dev speech/an4/dev.jsonl --out docs/compare

writes OUT.csv and OUT.png and prints a table. Runs are kept in --runs and resumed, so it may be stopped at any time;
--jobs 2 trains two at a time with one thread each, the quickest way on two cores.
"""

import argparse
import csv
import json
import statistics
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from side_by_side import parser_of_runs, spread, table_of, train_run

WEIGHTS = {"attention only": 0.0, "CTC only": 1.0, "joint": 0.5}
CURVES = {
    "attention only": ("attention only", "attention"),
    "joint, attention head": ("joint", "attention"),
    "CTC only": ("CTC only", "ctc"),
    "joint, CTC head": ("joint", "ctc"),
}


def train(options: argparse.Namespace, loss: str, seed: int) -> Path:
    """Train one run in a process of its own; returns its folder."""
    method = "ctc" if WEIGHTS[loss] else "attention"
    extra = ["--loss.ctc_weight", str(WEIGHTS[loss]), "--decoding.method", method]
    return train_run("asr", options, loss, seed, extra)


def dev_rates(folder: Path, head: str) -> list[float]:
    """Return the dev CER of a head after each epoch."""
    lines = map(json.loads, (folder / "log.jsonl").read_text().splitlines())
    return [line[f"{head}_cer"] for line in lines if line["kind"] == "dev"]


def collect(folders: dict[tuple[str, int], Path], seeds: list[int]) -> dict[str, list[list[float]]]:
    """Return for each curve, for each seed, the dev CER by epoch."""
    return {name: [dev_rates(folders[loss, s], head) for s in seeds] for name, (loss, head) in CURVES.items()}


def write_csv(path: Path, curves: dict[str, list[list[float]]], seeds: list[int]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["loss and head", "epoch", *[f"seed {s}" for s in seeds], "mean", "spread (std)"])
        for name, runs in curves.items():
            for epoch, rates in enumerate(zip(*runs, strict=True), start=1):
                cells = [*rates, statistics.mean(rates), statistics.stdev(rates) if len(rates) > 1 else 0.0]
                writer.writerow([name, epoch, *[f"{value:.2f}" for value in cells]])


def table(curves: dict[str, list[list[float]]]) -> str:
    epochs = len(next(iter(curves.values()))[0])
    shown = sorted({e for e in (2, 4, 6, 8, 10, 15, 20, 30, 40, epochs) if e <= epochs})
    rows = [[name, *(spread([run[epoch - 1] for run in runs]) for epoch in shown)] for name, runs in curves.items()]
    return table_of(["dev CER %, epoch", *map(str, shown)], rows)


def plot(path: Path, curves: dict[str, list[list[float]]]) -> None:
    figure = Figure(figsize=(7, 4.2))
    axes = figure.subplots()
    for name, runs in curves.items():
        rates = np.array(runs)
        epochs = range(1, rates.shape[1] + 1)
        (line,) = axes.plot(epochs, rates.mean(0), label=name, linestyle="-" if "joint" in name else "--")
        axes.fill_between(epochs, rates.min(0), rates.max(0), alpha=0.15, color=line.get_color(), linewidth=0)
    axes.set_yscale("log")
    ticks = [5, 10, 20, 50, 100, 200]
    axes.set_yticks(ticks, [str(t) for t in ticks])
    axes.minorticks_off()
    axes.set(xlabel="epoch", ylabel="dev CER %", title="Dev CER by epoch: mean and range over seeds, greedy")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = parser_of_runs(__doc__, "runs/compare")
    parser.add_argument("--out", type=Path, default="docs/compare", help="path of the results, without suffix")
    options = parser.parse_args()
    cases = [(loss, seed) for seed in options.seeds for loss in WEIGHTS]
    with ThreadPoolExecutor(options.jobs) as pool:
        folders = dict(zip(cases, pool.map(lambda case: train(options, *case), cases), strict=True))
    curves = collect(folders, options.seeds)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    write_csv(options.out.with_suffix(".csv"), curves, options.seeds)
    plot(options.out.with_suffix(".png"), curves)
    print(table(curves))


if __name__ == "__main__":
    main()
