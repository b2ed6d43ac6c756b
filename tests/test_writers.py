"""Transcript formats, to the letter."""

from __future__ import annotations

import json
import re

from hypothesis import given, settings
from hypothesis import strategies as st

from scriba.asr.writers import WRITERS, clock, cues
from scriba.core.example import Example
from scriba.core.recogniser import Result
from scriba.core.search.hypothesis import Hypothesis, TextSpan, group_words

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
    assert clock(100 * 3600, ".") == "100:00:00.000"


def test_texts_without_spaces_have_subtitles_of_a_readable_length() -> None:
    """87 s without a space is broken between tokens, by length and by time; what stands between words is seen."""
    tokens = tuple(TextSpan(str(i % 10), 1.0, i * 0.22, i * 0.22 + 0.1) for i in range(395))
    text = "".join(token.text for token in tokens)
    whole = Hypothesis(text, 0.0, {}, tokens, (*group_words(tokens[:200]), *group_words(tokens[200:])))
    found = WRITERS["srt"](Result(RESULT.example, 87.0, 0.0, {}), whole).split("\n\n")
    lines = [block.split("\n")[2] for block in found]
    assert "".join(lines) == text and all(len(line) <= 42 for line in lines)
    assert len(WRITERS["ctm"](RESULT, whole).splitlines()) == len(tokens)
    slow = [TextSpan("ab", 1.0, 0.0, 12.0)]
    parts = [TextSpan("a", 1.0, 0.0, 6.0), TextSpan("b", 1.0, 6.0, 12.0)]
    assert [tuple(cue) for cue in cues(slow, parts)] == [(0.0, 6.0, "a"), (6.0, 12.0, "b")]
    assert len(list(cues([TextSpan("x" * 50, 1.0, 0.0, 1.0)]))) == 1


def test_no_text_forges_a_row() -> None:
    """Arrows, line ends and tabs in tokens and in the name of the file stay within their field."""
    words = tuple(TextSpan(t, 0.9, i / 2, i / 2 + 0.4) for i, t in enumerate(["a\n\n2", "", "--->", "<i>", "b\tc d"]))
    nasty = Hypothesis(" ".join(word.text for word in words), 0.0, {}, words, words)
    result = Result(Example("x y\n1 2.wav", b"", ""), 3.0, 0.0, {})
    assert WRITERS["txt"](result, nasty).count("\n") == 1
    assert WRITERS["tsv"](result, nasty) == "start\tend\ttext\n0\t2400\ta\\u000a\\u000a2 ---> <i> b\\u0009c d\n"
    assert WRITERS["srt"](result, nasty).split("\n")[1:] == [
        "00:00:00,000 --> 00:00:02,400",
        "a\\u000a\\u000a2 -> <i> b\\u0009c d",
        "",
    ]
    assert WRITERS["vtt"](result, nasty).split("\n")[3] == "a\\u000a\\u000a2 ---&gt; &lt;i&gt; b\\u0009c d"
    rows = [row.split(" ") for row in WRITERS["ctm"](result, nasty).splitlines()]
    assert [row[4] for row in rows] == ["a\\u000a\\u000a2", "--->", "<i>", "b\\u0009c_d"]
    assert all(len(row) == 6 and row[0] == "x_y\\u000a1_2" for row in rows)


moments = st.floats(-5, 500, allow_nan=False)


@settings(max_examples=100)
@given(st.lists(st.tuples(st.text(max_size=4), moments, moments), max_size=30), st.floats(0.1, 300))
def test_times_go_forward_in_every_format(units: list[tuple[str, float, float]], seconds: float) -> None:
    """Whatever the places and the texts."""
    words = tuple(TextSpan(text, 0.5, start, end) for text, start, end in units)
    result, said = Result(RESULT.example, seconds, 0.0, {}), Hypothesis("", 0.0, {}, words, words)

    def parsed(time: str) -> float:
        hours, minutes, rest = time.replace(",", ".").split(":")
        return 3600 * int(hours) + 60 * int(minutes) + float(rest)

    def told(name: str) -> list[list[float]]:
        return [[parsed(t) for t in pair] for pair in re.findall(r"(?m)^(\S+) --> (\S+)$", WRITERS[name](result, said))]

    rows = [row.split("\t") for row in WRITERS["tsv"](result, said).splitlines()[1:]]
    times = [[int(start) / 1000, int(end) / 1000] for start, end, _ in rows]
    marked = [line.split(" ") for line in WRITERS["ctm"](result, said).splitlines()]
    for found in (told("srt"), told("vtt"), times, [[float(m[2]), float(m[2]) + float(m[3])] for m in marked]):
        assert all(0 <= start < end <= seconds + 2e-3 for start, end in found)
        assert [start for start, _ in found] == sorted(start for start, _ in found)
    assert told("srt") == told("vtt") and len(times) == len(told("srt"))
