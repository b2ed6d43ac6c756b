"""Where a captioner looked: for each word, the picture with the attention over it (Xu et al. 2015, Figure 2)."""

import math
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from scriba.caption.picture import read_colours
from scriba.core.files import replacing
from scriba.core.search import Hypothesis

SIDE = 224
"""Pixels along each side of a drawn picture."""
COLUMNS = 5


def plot_caption(picture: Path, hypothesis: Hypothesis, path: Path) -> None:
    """Write a picture: the original, then for each token what it was read from, with the token under it.

    Args:
        picture: The picture file.
        hypothesis: Its caption, with the attention over a square grid of cells.
        path: File to write.
    """
    image = read_colours(picture, str(picture), note=lambda told: None)  # it was told when it was described
    image = image.resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    maps = [smooth(np.array(row)) for row in hypothesis.attention_UT or ()]
    panels = 1 + len(maps)
    rows = math.ceil(panels / COLUMNS)
    figure = Figure(figsize=(2.1 * COLUMNS, 2.6 * rows))
    axes = figure.subplots(rows, COLUMNS, squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for i, axis in zip(range(panels), axes.flat, strict=False):
        axis.imshow(image)
        if i == 0:
            axis.set_title(f"confidence {hypothesis.confidence:.2f}", y=-0.16, fontsize=9)
            continue
        axis.imshow(maps[i - 1], cmap="gray", alpha=0.75, vmin=0)
        axis.set_title(hypothesis.tokens[i - 1].text.strip(), y=-0.16, fontsize=11, parse_math=False)
    figure.suptitle(hypothesis.text, fontsize=12, parse_math=False)
    figure.tight_layout()
    with replacing(path) as aside:
        figure.savefig(aside, dpi=90, format="png")


def smooth(weights_T: np.ndarray) -> np.ndarray:
    """Return the weights of a square grid, scaled up smoothly to the size of the picture."""
    side = math.isqrt(len(weights_T))
    grid = Image.fromarray(weights_T.reshape(side, side).astype(np.float32))
    return np.asarray(grid.resize((SIDE, SIDE), Image.Resampling.BICUBIC)).clip(0)
