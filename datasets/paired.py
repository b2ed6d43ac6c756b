"""Folders of `x.png` beside `x.gt.txt`, as ocropus, kraken and tesstrain have them."""

import os
from pathlib import Path

from scriba.core.errors import InputError
from scriba.core.example import Example
from scriba.core.files import read_text
from scriba.datasets.listed import Listed, Problem, is_text

TEXT = ".gt.txt"
IMAGES: tuple[str, ...] = (".png", ".bin.png", ".nrm.png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp")
IMAGES += tuple(suffix.upper() for suffix in IMAGES)


def is_paired(path: Path) -> bool:
    """Tell whether a path is a folder with such texts, directly or in folders below it."""
    return os.path.isdir(path) and next(path.rglob(f"*{TEXT}"), None) is not None


def read_pairs(path: Path) -> Listed:
    """Return the pairs of a folder and of the folders below it, in the order of their names.

    Pictures are not touched. A text without a picture, or that cannot be read, is a problem.

    Raises:
        InputError: No text has a picture.
    """
    examples: list[Example] = []
    problems: list[Problem] = []
    for text in sorted(path.rglob(f"*{TEXT}")):
        stem = text.name.removesuffix(TEXT)
        image = next((p for p in (text.with_name(stem + suffix) for suffix in IMAGES) if os.path.isfile(p)), None)
        if image is None:
            problems.append(Problem(str(text), f"has no picture {stem}.png (or .jpg, .tif, .webp) beside it."))
            continue
        try:
            if not is_text(str(text)):
                raise InputError("the name is not UTF-8; rename it.")
            examples.append(Example(str(image.relative_to(path)), image, read_text(text).strip()))
        except InputError as error:
            problems.append(Problem(str(text), str(error).removeprefix(f"{text}: ")))
    if not examples:
        raise InputError(f"{path}: no {TEXT} file has a picture of its name beside it.")
    return Listed(examples, problems)
