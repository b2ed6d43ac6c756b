"""Transcripts as files: one function for each format."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from html import escape
from math import inf
from pathlib import Path
from typing import NamedTuple

from scriba.asr.segments import MOMENT, in_order, with_tokens
from scriba.core.recogniser import Result
from scriba.core.search import Hypothesis, TextSpan
from scriba.core.text import visible

MAX_CUE_WORDS = 10
MAX_CUE_CHARACTERS = 42
"""Longest line of a subtitle; a word that is longer has one of its own, or is broken between its tokens."""
MAX_CUE_SECONDS = 7.0
MAX_CUE_PAUSE = 0.8
"""Seconds of silence after which a new subtitle begins."""


class Cue(NamedTuple):
    """A subtitle: its words from the first one's start to the last one's end, in seconds."""

    start: float
    end: float
    text: str


def cues(
    words: Sequence[TextSpan], tokens: Sequence[TextSpan] = (), space: str = " ", seconds: float = inf
) -> Iterator[Cue]:
    """Group words into subtitles at pauses, and before there are too many or they are too long.

    Args:
        words: Words, in order; those without text or times are left out.
        tokens: Their tokens, at which long ones are broken.
        space: What stands between words.
        seconds: Length of the recording.
    """
    group: list[TextSpan] = []
    for unit in in_order(list(_units(words, tokens, space)), seconds):
        if group and _full(group, unit):
            yield _cue(group, unit.start)
            group = []
        group.append(unit)
    if group:
        yield _cue(group)


def _units(words: Sequence[TextSpan], tokens: Sequence[TextSpan], space: str) -> Iterator[TextSpan]:
    """Yield words with the space before them, or the tokens of long ones."""
    for word, parts in with_tokens(words, tokens):
        if not word.text.strip() or word.start is None or word.end is None:
            continue
        long = len(word.text) > MAX_CUE_CHARACTERS or word.end - word.start > MAX_CUE_SECONDS
        first, *others = [part for part in parts if long and part.text.strip()] or [word]
        yield replace(first, text=f"{space}{first.text.strip()}")
        yield from others


def _full(group: Sequence[TextSpan], unit: TextSpan) -> bool:
    """Tell whether a subtitle ends before a word, or a part of one."""
    begins, pause = unit.text[:1].isspace(), (unit.start or 0.0) - (group[-1].end or 0.0)
    return (
        (begins and sum(part.text[:1].isspace() for part in group) >= MAX_CUE_WORDS)
        or pause > MAX_CUE_PAUSE
        or len("".join(part.text for part in (*group, unit)).strip()) > MAX_CUE_CHARACTERS
        or (unit.end or 0.0) - (group[0].start or 0.0) > MAX_CUE_SECONDS
    )


def _cue(units: Sequence[TextSpan], following: float | None = None) -> Cue:
    """Return a subtitle; it ends where the next begins, if they would overlap."""
    start, end = units[0].start or 0.0, units[-1].end or 0.0
    if following is not None and start + MOMENT <= following < end:
        end = following
    return Cue(start, end, visible("".join(unit.text for unit in units).strip()))


def _cues(result: Result, hypothesis: Hypothesis) -> Iterator[Cue]:
    space = "" if hypothesis.text == "".join(word.text for word in hypothesis.words) else " "
    return cues(hypothesis.words, hypothesis.tokens, space, result.extent or inf)


def clock(seconds: float, decimal: str) -> str:
    """Return a time as HH:MM:SS and milliseconds after the decimal sign."""
    milliseconds = round(1000 * seconds)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}{decimal}{rest % 1000:03d}"


def to_txt(result: Result, hypothesis: Hypothesis) -> str:
    """Return the text alone."""
    return f"{visible(hypothesis.text)}\n"


def to_json(result: Result, hypothesis: Hypothesis) -> str:
    """Return one line of JSON: file, duration, processing time and everything in the hypothesis."""
    head = {
        "file": result.example.id,
        "duration": round(result.extent, 3),
        "seconds": round(result.seconds, 4),
    }
    return json.dumps(head | hypothesis.to_json(), ensure_ascii=False) + "\n"


def to_srt(result: Result, hypothesis: Hypothesis) -> str:
    """Return SubRip subtitles; the format has no escape for the arrow between times."""
    blocks = [
        f"{i}\n{clock(cue.start, ',')} --> {clock(cue.end, ',')}\n{re.sub('-+>', '->', cue.text)}\n"
        for i, cue in enumerate(_cues(result, hypothesis), start=1)
    ]
    return "\n".join(blocks)


def to_vtt(result: Result, hypothesis: Hypothesis) -> str:
    """Return WebVTT subtitles."""
    blocks = [
        f"{clock(cue.start, '.')} --> {clock(cue.end, '.')}\n{escape(cue.text, quote=False)}\n"
        for cue in _cues(result, hypothesis)
    ]
    return "\n".join(["WEBVTT\n", *blocks])


def to_tsv(result: Result, hypothesis: Hypothesis) -> str:
    """Return tab-separated start and end in milliseconds, and text, with a heading."""
    rows = [f"{round(1000 * c.start)}\t{round(1000 * c.end)}\t{c.text}" for c in _cues(result, hypothesis)]
    return "\n".join(["start\tend\ttext", *rows]) + "\n"


def to_ctm(result: Result, hypothesis: Hypothesis) -> str:
    """Return NIST's time-marked words: file, channel, start, duration, word, or token of a long one, and confidence."""
    name = _field(Path(result.example.id).stem) or "audio"
    rows = [
        f"{name} 1 {w.start:.3f} {w.end - w.start:.3f} {_field(w.text)} {w.confidence:.3f}\n"
        for w in in_order(list(_units(hypothesis.words, hypothesis.tokens, "")), result.extent or inf)
        if w.start is not None and w.end is not None
    ]
    return "".join(rows)


def _field(text: str) -> str:
    """Return a text without white space."""
    return "_".join(visible(text).split())


Writer = Callable[[Result, Hypothesis], str]
WRITERS: Mapping[str, Writer] = {
    "txt": to_txt,
    "json": to_json,
    "srt": to_srt,
    "vtt": to_vtt,
    "tsv": to_tsv,
    "ctm": to_ctm,
}
ONE_FILE_EACH = ("srt", "vtt", "tsv")
"""Formats of which two cannot follow one another in one stream."""
