"""Manifests: JSON lines, CSV or TSV files that list inputs with their texts."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from scriba.core.errors import InputError, nearest
from scriba.core.example import Example
from scriba.core.files import parse_json
from scriba.datasets.listed import Listed, Problem

TEXT_COLUMNS = ("text", "transcription", "sentence", "captions", "caption")
FOLDER_MANIFESTS = ("metadata.jsonl", "metadata.csv")
"""Names by which a folder's manifest is found (the Hugging Face folder convention)."""


class RowError(Exception):
    """A row cannot be used; the message is the sentence of its `Problem`."""


Rows = Iterator[tuple[int, Mapping[str, Any] | RowError]]
"""Rows with the numbers of their lines."""


class Manifest(Listed):
    """The examples of a manifest. Media files are not touched.

    Args:
        path: A .jsonl, .json, .csv or .tsv file, or a folder with metadata.jsonl or metadata.csv.
        media: Column of the inputs: audio or image, or text for either; `file_name` is accepted too.

    Raises:
        InputError: The file is missing or not text, or has no usable row; columns needed and found are named.
    """

    def __init__(self, path: Path, media: str) -> None:
        path = find_manifest(path)
        examples: dict[str, Example] = {}
        problems: list[Problem] = []
        columns: dict[str, None] = {}
        for number, row in read_rows(path):
            try:
                if isinstance(row, RowError):
                    raise row
                columns |= dict.fromkeys(row)
                example = read_row(row, media, path.parent)
                if example.id in examples:
                    raise RowError(f"the id '{example.id}' stands in an earlier row too; make ids unique.")
                examples[example.id] = example
            except RowError as error:
                problems.append(Problem(f"{path}:{number}", str(error)))
        if not examples:
            raise InputError(explain_empty(path, media, list(columns), problems))
        super().__init__(tuple(examples.values()), problems)


def find_manifest(path: Path) -> Path:
    """Return the manifest file that a path means.

    Raises:
        InputError: There is none, or its kind is unknown.
    """
    if path.is_dir():
        if found := [path / name for name in FOLDER_MANIFESTS if (path / name).is_file()]:
            return found[0]
        raise InputError(f"{path}: is a folder without {' or '.join(FOLDER_MANIFESTS)}; name the manifest file.")
    if not path.is_file():
        siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        raise InputError(f"{path}: no such file; check the path.{nearest(path.name, siblings)}")
    if path.suffix not in (".jsonl", ".json", ".csv", ".tsv"):
        raise InputError(f"{path}: a manifest is a .jsonl, .csv or .tsv file.")
    return path


def read_rows(path: Path) -> Rows:
    """Yield line numbers with their rows, or with what is wrong with them."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            is_json = path.suffix in (".jsonl", ".json")
            yield from read_json_lines(file) if is_json else read_csv(file, "\t" if path.suffix == ".tsv" else ",")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text; save it as UTF-8.") from error


def read_json_lines(lines: Iterable[str]) -> Rows:
    """Yield the object of each line that is not blank."""
    for number, line in enumerate(lines, start=1):
        try:
            if not line.strip():
                continue
            row = parse_json(line)
            yield number, row if isinstance(row, dict) else RowError("is not a JSON object; a line holds one object.")
        except ValueError as error:
            yield number, RowError(f"is not JSON ({error}); a line holds one object.")


def read_csv(lines: Iterable[str], delimiter: str) -> Rows:
    """Yield each row under the names of the first."""
    reader = csv.DictReader(lines, delimiter=delimiter, strict=True)
    while True:
        try:
            if (row := next(reader, None)) is None:
                return
            wrong = None in row or None in row.values()
            yield reader.line_num, RowError("has another number of cells than the heading.") if wrong else row
        except csv.Error as error:
            yield reader.line_num, RowError(f"is not a CSV row ({error}); check its quotes.")


def read_row(row: Mapping[str, Any], media: str, folder: Path) -> Example:
    """Turn a row into an example; paths are relative to the folder.

    Raises:
        RowError: A column is missing or has the wrong type.
    """
    source = first_column(row, input_columns(media))
    text = first_column(row, TEXT_COLUMNS)
    if not isinstance(row[source], str) or not row[source]:
        raise RowError(f"'{source}' must be a path, not {row[source]!r}.")
    name = row.get("id", row[source])
    if not isinstance(name, str | int) or name == "":
        raise RowError(f"'id' must be a name, not {name!r}.")
    extra = {key: value for key, value in row.items() if key not in (source, text, "id")}
    return Example(str(name), folder / row[source], read_target(row[text], text), extra)


def input_columns(media: str) -> tuple[str, ...]:
    """Return the columns that may hold the inputs."""
    return ("audio", "image", "file_name") if media == "text" else (media, "file_name")


def first_column(row: Mapping[str, Any], names: Sequence[str]) -> str:
    """Return the first of the names that is a column of the row.

    Raises:
        RowError: None is.
    """
    if present := [name for name in names if name in row]:
        return present[0]
    hint = next((found for name in names if (found := nearest(name, row))), "")
    raise RowError(f"has no column '{names[0]}'; it has {', '.join(map(str, row)) or 'none'}.{hint}")


def read_target(value: Any, column: str) -> str | tuple[str, ...]:
    """Return the text, or all texts of a list.

    Raises:
        RowError: It is neither.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(text, str) for text in value):
        return tuple(value)
    raise RowError(f"'{column}' must be text or a list of texts, not {value!r}.")


def explain_empty(path: Path, media: str, columns: Sequence[str], problems: Sequence[Problem]) -> str:
    """Return the sentence for a manifest without a usable row."""
    if not problems:
        return f"{path}: is empty; a row needs '{media}' and 'text'."
    if columns:
        missing = [names for names in (input_columns(media), TEXT_COLUMNS) if not set(names) & set(columns)]
        if missing:
            needed = " and ".join(f"'{names[0]}'" for names in missing)
            hint = next((h for names in missing for n in names if (h := nearest(n, columns))), "")
            return f"{path}: lacks the column {needed}; it has {', '.join(columns)}.{hint}"
    return f"{path}: has no usable row; line {problems[0].where.rsplit(':', 1)[1]} {problems[0].sentence}"
