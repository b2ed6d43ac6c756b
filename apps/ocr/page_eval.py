"""Scoring a recogniser on whole pages."""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from scriba.commands import EvalConfig
from scriba.core.command import say, track
from scriba.core.errors import InputError
from scriba.core.files import picture_size, write_json, write_text
from scriba.core.recogniser import Recogniser
from scriba.core.text import normalisation
from scriba.datasets.page_set import PageExample, read_page_set
from scriba.datasets.true_page import TrueLine, TruePage, scaled
from scriba.ocr.page_scores import PageScore, added, rates, score_page, turned
from scriba.ocr.reader import LineReader, Page
from scriba.sources import read_examples


class ScoredPage(NamedTuple):
    """A page with what was read on it and how well; without a score where it could not be read."""

    example: PageExample
    text: str
    score: PageScore | None
    error: InputError | None


def named_pages(name: str, limit: int | None = None) -> tuple[list[PageExample], int]:
    """Return the pages of a folder or manifest, and the number of those whose truth is missing; these are told.

    Raises:
        InputError: There is none.
    """
    if os.path.isdir(name):
        pages, problems = read_page_set(Path(name))
        for problem in problems:
            say(f"{problem.where}: {problem.sentence}")
        return list(islice(pages, limit)), len(problems)
    examples, broken = read_examples(name, "image", "test", limit)
    files = [(e.source, str(e.target)) for e in examples if isinstance(e.source, Path)]
    if not files:
        raise InputError(f"{name}: names no picture files; pages are read from a folder or a manifest.")
    return [PageExample(file, TruePage(tuple(map(TrueLine, text.splitlines())))) for file, text in files], broken


def read_and_score(
    recogniser: Recogniser,
    examples: Sequence[PageExample],
    simplify: Callable[[str], str],
    batch_size: int,
    min_confidence: float,
) -> Iterator[ScoredPage]:
    """Read pages as `scriba ocr read` does, and score each; the pages of a file of several are one."""
    pictures = [example.picture for example in examples]
    reader = LineReader(recogniser)
    pages = reader.read_pages(pictures, layout="page", batch_size=batch_size, min_confidence=min_confidence)
    for example, parts in zip(examples, by_file(pages), strict=True):
        yield score_read(example, parts, simplify)


def by_file(pages: Iterable[Page]) -> Iterator[list[Page]]:
    """Yield the pages of each file; every file begins with its first."""
    parts: list[Page] = []
    for page in pages:
        if page.number == 1 and parts:
            yield parts
            parts = []
        parts.append(page)
    if parts:
        yield parts


def score_read(example: PageExample, pages: Sequence[Page], simplify: Callable[[str], str]) -> ScoredPage:
    """Score the pages that were read in a picture; lines are looked for on the first alone."""
    first, text = pages[0], "\n".join(page.text for page in pages)
    error = next((page.error for page in pages if page.error is not None), None)
    if error is not None and not any(page.lines for page in pages):
        return ScoredPage(example, text, None, error)
    outlines, boxes = [], [tuple(line.box) for line in first.lines]
    try:
        size = picture_size(example.picture)
        true_lines = scaled(example.truth, size)
        outlines = [
            turned(line.outline, first.angle, size, (first.width, first.height))
            for line in true_lines
            if line.outline is not None
        ]
    except InputError as problem:
        error = error or InputError(f"{example.picture}: {problem}")
    truth = [line.text for line in example.truth.lines]
    seconds = sum(page.seconds for page in pages)
    read = [line.hypothesis.text for page in pages for line in page.lines]
    return ScoredPage(example, text, score_page(truth, read, simplify, seconds, outlines, boxes), error)


def evaluate_pages(recogniser: Recogniser, options: EvalConfig, min_confidence: float) -> int:
    """Score a recogniser on pages as its options say, print one line and write the rest; returns the exit status.

    The report has the options, the totals and `rows`, the pages one by one; `scriba.ocr.page_scores.rates` says what
    the numbers are.
    """
    simplify = normalisation(options.normalise)
    examples, broken = named_pages(options.data, options.limit)
    reading = read_and_score(recogniser, examples, simplify, options.batch_size, min_confidence)
    rows = list(track(reading, "pages", len(examples)))
    for row in rows:
        if row.error is not None:
            say(str(row.error))
    scores = [row.score for row in rows if row.score is not None]
    if not scores:
        raise InputError(f"{options.data}: no page can be read.")
    total, failed = rates(added(scores)), len(rows) - len(scores)
    print(f"{recogniser.decoding.method}: {shown(total)}")
    if options.json:
        used = replace(recogniser.decoding.options, method=recogniser.decoding.method)
        report: dict[str, Any] = {"task": "ocr", "level": "page", "model": options.model, "data": options.data}
        report |= {"normalise": options.normalise, "decoding": asdict(used), **total, "failed": failed}
        write_json(Path(options.json), {**report, "broken_rows": broken, "rows": list(map(report_of, rows))})
    if options.texts:
        lines = [
            {"id": str(row.example.picture), "reference": row.example.truth.text, "text": row.text} for row in rows
        ]
        write_text(Path(options.texts), "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    return 1 if failed or broken else 0


def report_of(row: ScoredPage) -> dict[str, Any]:
    """Return the row of a report: the picture, with its numbers or why there are none."""
    told = {} if row.error is None else {"error": str(row.error)}
    numbers = {} if row.score is None else rates(row.score)
    return {"id": str(row.example.picture), **{k: v for k, v in numbers.items() if k != "pages"}, **told}


def shown(total: dict[str, float]) -> str:
    """Return the totals as one line."""
    names = {"cer": "CER {:.2f} %", "cer_any_order": "in any order {:.2f} %", "words_found": "words found {:.1f} %"}
    names |= {"words_invented": "invented {:.1f} %", "lines_found": "lines found {:.1f} %"}
    parts = [form.format(total[name]) for name, form in names.items() if name in total]
    if total["empty_pages"]:
        parts.append(f"{total['invented_characters']} characters on {total['empty_pages']} empty pages")
    return f"{', '.join(parts)}, {total['seconds_per_page']:.2f} s a page on {total['pages']} pages"
