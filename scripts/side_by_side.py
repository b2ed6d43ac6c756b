"""Commands in processes of their own, several at a time, each with its share of the cores."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence


def run_module(arguments: Sequence[str], jobs: int) -> str:
    """Run `python -m …` as one of so many at a time; returns the last line that it told.

    Raises:
        SystemExit: It failed.
    """
    environment = os.environ | {"OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // jobs))}
    command = [sys.executable, "-m", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return (done.stderr + done.stdout).splitlines()[-1]
