"""Pictures of what was read: the page with its lines in order, and each line with its characters and attention."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from scriba.core.files import replacing
from scriba.ocr.reader import Page, ReadLine


def plot_page(page: Page, folder: Path, stem: str) -> None:
    """Write FOLDER/STEM-lineN.png for each line N of a page, and FOLDER/STEM-order.png where there are several."""
    if len(page.lines) > 1:
        with replacing(folder / f"{stem}-order.png") as aside:
            plot_order(page, aside)
    for number, line in enumerate(page.lines, start=1):
        with replacing(folder / f"{stem}-line{number}.png") as aside:
            plot_line(line, aside)


def plot_order(page: Page, path: Path) -> None:
    """Draw the lines where they lie on the upright page, numbered as they are read, and the way between them."""
    figure = Figure(figsize=(9, max(2.0, 9 * page.height / page.width)))
    axes = figure.subplots()
    axes.set(xlim=(0, page.width), ylim=(page.height, 0), aspect="equal", title=f"{Path(page.file).name}, in order")
    for number, line in enumerate(page.lines, start=1):
        ink = line.line.ink_WF.T
        box = line.box
        axes.imshow(
            ink, cmap="gray_r", aspect="auto", extent=(box.left, box.right, box.bottom, box.top), vmin=0, vmax=1
        )
        axes.add_patch(Rectangle(box[:2], box.width, box.height, fill=False, edgecolor="C0", linewidth=0.6))
        axes.text(box.left, box.top, str(number), ha="right", va="center", fontsize=6, color="C3")
    starts = np.array([(line.box.left, (line.box.top + line.box.bottom) / 2) for line in page.lines])
    axes.plot(*starts.T, color="C1", linewidth=0.6, alpha=0.7)
    axes.set(xlim=(0, page.width), ylim=(page.height, 0))
    figure.tight_layout()
    figure.savefig(path, dpi=120, format="png")


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
