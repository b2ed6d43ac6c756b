"""Manifests: JSON lines or arrays, CSV or TSV files that list inputs with their texts, and lists of pictures.

A path in one may lead anywhere, out of its folder too: name manifests only of those whom you trust with your files.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

from scriba.core.errors import InputError, nearest
from scriba.core.example import Example
from scriba.core.files import opened, parse_json, reading
from scriba.datasets.labels import LABEL, LISTS, RowError, Rows, is_list, read_list
from scriba.datasets.listed import Listed, Problem, find_file, is_text

AUDIO = ("audio", "file_name", "audio_filepath", "audio_path", "path", "wav_filename", "filename")
IMAGE = ("image", "file_name", "image_path", "path", "filename", "image_name")
INPUT_COLUMNS = {"audio": AUDIO, "image": IMAGE, "text": ("audio", *IMAGE, *AUDIO)}
"""Columns of the inputs by media, whatever their case, of which the first that is there counts: our own, those of
Hugging Face's folders (`file_name`), NeMo (`audio_filepath`), Common Voice (`path`), DeepSpeech, EasyOCR and others."""
TEXT_COLUMNS = ("text", "transcription", "sentence", "transcript", "captions", "caption", "comment", "words", "label")
CAPTIONS = ("captions", "caption", "comment")
"""Columns of which several rows may be about one picture."""
UNQUOTED = ("caption", "words")
"""Last columns of tables of two that Flickr8k and EasyOCR have without quotes: all after the first comma is text."""
FLICKR = ("Images", "images", "Flicker8k_Dataset", "Flickr8k_Dataset", "flickr30k_images")
"""Where the pictures of caption files are, beside the file or one folder above."""
FOLDER_MANIFESTS = ("metadata.jsonl", "metadata.csv")
"""Names by which a folder's manifest is found (the Hugging Face folder convention)."""


class Manifest(Listed):
    """The examples of a manifest. Media files are not touched.

    Args:
        path: A .jsonl, .json, .csv or .tsv file, or a folder with metadata.jsonl or metadata.csv; of pictures also a
            list (`datasets/labels.py`), or a table that is named .txt.
        media: What the inputs are, audio or image, or text for either; `INPUT_COLUMNS` has the columns.

    Raises:
        InputError: The file is missing or not text, or has no usable row; columns needed and found are named.
    """

    def __init__(self, path: Path, media: str) -> None:
        path = find_manifest(path, media)
        examples: dict[str, Example] = {}
        problems: list[Problem] = []
        columns: dict[str, None] = {}
        for number, row in read_rows(path):
            try:
                if isinstance(row, RowError):
                    raise row
                columns |= dict.fromkeys(row)
                example = read_row(row, media, path.parent)
                if known := examples.get(example.id):
                    if media != "image" or not is_caption(row):
                        raise RowError(f"the id '{example.id}' stands in an earlier row too; make ids unique.")
                    example = replace(known, target=(*known.texts, *example.texts))
                examples[example.id] = example
            except RowError as error:
                problems.append(Problem(f"{path}:{number}", str(error)))
        if not examples:
            raise InputError(explain_empty(path, media, list(columns), problems))
        super().__init__(tuple(examples.values()), problems)


def find_manifest(path: Path, media: str) -> Path:
    """Return the manifest file that a path means, of inputs of a kind.

    Raises:
        InputError: There is none, or its kind is unknown.
    """
    with reading(str(path)):
        if path.is_dir():
            if found := [path / name for name in FOLDER_MANIFESTS if (path / name).is_file()]:
                return found[0]
            raise InputError(f"{path}: is a folder without {' or '.join(FOLDER_MANIFESTS)}; name the manifest file.")
        if not path.exists():
            siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
            raise InputError(f"{path}: no such file; check the path.{nearest(path.name, siblings)}")
    lists = LISTS if media == "image" else ()
    if path.suffix.lower() not in (".jsonl", ".json", ".csv", ".tsv", *lists):
        raise InputError(f"{path}: a manifest is a .jsonl, .csv or .tsv file.")
    return path


