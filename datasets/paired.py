"""Folders of `x.png` beside `x.gt.txt`, as ocropus, kraken and tesstrain have them."""

import os
from pathlib import Path

from scriba.core.errors import InputError
from scriba.core.example import Example
from scriba.core.files import read_text
from scriba.datasets.listed import Listed, Problem, is_text

TEXT = ".gt.txt"
IMAGES: tuple[str, ...] = (".png", ".bin.png", ".nrm.png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp", ".gif")
IMAGES += (".jp2", ".avif", ".pgm", ".ppm", ".pbm", ".pnm", ".pcx", ".tga")
"""Endings of pictures in any letter case; the first that is there counts."""


def is_paired(path: Path) -> bool:
    """Tell whether a path is a folder with such texts, directly or in folders below it."""
    return os.path.isdir(path) and next(path.rglob(f"*{TEXT}"), None) is not None


def read_pairs(path: Path) -> Listed:
    """Return the pairs of a folder and of the folders below it, in the order of their names.

    Pictures are not touched. A text without a picture, of several lines, or that cannot be read, is a problem.

    Raises:
        InputError: No text has a picture.
    """
    examples: list[Example] = []
    problems: list[Problem] = []
    folders: dict[Path, dict[str, str]] = {}
    for text in sorted(path.rglob(f"*{TEXT}")):
        stem = text.name.removesuffix(TEXT)
        if text.parent not in folders:
            folders[text.parent] = {with_lower_ending(name): name for name in os.listdir(text.parent)}
        names = folders[text.parent]
        image = next((names[stem + ending] for ending in IMAGES if stem + ending in names), None)
        try:
            if image is None:
                raise InputError(f"has no picture {stem}.png (or .jpg, .tif, .webp, …) beside it.")
            if not is_text(str(text)):
                raise InputError("the name is not UTF-8; rename it.")
            content = read_text(text).strip()
            if (count := len(content.splitlines())) > 1:
                raise InputError(f"has {count} lines; a picture of a line has one: cut both into lines.")
            file = text.with_name(image)
            examples.append(Example(str(file.relative_to(path)), file, content))
        except InputError as error:
            problems.append(Problem(str(text), str(error).removeprefix(f"{text}: ")))
    if not examples:
        raise InputError(f"{path}: no {TEXT} file has a picture of its name beside it.")
    return Listed(examples, problems)


def with_lower_ending(name: str) -> str:
    """Return the name of a file with its ending, one of `IMAGES`, in small letters."""
    lower = name.lower()
    longest = max((ending for ending in IMAGES if lower.endswith(ending)), key=len, default="")
    return name[: len(name) - len(longest)] + longest
