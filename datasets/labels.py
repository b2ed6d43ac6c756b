"""Lists of pictures with their texts, without a heading: a path, a tab and what is written or said of it.

PaddleOCR has them for lines of print (`rec_gt.txt`). Flickr8k and Flickr30k number the captions of each picture
(`1.jpg#0`, in `Flickr8k.token.txt` and `results_20130124.token`).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, TextIO

LISTS = (".txt", ".token")
"""Endings of their names."""
LABEL = "label"
"""Column that the texts of lines have here."""
NUMBERED = re.compile(r"(.+)#\d+")
FILE = re.compile(r".*\.\w{2,5}(#\d+)?")


class RowError(Exception):
    """A row cannot be used; the message is the sentence of its `Problem`."""


Rows = Iterator[tuple[int, Mapping[str, Any] | RowError]]
"""Rows with the numbers of their lines, or of their places in an array."""


def is_list(line: str) -> bool:
    """Tell from its first line whether a file is such a list."""
    path, tab, _ = line.partition("\t")
    return bool(tab) and FILE.fullmatch(path) is not None


def read_list(file: TextIO) -> Rows:
    """Yield line numbers with rows of the columns `image` and `label`, or `caption` where they are numbered."""
    for number, line in enumerate(file, start=1):
        path, tab, text = line.rstrip("\r\n").partition("\t")
        if numbered := NUMBERED.fullmatch(path):
            yield number, {"image": numbered[1], "caption": text}
        elif tab:
            yield number, {"image": path, LABEL: text}
        elif path.strip():
            yield number, RowError("has no tab between path and text.")