def read_rows(path: Path) -> Rows:
    """Yield line numbers with their rows, or with what is wrong with them."""
    suffix = path.suffix.lower()
    try:
        with opened(path, str(path)) as binary, io.TextIOWrapper(binary, encoding="utf-8-sig", newline="") as file:
            heading = file.readline()
            file.seek(0)
            if "\0" in heading:  # UTF-16 without its mark
                raise InputError(f"{path}: is not UTF-8 text; save it as UTF-8.")
            if suffix in (".jsonl", ".json"):
                yield from read_json_rows(file)
            elif suffix in LISTS and is_list(heading):
                yield from read_list(file)
            elif suffix == ".tsv":
                yield from read_table(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
            else:
                yield from read_table(csv.reader(file, delimiter=max(",;\t|", key=heading.count), strict=True))
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text; save it as UTF-8.") from error


def read_json_rows(file: TextIO) -> Rows:
    """Yield the objects of an array, or the object of each line that is not blank."""
    rows: Any = None
    if file.read(1) == "[":
        try:
            file.seek(0)
            rows = parse_json(file.read())
        except ValueError:
            pass  # lines, of which the first is a list
    file.seek(0)
    for number, row in enumerate(file if rows is None else rows, start=1):
        try:
            if rows is None and not row.strip():
                continue
            value = parse_json(row) if rows is None else row
            yield number, value if isinstance(value, dict) else RowError("is not a JSON object; a row is one object.")
        except ValueError as error:
            yield number, RowError(f"is not JSON ({error}); a line holds one object.")


def read_table(reader: Any) -> Rows:
    """Yield each row of a CSV reader under the names of the first; of one that is broken, each of its lines."""
    heading: list[str] = []
    end = 0
    while True:
        start, wrong = end + 1, ""
        try:
            if (cells := next(reader, None)) is None:
                return
        except csv.Error as error:
            cells, wrong = [], f"is not a CSV row ({error}); check the quotes from line {start} on."
        end = reader.line_num
        if not heading and cells and cells[0].lower().startswith("sep="):  # Excel's word on the delimiter
            continue
        if len(heading) == 2 < len(cells) and heading[1].strip().lower() in UNQUOTED and "\n" not in cells[0]:
            cells = [cells[0], reader.dialect.delimiter.join(cells[1:])]
        if cells and heading and len(cells) != len(heading):
            wrong = "has another number of cells than the heading."
        elif end > start and swallows_rows(cells):
            wrong = f"is in a cell with other rows; check the quotes from line {start} on."
        if wrong:
            yield from ((number, RowError(wrong)) for number in range(start, end + 1))
        elif cells and heading:
            yield start, dict(zip(heading, cells, strict=True))
        heading = heading or cells


def swallows_rows(cells: Sequence[str]) -> bool:
    """Tell whether a cell of several lines names files of the kind that another cell names: its quote ends too late."""
    endings = {Path(cell).suffix for cell in cells if "\n" not in cell} - {""}
    return any("\n" in cell and any(ending in cell for ending in endings) for cell in cells)


def read_row(row: Mapping[str, Any], media: str, folder: Path) -> Example:
    """Turn a row into an example; paths are relative to the folder, and may be written as Windows does.

    Raises:
        RowError: A column is missing or has the wrong type.
    """
    source = first_column(row, INPUT_COLUMNS[media])
    text = first_column(row, TEXT_COLUMNS)
    path = row[source]
    if not is_text(path) or not path or "\0" in path:
        raise RowError(f"'{source}' must be a path, not {path!r}.")
    if source == "audio_filepath" and row.get("offset"):
        raise RowError("'offset' names a part of a recording; cut it into files.")
    name = row.get("id", path)
    if not (is_text(name) or isinstance(name, int)) or name == "":
        raise RowError(f"'id' must be a name, not {name!r}.")
    extra = {key: value for key, value in row.items() if key not in (source, text, "id")}
    folders = [folder, folder / "clips"] if source == "path" else [folder]  # Common Voice names no folder
    if media == "image" and is_caption(row):
        folders += [place / name for place in (folder, folder.parent) for name in FLICKR]
    if text == LABEL:
        folders.append(folder.parent)  # PaddleOCR names them from the folder of all splits on
    return Example(str(name), find_file(path, folders), read_target(row[text], text), extra)


def is_caption(row: Mapping[str, Any]) -> bool:
    """Tell whether the text of a row is one of several captions that a picture may have."""
    return find_column(row, TEXT_COLUMNS).strip().lower() in CAPTIONS


def find_column(columns: Iterable[str], names: Iterable[str]) -> str:
    """Return the column that has the first of the names, in whatever case, or "" where none has one."""
    columns = list(columns)
    known = {column.strip().lower(): column for column in columns} | {column: column for column in columns}
    return next((known[name] for name in names if name in known), "")


def first_column(row: Mapping[str, Any], names: Sequence[str]) -> str:
    """Return the first of the names that is a column of the row.

    Raises:
        RowError: None is.
    """
    if column := find_column(row, names):
        return column
    hint = next((found for name in names if (found := nearest(name, row))), "")
    raise RowError(f"has no column '{names[0]}'; it has {', '.join(map(str, row)) or 'none'}.{hint}")


def read_target(value: Any, column: str) -> str | tuple[str, ...]:
    """Return the text, or all texts of a list.

    Raises:
        RowError: It is neither.
    """
    if is_text(value):
        return str(value)
    if isinstance(value, list) and all(map(is_text, value)):
        return tuple(value)
    raise RowError(f"'{column}' must be text or a list of texts, not {value!r}.")


def explain_empty(path: Path, media: str, columns: Sequence[str], problems: Sequence[Problem]) -> str:
    """Return the sentence for a manifest without a usable row."""
    if not problems:
        return f"{path}: is empty; a row needs '{media}' and 'text'."
    if columns:
        missing = [names for names in (INPUT_COLUMNS[media], TEXT_COLUMNS) if not find_column(columns, names)]
        if missing:
            needed = " and ".join(f"'{names[0]}'" for names in missing)
            hint = next((h for names in missing for n in names if (h := nearest(n, columns))), "")
            return f"{path}: lacks the column {needed}; it has {', '.join(columns)}.{hint}"
    return f"{path}: has no usable row; line {problems[0].where.rsplit(':', 1)[1]} {problems[0].sentence}"
