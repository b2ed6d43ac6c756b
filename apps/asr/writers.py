"""Transcripts as files: one function for each format."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from scriba.core.recogniser import Result
from scriba.core.search import Hypothesis, TextSpan

MAX_CUE_WORDS = 10
MAX_CUE_PAUSE = 0.8
"""Seconds of silence after which a new subtitle begins."""


class Cue(NamedTuple):
    """A subtitle: its words from the first one's start to the last one's end, in seconds."""

    start: float
    end: float
    text: str


def cues(words: Sequence[TextSpan]) -> Iterator[Cue]:
    """Group words into subtitles at pauses and after ten words."""
    group: list[TextSpan] = []
    for word in words:
        pause = (word.start or 0.0) - (group[-1].end or 0.0) if group else 0.0
        if len(group) >= MAX_CUE_WORDS or pause > MAX_CUE_PAUSE:
            yield _cue(group)
            group = []
        group.append(word)
    if group:
        yield _cue(group)


def _cue(words: Sequence[TextSpan]) -> Cue:
    return Cue(words[0].start or 0.0, words[-1].end or 0.0, " ".join(word.text for word in words))


def clock(seconds: float, decimal: str) -> str:
    """Return a time as HH:MM:SS and milliseconds after the decimal sign."""
    milliseconds = round(1000 * seconds)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}{decimal}{rest % 1000:03d}"


def to_txt(result: Result, hypothesis: Hypothesis) -> str:
    """Return the text alone."""
    return f"{hypothesis.text}\n"


def to_json(result: Result, hypothesis: Hypothesis) -> str:
    """Return one line of JSON: file, duration, processing time and everything in the hypothesis."""
    head = {
        "file": result.example.id,
        "duration": round(result.extent, 3),
        "seconds": round(result.seconds, 4),
    }
    return json.dumps(head | hypothesis.to_json(), ensure_ascii=False) + "\n"


def to_srt(result: Result, hypothesis: Hypothesis) -> str:
    """Return SubRip subtitles."""
    blocks = [
        f"{i}\n{clock(cue.start, ',')} --> {clock(cue.end, ',')}\n{cue.text}\n"
        for i, cue in enumerate(cues(hypothesis.words), start=1)
    ]
    return "\n".join(blocks)


def to_vtt(result: Result, hypothesis: Hypothesis) -> str:
    """Return WebVTT subtitles."""
    blocks = [f"{clock(c.start, '.')} --> {clock(c.end, '.')}\n{c.text}\n" for c in cues(hypothesis.words)]
    return "\n".join(["WEBVTT\n", *blocks])


def to_tsv(result: Result, hypothesis: Hypothesis) -> str:
    """Return tab-separated start and end in milliseconds, and text, with a heading."""
    rows = [f"{round(1000 * c.start)}\t{round(1000 * c.end)}\t{c.text}" for c in cues(hypothesis.words)]
    return "\n".join(["start\tend\ttext", *rows]) + "\n"


def to_ctm(result: Result, hypothesis: Hypothesis) -> str:
    """Return NIST's time-marked words: file, channel, start, duration, word and confidence."""
    name = Path(result.example.id).stem.replace(" ", "_") or "audio"
    rows = [
        f"{name} 1 {w.start:.3f} {w.end - w.start:.3f} {w.text} {w.confidence:.3f}\n"
        for w in hypothesis.words
        if w.start is not None and w.end is not None
    ]
    return "".join(rows)


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
