"""Draw where a captioner looked for each word, of the first pictures of a source, as one sheet.

    python scripts/attention_sheet.py runs/soft/bundle flickr8k/test.jsonl --count 10 --out docs/attention.png

The pictures themselves are left out, for photographs that may not be shown: each square is the attention alone, bright
where the word was read from. `--pictures` puts them under it.
"""

import argparse
from itertools import islice
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from scriba.caption.picture import read_colours
from scriba.caption.plot import SIDE, smooth
from scriba.core.files import replacing
from scriba.core.search import Hypothesis
from scriba.loading import open_bundle, open_recogniser
from scriba.sources import open_named

INCH = 0.95  # side of a square


def draw(rows: list[tuple[Path | bytes, Hypothesis]], path: Path, pictures: bool) -> None:
    """Write the sheet: a row for each picture, a square for each word."""
    columns = max(len(h.tokens) for _, h in rows)
    figure = Figure(figsize=(INCH * columns, (INCH + 0.25) * len(rows)))
    grid = figure.subplots(len(rows), columns, squeeze=False)
    figure.subplots_adjust(left=0.01, right=0.99, top=0.99, bottom=0.04, wspace=0.05, hspace=0.3)
    for axes, (source, hypothesis) in zip(grid, rows, strict=True):
        for axis in axes:
            axis.axis("off")
        for axis, token, weights in zip(axes, hypothesis.tokens, hypothesis.attention_UT or (), strict=False):
            if pictures:
                axis.imshow(read_colours(source, "picture").resize((SIDE, SIDE), Image.Resampling.BICUBIC))
            look = {"cmap": "gray", "alpha": 0.75} if pictures else {"cmap": "magma"}
            axis.imshow(smooth(np.array(weights)), vmin=0, **look)
            axis.set_title(token.text.strip(), y=-0.28, fontsize=9, parse_math=False)
    with replacing(path) as aside:
        figure.savefig(aside, dpi=80, format="png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="bundle")
    parser.add_argument("source", help="source of the pictures")
    parser.add_argument("--count", type=int, default=10, help="number of pictures (default: %(default)s)")
    parser.add_argument("--out", type=Path, required=True, help="picture to write")
    parser.add_argument("--pictures", action="store_true", help="show the pictures under the attention")
    options = parser.parse_args()
    recogniser = open_recogniser(open_bundle(options.model))
    examples = list(islice(open_named(options.source, "image", "test").examples, options.count))
    rows = []
    for result in recogniser.run(examples, keep_attention=True):
        if result.error is None and isinstance(result.example.source, Path | bytes):
            rows.append((result.example.source, result.hypothesis))
            print(f"{len(rows)}: {result.hypothesis.text} ({result.hypothesis.confidence:.2f})")
    draw(rows, options.out, options.pictures)


if __name__ == "__main__":
    main()
