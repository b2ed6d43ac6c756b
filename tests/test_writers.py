"""Transcript formats, to the letter."""

from __future__ import annotations

import json

from scriba.asr.writers import WRITERS, clock, cues
from scriba.core.example import Example
from scriba.core.recogniser import Result
from scriba.core.search.hypothesis import Hypothesis, TextSpan

WORDS = (TextSpan("enter", 0.9, 0.2, 0.6), TextSpan("four", 0.8, 0.64, 1.0), TextSpan("six", 0.7, 2.5, 3.0))
HYPOTHESIS = Hypothesis("enter four six", -1.5, {"ctc": -1.5}, WORDS, WORDS)
RESULT = Result(Example("a.wav", b"", ""), 3.2, 0.05, {"ctc": HYPOTHESIS})

EXPECTED = {
    "txt": "enter four six\n",
    "srt": "1\n00:00:00,200 --> 00:00:01,000\nenter four\n\n2\n00:00:02,500 --> 00:00:03,000\nsix\n",
    "vtt": "WEBVTT\n\n00:00:00.200 --> 00:00:01.000\nenter four\n\n00:00:02.500 --> 00:00:03.000\nsix\n",
    "tsv": "start\tend\ttext\n200\t1000\tenter four\n2500\t3000\tsix\n",
}


def test_formats() -> None:
    """Each format, and a subtitle that breaks at a pause."""
    for name, expected in EXPECTED.items():
        assert WRITERS[name](RESULT, HYPOTHESIS) == expected
    row = json.loads(WRITERS["json"](RESULT, HYPOTHESIS))
    assert row["file"] == "a.wav" and row["duration"] == 3.2 and row["seconds"] == 0.05
    assert [w["start"] for w in row["words"]] == [0.2, 0.64, 2.5]


def test_nothing_said() -> None:
    """An empty result is an empty but valid file in every format."""
    nothing = Hypothesis("", 0.0)
    assert {name: WRITERS[name](RESULT, nothing) for name in ("txt", "srt", "vtt", "tsv")} == {
        "txt": "\n",
        "srt": "",
        "vtt": "WEBVTT\n",
        "tsv": "start\tend\ttext\n",
    }
    assert nothing.confidence == 0.0


def test_subtitles_hold_ten_words() -> None:
    """A long utterance without pauses is cut after ten words, and no word is lost."""
    words = [TextSpan(str(i), 1.0, i * 0.3, i * 0.3 + 0.3) for i in range(25)]
    found = list(cues(words))
    assert [len(cue.text.split()) for cue in found] == [10, 10, 5]
    assert " ".join(cue.text for cue in found) == " ".join(word.text for word in words)


def test_clock_carries() -> None:
    """Rounding to milliseconds carries into seconds, minutes and hours."""
    assert clock(3599.9996, ",") == "01:00:00,000"
    assert clock(59.9994, ".") == "00:00:59.999"
