"""The model card that a training writes into its bundle."""

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from scriba.core.training.config import RunConfig


def model_card(task: str, config: RunConfig, scores: Mapping[str, float], parameters: int) -> str:
    """Return the text of the card: data, command and scores.

    Args:
        task: Name of the app.
        config: The run.
        scores: Scores on dev of the weights in the bundle.
        parameters: Number of weights.
    """
    command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
    rows = [f"| {name} | {value:.2f} |" for name, value in scores.items()]
    return "\n".join(
        [
            f"# A scriba model ({task})",
            "",
            f"- {parameters / 1e6:.2f} million weights, stored as float16; seed {config.seed}",
            f"- trained on `{config.data.train}`, chosen on `{config.data.dev}`",
            f"- command: `{command}`",
            "- licence of the data: to be filled in by whoever publishes this model",
            "",
            "| score on dev | value |",
            "| --- | --- |",
            *rows,
            "",
        ]
    )
