"""scriba data preview: a contact sheet of a source's examples, as the model sees them, with their texts."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from scriba.core.command import build_parser, parse_configs, program, say, show
from scriba.core.errors import InputError, UsageError
from scriba.core.files import check_writable, replacing
from scriba.core.inputs import Draw
from scriba.core.ranges import Count, Whole
from scriba.data.options import POSITIONALS, app_in
from scriba.sources import open_named

DESCRIPTION = """Draw examples of a source as the model sees them, with their texts, and as training would vary them.
Options of training, and its config files, hold here too.

Example: scriba data preview ocr synth:lines --out sheet.png
"""


@dataclass(frozen=True)
class PreviewConfig:
    """Options of the preview.

    Args:
        app: App whose preparation is shown.
        source: A manifest, a folder, hf:NAME[:CONFIG[:SPLIT]] or synth:NAME.
        out: Picture to write (png, pdf or svg).
        count: Examples that are drawn.
        start: Number of the first one, from 0.
        augmented: Draw them as training augments them.
        streaming: Read hf: sources as a stream.
    """

    app: str = ""
    source: str = ""
    out: str = "preview.png"
    count: Count = 24
    start: Whole = 0
    augmented: bool = False
    streaming: bool = False


def _preview(argv: Sequence[str]) -> int:
    app = app_in(argv)
    configs = (PreviewConfig, app.config)
    parser = build_parser("scriba data preview", DESCRIPTION, *configs, positionals=POSITIONALS, defaults=app.defaults)
    options, config = parse_configs(parser, configs, argv)
    suffix = Path(options.out).suffix.lstrip(".")
    if suffix not in ("png", "pdf", "svg"):
        raise UsageError(f"--out {options.out}: the picture is a .png, .pdf or .svg file.")
    check_writable(options.out, "--out")
    inputs = app.inputs(config)
    source = open_named(options.source, app.media, "train", options.streaming)
    pictures: list[tuple[str, str, NDArray[np.float32]]] = []
    failed = 0
    for example in islice(source.examples, options.start, options.start + options.count):
        try:
            draw = Draw(config.seed + len(pictures), 10**6) if options.augmented else None
            text = example.target if isinstance(example.target, str) else " | ".join(example.target)
            pictures.append((example.id, text, inputs.prepare(example, draw).numpy()))
        except InputError as error:
            failed += 1
            say(f"scriba: {error}")
    if not pictures:
        raise InputError(f"{options.source}: no example from number {options.start} on can be drawn.")
    with replacing(Path(options.out)) as aside:
        draw_sheet(pictures, aside, suffix, "lower" if inputs.unit == "s" else "upper")  # low tones below
    show(f"{options.out}: {len(pictures)} examples")
    return 1 if failed else 0


def draw_sheet(
    pictures: Iterable[tuple[str, str, NDArray[np.float32]]], path: Path, kind: str, origin: Literal["lower", "upper"]
) -> None:
    """Draw one example below the other: its frames from left to right, or its picture; its id and text above."""
    rows = list(pictures)
    frames = [frames_TF for _, _, frames_TF in rows]
    widest = max(len(f) for f in frames)
    colours = frames[0].ndim == 3  # rows of a picture, in red, green and blue
    height = 1.7 if colours else 0.72
    figure = Figure(figsize=(11, height * len(rows) + 0.2))
    axes = figure.subplots(len(rows), 1, squeeze=False)
    for axis, (name, text, frames_TF) in zip(axes[:, 0], rows, strict=True):
        if colours:
            axis.imshow(frames_TF)
            axis.set_anchor("W")
        else:
            axis.imshow(frames_TF.T, cmap="gray_r", aspect="auto", interpolation="antialiased", origin=origin)
            axis.set_xlim(0, widest)
        axis.set_axis_off()
        shown = f"{name}   {text}"
        axis.set_title(shown[:150], fontsize=7, loc="left", pad=2, parse_math=False)
    figure.tight_layout(h_pad=0.4)
    figure.savefig(path, dpi=110, format=kind)


main = program(_preview)

if __name__ == "__main__":
    sys.exit(main())
