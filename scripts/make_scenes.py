"""Make the example pictures of the demo: drawn scenes with captions.

    python scripts/make_scenes.py

writes *.png and metadata.jsonl into scripts/examples/scenes, scenes that are in no split of synth:scenes.
"""

import json
from pathlib import Path

import numpy as np

from scriba.datasets.scenes import Shape, describe, render

FOLDER = Path(__file__).resolve().parent / "examples" / "scenes"
SCENES = {
    "ring": [("ring", "blue", "large", "right")],
    "pair": [("star", "yellow", "large", "left"), ("square", "purple", "small", "right")],
    "stack": [("triangle", "green", "large", "top"), ("circle", "red", "large", "bottom")],
    "three": [
        ("diamond", "orange", "small", "left"),
        ("circle", "black", "small", "right"),
        ("star", "pink", "large", "bottom"),
    ],
}
"""Kind, colour, size and place of each shape."""


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1964)
    rows = []
    for name, drawn in SCENES.items():
        shapes = [Shape(*row) for row in drawn]
        render(shapes, rng).save(FOLDER / f"{name}.png")
        rows.append(json.dumps({"file_name": f"{name}.png", "captions": describe(shapes, rng)}))
    (FOLDER / "metadata.jsonl").write_text("\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
