"""Pictures of what was read: the line, the places of its characters, and the attention over it."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from scriba.core.files import replacing
from scriba.ocr.reader import Page, ReadLine


def plot_page(page: Page, folder: Path, stem: str) -> None:
    """Write FOLDER/STEM-N.png for each line N of a page."""
    for number, line in enumerate(page.lines, start=1):
        with replacing(folder / f"{stem}-line{number}.png") as aside:
            plot_line(line, aside)


def plot_line(line: ReadLine, path: Path) -> None:
    """Draw one line; below it the attention of each token over the columns, where there is one."""
    columns, rows = line.line.ink_WF.shape
    attention = line.hypothesis.attention_UT
    tokens = line.hypothesis.tokens
    ratios = [1, 0.22 * len(tokens) + 0.5] if attention is not None else [1]
    size = (max(6.0, columns / 60), 1.1 + (0.13 * len(tokens) if attention is not None else 0))
    figure = Figure(figsize=size)
    axes = figure.subplots(len(ratios), 1, sharex=True, squeeze=False, height_ratios=ratios)
    top = axes[0, 0]
    top.imshow(line.line.ink_WF.T, cmap="gray_r", aspect="auto", extent=(0, columns, rows, 0), vmin=0, vmax=1)
    for i, token in enumerate(tokens):
        if token.start is None or token.end is None:
            continue
        start, end = ((x - line.left - line.line.left) / line.line.scale for x in (token.start, token.end))
        top.axvspan(start, end, color=f"C{i % 2}", alpha=0.35, linewidth=0)
        top.text((start + end) / 2, -2, token.text, ha="center", va="bottom", fontsize=7, parse_math=False)
    top.set_yticks([])
    top.set_title(" ", fontsize=7)
    if attention is not None:
        weights_UT = np.array(attention)
        low = axes[1, 0]
        low.imshow(weights_UT, cmap="magma", aspect="auto", extent=(0, columns, len(weights_UT), 0), vmin=0)
        low.set_yticks(np.arange(len(tokens)) + 0.5, [token.text for token in tokens], fontsize=6, parse_math=False)
        low.set_xlabel("column of the prepared line")
    figure.tight_layout()
    figure.savefig(path, dpi=120, format="png")
