"""hf:NAME[:CONFIG[:SPLIT]]: data sets in the Hugging Face format, from the hub or a local folder.

Media are taken as bytes and decoded by the app, so that neither torchcodec nor FFmpeg is needed.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

import datasets
from huggingface_hub.constants import HF_HUB_CACHE

from scriba.core.errors import InputError, nearest
from scriba.core.example import Example
from scriba.datasets.manifest import TEXT_COLUMNS, RowError, find_column, read_target

UNDECODED = {"audio": datasets.Audio(decode=False), "image": datasets.Image(decode=False)}


def encode_file(audio: datasets.Audio, value: Any) -> dict[str, Any]:
    """Do what `Audio.encode_example` does for files and bytes, which needs no codec."""
    if isinstance(value, str | Path):
        return {"bytes": None, "path": str(value)}
    return {"bytes": value, "path": None} if isinstance(value, bytes) else {k: value.get(k) for k in ("bytes", "path")}


@contextmanager
def undecoded() -> Iterator[None]:
    """Take audio files as they are, where the library would import torchcodec first and then not use it."""
    original = datasets.Audio.encode_example
    if find_spec("torchcodec") is None:
        datasets.Audio.encode_example = encode_file
    try:
        yield
    finally:
        datasets.Audio.encode_example = original


def own_folders(name: str) -> list[Path]:
    """Return where the files of a data set may lie: its folder, or what was downloaded."""
    folder = name if os.path.isdir(name) else HF_HUB_CACHE
    return [Path(place).resolve() for place in (folder, datasets.config.DOWNLOADED_DATASETS_PATH)]


class HuggingFaceSource:
    """A data set in the Hugging Face format; rows are read when they are asked for.

    Files that rows name are opened only where they are the data set's own.

    Args:
        name: NAME[:CONFIG[:SPLIT]]; NAME may be a local folder.
        media: Column of the inputs: audio or image; text if there are none.
        default_split: Split if none is named.
        streaming: Read as a stream: it can be iterated over but has no length.

    Raises:
        InputError: It cannot be loaded, or lacks a column.
    """

    def __init__(self, name: str, *, media: str, default_split: str = "train", streaming: bool = False) -> None:
        path, config, split, *_ = [*name.split(":"), "", ""]
        self.name, self.media = name, media
        self.folders = own_folders(path)
        try:
            with undecoded():
                rows = datasets.load_dataset(path, config or None, split=split or default_split, streaming=streaming)
        except Exception as error:  # every builder, hub and network error has a class of its own
            cause = error.__cause__ if isinstance(error, datasets.exceptions.DatasetGenerationError) else None
            reason = " ".join(str(cause or error).split()).rstrip(".")
            told = f"hf:{name}: cannot be loaded ({reason}); check name, config, split and network."
            raise InputError(told) from error
        columns = list(rows.column_names or [])
        self.text = find_column(columns, TEXT_COLUMNS)
        needed = media if media in UNDECODED and media not in columns else "" if self.text else "text"
        if needed:
            hint = nearest(needed, columns)
            raise InputError(f"hf:{name}: lacks the column '{needed}'; it has {', '.join(columns)}.{hint}")
        unheard = [column for column in UNDECODED if column in columns and media == "text"]
        for column in [media] if media in UNDECODED else unheard:
            rows = rows.cast_column(column, UNDECODED[column])
        self.rows = rows.remove_columns(unheard)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Example:
        return self._example(index, self.rows[index])

    def __iter__(self) -> Iterator[Example]:
        rows = iter(self.rows)
        for index in count():
            with undecoded():  # a stream is encoded on the way
                row = next(rows, None)
            if row is None:
                return
            yield self._example(index, row)

    def _example(self, index: int, row: Mapping[str, Any]) -> Example:
        media = (row[self.media] if self.media in UNDECODED else None) or {}
        path = media.get("path")
        name = row.get("id") or (Path(path).name if path else index)
        source = media.get("bytes") or self._own_file(path or "")
        if self.media in UNDECODED and source == b"":  # which no app can read
            name = f"row {index} of hf:{self.name}: {path} is no file of the data set's own, so it is not opened"
        try:
            target = read_target(row[self.text], self.text)
        except RowError:
            target = ""  # the data check names the row and drops it
        extra = {key: value for key, value in row.items() if key not in (self.media, self.text, "id")}
        return Example(str(name), source, target, extra)

    def _own_file(self, path: str) -> Path | bytes:
        """Return where a file of the data set lies; nothing where that is outside, which a stranger may have named."""
        file = self.folders[0] / path
        try:
            inside = path != "" and any(file.resolve().is_relative_to(folder) for folder in self.folders)
        except (OSError, ValueError):
            inside = False
        return file if inside else b""
