"""Long recordings: where they are cut, and that nothing is doubled or lost when the parts are joined."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scriba.asr import segments
from scriba.asr.features import vary_edges
from scriba.asr.segments import Segment, SegmentConfig, cut, join, speech_spans
from scriba.core.errors import InputError
from scriba.core.example import Samples
from scriba.core.search.hypothesis import Hypothesis, TextSpan

RATE = 1000


def recording(stretches: list[tuple[float, float]], seed: int = 0) -> np.ndarray:
    """Stretches of silence and of speech that follow it, in seconds, with faint noise everywhere."""
    rng = np.random.default_rng(seed)
    parts = []
    for silence, speech in stretches:
        parts += [np.zeros(round(silence * RATE)), rng.normal(0, 0.3, round(speech * RATE))]
    whole = np.concatenate(parts)
    return (whole + rng.normal(0, 1e-4, len(whole))).astype(np.float32)


times = st.floats(1.0, 3.0).map(lambda value: round(value, 2))


@settings(max_examples=30)
@given(st.lists(st.tuples(times, times), min_size=3, max_size=8), st.integers(0, 99))
def test_pauses_end_segments(stretches: list[tuple[float, float]], seed: int) -> None:
    """Each stretch of speech is a segment, heard whole with its padding and nothing of its neighbours."""
    config = SegmentConfig(max_seconds=5, min_pause=0.5, padding=0.25)
    whole = recording(stretches, seed)
    found = list(cut(Samples(whole, RATE), "x", config))
    assert len(found) == len(stretches)
    place = 0.0
    for (silence, speech), (segment, heard) in zip(stretches, found, strict=True):
        place += silence
        assert segment.start == pytest.approx(place - 0.25, abs=0.03)
        end = segment.start + len(heard.values) / RATE
        assert end == pytest.approx(min(place + speech + 0.25, len(whole) / RATE), abs=0.03)
        start = round(segment.start * RATE)
        assert np.array_equal(heard.values, whole[start : start + len(heard.values)])
        place += speech


@settings(max_examples=20)
@given(st.lists(st.tuples(times, st.floats(1.0, 25.0)), min_size=2, max_size=5))
def test_every_moment_of_speech_belongs_to_one_segment(stretches: list[tuple[float, float]]) -> None:
    """Also where speech without a pause is cut: parts are short enough, and hear more than they own."""
    config = SegmentConfig(max_seconds=5, overlap=0.5)
    found = list(cut(Samples(recording(stretches), RATE), "x", config))
    for before, (segment, heard) in zip([None, *found], found, strict=False):
        assert len(heard.values) / RATE <= 5 + 2 * 0.5 + 0.1
        assert segment.own[0] < segment.own[1]
        if before is not None:
            assert before[0].own[1] in (np.inf, segment.own[0])
    place = 0.0
    for silence, speech in stretches:
        for moment in np.arange(place + silence + 0.05, place + silence + speech - 0.05, 0.1):
            owners = [s for s, h in found if s.own[0] <= moment < s.own[1] and _hears(s, h, moment)]
            assert len(owners) == 1
        place += silence + speech


def _hears(segment: Segment, heard: Samples, moment: float) -> bool:
    return segment.start <= moment < segment.start + len(heard.values) / RATE


def test_blocks_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file read in small blocks, here of two channels, is cut within a frame of where it is cut in one piece."""
    rng = np.random.default_rng(4)
    whole = recording([(rng.uniform(0.8, 2), rng.uniform(0.5, 4)) for _ in range(40)])
    soundfile.write(tmp_path / "long.wav", np.stack([whole, whole], 1), RATE, subtype="FLOAT")
    config = SegmentConfig(max_seconds=5, min_pause=0.5)
    expected = list(cut(Samples(whole, RATE), "x", config))
    monkeypatch.setattr(segments, "BLOCK", 17.0)
    found = list(cut(tmp_path / "long.wav", "x", config))
    assert len(found) == len(expected) == 40
    for (one, heard), (other, heard_too) in zip(found, expected, strict=True):
        assert one.start == pytest.approx(other.start, abs=segments.FRAME + 1e-9)
        assert len(heard.values) == pytest.approx(len(heard_too.values), abs=2 * segments.FRAME * RATE + 1)
        start = round(one.start * RATE)
        np.testing.assert_allclose(heard.values, whole[start : start + len(heard.values)], atol=1e-6)


def test_short_and_even_recordings() -> None:
    """What is no longer than a segment is taken as it is; steady sound has no pause; silence holds no speech."""
    config = SegmentConfig(max_seconds=5)
    short = recording([(1, 1), (1, 1)])
    ((segment, heard),) = cut(Samples(short, RATE), "x", config)
    assert segment == Segment(0.0, (0.0, np.inf)) and np.array_equal(heard.values, short)
    steady = np.random.default_rng(0).normal(0, 0.1, 12 * RATE).astype(np.float32)
    assert speech_spans(steady, RATE, config) == [(0, 12 * RATE)]
    assert len(list(cut(Samples(steady, RATE), "x", config))) > 2


def test_truncated_file(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", recording([(1, 20)]), RATE)
    (tmp_path / "a.wav").write_bytes((tmp_path / "a.wav").read_bytes()[:20_000])
    with pytest.raises(InputError, match="is truncated, its end is missing"):
        list(cut(tmp_path / "a.wav", "a.wav", SegmentConfig()))


def said(*words: tuple[str, float, float]) -> Hypothesis:
    """What a segment says; tokens are words and the spaces between them."""
    units = tuple(TextSpan(text, 0.9, start, end) for text, start, end in words)
    tokens = [part for a in units for part in (a, TextSpan(" ", 1.0, a.end, a.end))][:-1]
    return Hypothesis(" ".join(u.text for u in units), -1.0, {"ctc": -1.0}, tuple(tokens), units)


def test_joined_words() -> None:
    """A word that both sides of a cut heard counts once, for the side its middle lies in; times are the recording's."""
    parts = [Segment(10.0, (-np.inf, 15.0)), Segment(14.0, (15.0, np.inf)), Segment(30.0, (-np.inf, np.inf))]
    heard = [
        said(("one", 1.0, 2.0), ("two", 4.6, 5.2), ("th", 5.5, 6.0)),
        said(("wo", 0.7, 1.1), ("three", 1.4, 2.0)),
        said(("four", 0.5, 1.0)),
    ]
    whole = join(parts, heard)
    assert whole.text == "one two three four"
    assert [(w.start, w.end) for w in whole.words] == [(11.0, 12.0), (14.6, 15.2), (15.4, 16.0), (30.5, 31.0)]
    assert "".join(t.text for t in whole.tokens) == whole.text
    assert whole.scores == {"ctc": -3.0} and whole.score == -3.0
    assert join([], []) == Hypothesis("", 0.0)


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_other_ends(seed: int, lead: float, tail: float) -> None:
    """Speech is never cut; silence around it is cut off, kept in part, or added to, up to the given length."""
    rng = np.random.default_rng(seed)
    speech = rng.normal(0, 0.3, 2 * RATE)
    sides = [rng.normal(0, 1e-4, round(n * RATE)) for n in (lead, tail)]
    whole = np.concatenate([sides[0], speech, sides[1]]).astype(np.float32)
    torch.manual_seed(seed)
    found = vary_edges(torch.from_numpy(whole), 0.5, RATE).numpy()
    assert 2 * RATE - 2 * segments.FRAME * RATE <= len(found) <= len(whole) + RATE
    middle = speech[100:-100].astype(np.float32)
    places = np.flatnonzero(found == middle[0])
    assert any(np.array_equal(found[i : i + len(middle)], middle) for i in places)
