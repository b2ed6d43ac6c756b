"""Runs that differ in a choice and their seed: commands in processes of their own, several at a time, and a table."""

import argparse
import os
import statistics
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path


def parser_of_runs(description: str | None, runs: str) -> argparse.ArgumentParser:
    """Return a parser with the options that all comparisons have; `runs` is the default of --runs."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=description, formatter_class=form, allow_abbrev=False)
    parser.add_argument("--config", required=True, help="config of all runs")
    parser.add_argument("--train", required=True, help="training source")
    parser.add_argument("--dev", required=True, help="source that chooses the best weights")
    parser.add_argument("--runs", type=Path, default=runs, help="folder of the runs (default: %(default)s)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="(default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=2, help="runs trained at the same time (default: %(default)s)")
    return parser


def run_module(arguments: Sequence[str], jobs: int) -> str:
    """Run `python -m …` as one of so many at a time, each with its share of the cores; returns its last line.

    Raises:
        SystemExit: It failed.
    """
    environment = os.environ | {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // jobs))}
    command = [sys.executable, "-m", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return (done.stderr + done.stdout).splitlines()[-1]


def train_run(app: str, options: argparse.Namespace, name: str, seed: int, extra: Sequence[str]) -> Path:
    """Train one run, or what is left of it; returns its folder."""
    folder: Path = options.runs / f"{name.replace(' ', '-')}-{seed}"
    command = [f"scriba.{app}.train", "--config", options.config, "--data.train", options.train]
    command += ["--data.dev", options.dev, "--run_dir", str(folder), "--seed", str(seed), *extra]
    print(f"{folder}: {run_module(command, options.jobs)}", flush=True)
    return folder


def spread(values: Sequence[float], digits: int = 1) -> str:
    """Return the mean and the standard deviation."""
    deviation = statistics.stdev(values) if len(values) > 1 else 0
    return f"{statistics.mean(values):.{digits}f} ± {deviation:.{digits}f}"


def table_of(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heading, ["---"] * len(heading), *rows))
