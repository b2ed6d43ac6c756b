"""karpathy:PATH[:SPLIT]: Karpathy's splits of Flickr8k, Flickr30k and COCO captions, `dataset_*.json`.

One JSON object with the pictures of all splits and their sentences (Karpathy & Fei-Fei 2015). Pictures lie beside the
file, in the folder that it names (`filepath`) or in `images`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scriba.core.errors import InputError, UsageError, nearest
from scriba.core.example import Example
from scriba.core.files import read_json
from scriba.datasets.listed import Listed, Problem, find_file, is_text

SPLITS = {"train": ("train", "restval"), "dev": ("val",), "test": ("test",)}
"""Karpathy's names of the splits; COCO's `restval` is for training."""
REMEDY = "name a dataset_*.json of Karpathy's"


def read_karpathy(path: Path, split: str) -> Listed:
    """Return the pictures of one split (train, dev or test) with their captions. Picture files are not touched.

    Raises:
        InputError: The file is missing, damaged or of another kind, or has nothing in the split.
        UsageError: There is no such split.
    """
    if split not in SPLITS:
        raise UsageError(f"karpathy:{path}:{split}: the splits are {', '.join(SPLITS)}.{nearest(split, SPLITS)}")
    content = read_json(path, REMEDY)
    if not isinstance(content, dict) or not isinstance(content.get("images"), list):
        raise InputError(f"{path}: has no list 'images'; {REMEDY}.")
    examples: list[Example] = []
    problems: list[Problem] = []
    for i, row in enumerate(content["images"]):
        try:
            if row["split"] in SPLITS[split]:
                examples.append(read_image(row, path.parent))
        except (KeyError, TypeError, AttributeError) as error:
            problems.append(Problem(f"{path}: image {i}", f"is not as in Karpathy's files ({error!r})."))
    if not examples:
        raise InputError(f"{path}: has no picture of the split {split}.")
    return Listed(examples, problems)


def read_image(row: Mapping[str, Any], folder: Path) -> Example:
    """Return the example of a picture."""
    source = find_file(row["filename"], [folder / row.get("filepath", ""), folder / "images"])
    texts = [sentence["raw"] for sentence in row["sentences"]]
    if not texts or not all(map(is_text, [*texts, row["filename"]])):
        raise TypeError("'filename' and 'raw' of all sentences have to be text")
    return Example(Path(row["filename"]).stem, source, tuple(texts))
