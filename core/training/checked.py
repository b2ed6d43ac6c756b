"""The data check of a run, kept beside it: a run that goes on, on the same data, reads none of it again."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from scriba.core.data import Dropped, Report, check
from scriba.core.errors import InputError
from scriba.core.example import Example, Samples, map_target, written
from scriba.core.files import MAX_TEXT, read_json, write_json
from scriba.core.inputs import Inputs
from scriba.core.text import clean, normalisation


@dataclass(frozen=True)
class NamedSource:
    """Examples with the name they were asked for by and the rows that their source could not read."""

    name: str
    examples: Iterable[Example]
    problems: Sequence[Dropped] = ()


def with_texts(examples: Iterable[Example], normalise: str) -> list[Example]:
    """Return the examples with their texts cleaned and normalised, and without those that are blank among several.

    Raises:
        UsageError: There is no such normalisation.
    """
    simplify = normalisation(normalise)
    return [
        replace(example, target=written(map_target(lambda text: simplify(clean(text)), example.target)))
        for example in examples
    ]


def all_texts(examples: Iterable[Example]) -> list[str]:
    """Return all texts of all examples."""
    return [text for example in examples for text in example.texts]


@dataclass(frozen=True)
class CheckedData:
    """Checks the data of a run, or remembers what it found.

    Attributes:
        path: File that the results are kept in.
        options: Options that the results depend on.
    """

    path: Path
    options: Mapping[str, Any]

    def check(self, source: NamedSource, rows: Sequence[Example], inputs: Inputs, **options: Any) -> Report:
        """Return the report on the rows of a source, whose texts are normalised; options as for `core.data.check`."""
        found = self._known().get(self._key(source.name, rows))
        if found is None or len(found) != len(rows):
            return check(source.name, rows, inputs, problems=source.problems, **options)
        results = [Dropped(*row) if isinstance(row, list) else int(row) for row in found]
        return Report.of(source.name, inputs, rows, results, source.problems)

    def keep(self, reports: Sequence[tuple[Sequence[Example], Report]]) -> None:
        """Keep reports with the rows they are on."""
        kept = {}
        for rows, report in reports:
            frames = dict(zip(map(id, report.kept), report.frames, strict=True))
            dropped = {d.id: [d.id, d.reason, d.sentence] for d in report.dropped}
            kept[self._key(report.name, rows)] = [frames.get(id(row)) or dropped[row.id] for row in rows]
        write_json(self.path, {"rows": kept, "sum": _sum(kept)})

    def _known(self) -> dict[str, list[Any]]:
        """Return what was kept, or nothing where the file is missing or not as it was written."""
        try:
            known = read_json(self.path, "remove it", MAX_TEXT)
        except InputError:
            return {}
        whole = isinstance(known, dict) and known.get("sum") == _sum(known.get("rows"))
        return known["rows"] if whole else {}

    def _key(self, name: str, rows: Sequence[Example]) -> str:
        """Return a name for the content of a source, as far as it can be told without decoding anything."""
        digest = hashlib.sha256(json.dumps([name, self.options], sort_keys=True, default=str).encode())
        for row in rows:
            digest.update(json.dumps([row.id, row.target]).encode() + content_of(row))
        return digest.hexdigest()


def _sum(rows: Any) -> str:
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def content_of(example: Example) -> bytes:
    """Return what tells an input from others: path, size and time of a file, the content of anything else."""
    source = example.source
    if isinstance(source, Path):
        try:
            status = source.stat()
            return f"{source}\0{status.st_size}\0{status.st_mtime_ns}".encode()
        except (OSError, ValueError):
            return f"{source}\0none".encode()
    if isinstance(source, bytes):
        return hashlib.sha256(source).digest()
    values = source.values if isinstance(source, Samples) else source
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).digest()
