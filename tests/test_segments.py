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
from scriba.asr.segments import UNCUT, Segment, SegmentConfig, check_segments, cut, in_order, join, placed, speech_spans
from scriba.core.errors import InputError, UsageError
from scriba.core.example import Samples
from scriba.core.search.hypothesis import Hypothesis, TextSpan, group_words

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


def one_click(seconds: float) -> np.ndarray:
    return np.eye(1, round(seconds * RATE), 700)[0]


@pytest.mark.parametrize("seconds", [0.06, 2, 9])
def test_silence_holds_no_speech(seconds: float) -> None:
    """Digital silence, an offset, noise of the last bit and a click, whether the recording is short or long."""
    n = round(seconds * RATE)
    bit = np.random.default_rng(0).integers(-1, 2, n) / 32768
    for values in (np.zeros(n), np.full(n, 0.25), bit, bit - 0.1, one_click(seconds) if seconds > 1 else np.zeros(n)):
        assert list(cut(Samples(values.astype(np.float32), RATE), "x", SegmentConfig(max_seconds=5))) == []


def test_what_can_be_heard_stays_what_it_is() -> None:
    """A short recording of faint sound, or one too short to be used, is passed on to the bit."""
    for values in (1e-3 * recording([(0.0, 2.0)]), np.zeros(40, np.float32)):
        ((segment, heard),) = cut(Samples(values, RATE), "x", SegmentConfig())
        assert segment == UNCUT and np.array_equal(heard.values, values)


@pytest.mark.parametrize("noise", [1e-5, 3e-5])
def test_a_quiet_speaker_is_heard(noise: float) -> None:
    """Someone 35 dB below someone else, also directly after them; their pauses stay pauses."""
    rng = np.random.default_rng(1)
    turns = [(0.9 + 0.3 * (i % 4), 10 ** (-35 * (i % 2) / 20)) for i in range(12)]
    parts = [part for p, by in turns for part in (np.zeros(round(p * RATE)), rng.normal(0, 0.3 * by, 1200))]
    whole = np.concatenate([*parts, np.zeros(15 * RATE)])
    whole = (whole + rng.normal(0, noise, len(whole))).astype(np.float32)
    assert len(speech_spans(whole, RATE, SegmentConfig())) == len(turns)


def test_noise_in_a_long_pause_is_no_speech() -> None:
    """Noise that changes slowly by 10 dB, far below the speech, and a bang in it."""
    rng = np.random.default_rng(2)
    speech, n = rng.normal(0, 0.3, 3 * RATE), 40 * RATE
    pause = rng.normal(0, 1e-4, n) * 10 ** (0.25 * np.sin(np.arange(n) / (3 * RATE)))
    pause[n // 2 : n // 2 + 150] *= 30
    whole = np.concatenate([speech, pause, speech]).astype(np.float32)
    assert speech_spans(whole, RATE, SegmentConfig()) == [(0, 3 * RATE), (43 * RATE, 46 * RATE)]


@settings(max_examples=20)
@given(st.floats(3.0, 60.0), st.floats(1.0, 80.0), st.floats(0.0, 20.0), st.floats(0.0, 20.0))
def test_no_segment_is_longer_than_the_model_takes(most: float, longest: float, overlap: float, padding: float) -> None:
    """With what it hears beyond its cuts; and the seconds that are told are those of the recording."""
    config, told = SegmentConfig(longest, overlap=overlap, padding=padding), list[float]()
    whole = recording([(1.0, 50.0), (3.0, 2.0), (1.5, 30.0)])
    for _, heard in cut(Samples(whole, RATE), "x", config, most, told.append):
        assert len(heard.values) <= most * RATE + 2
    assert sum(told) == pytest.approx(len(whole) / RATE)


def test_segments_that_the_model_cannot_take() -> None:
    """What was asked for is refused with what to ask for; what was not is made to fit."""
    with pytest.raises(
        UsageError, match=r"^--segments.max_seconds 90: the model takes 60 s at once; give 60 or less.$"
    ):
        check_segments(SegmentConfig(max_seconds=90), 60)
    check_segments(SegmentConfig(), 10)
    check_segments(SegmentConfig(max_seconds=60), 60)


def spelled(text: str, start: float, step: float = 0.2) -> Hypothesis:
    """A text as a segment hears it that begins so many seconds before it; tokens are characters."""
    tokens = tuple(TextSpan(c, 0.9, start + i * step, start + i * step + 0.1) for i, c in enumerate(text))
    return Hypothesis(text, -1.0, {}, tokens, group_words(tokens), agreement=0.5)


@settings(max_examples=60)
@given(st.text("0123456789", min_size=20, max_size=120), st.integers(8, 40), st.booleans(), st.floats(-0.04, 0.04))
def test_texts_without_spaces(text: str, length: int, pause: bool, late: float) -> None:
    """Cut anywhere and heard by both sides: nothing is doubled or lost, and no space is put in, at pauses either."""
    parts, heard, begin = [], [], 0
    while begin < len(text):
        end = min(begin + length, len(text))
        own = (-np.inf if begin == 0 else begin * 0.2 - 0.05, np.inf if end == len(text) else end * 0.2 - 0.05)
        first, last = max(0, begin - 5), min(len(text), end + 5)
        parts.append(Segment(first * 0.2, own))
        heard.append(spelled(text[first:last], 0.02 + late))
        begin = end
    if pause:
        parts.append(Segment(len(text) * 0.2 + 5, (-np.inf, np.inf)))
        heard.append(spelled("42", 0.0))
    whole = join(parts, heard, "")
    assert whole.text == text + "42" * pause == "".join(token.text for token in whole.tokens)
    assert "".join(word.text for word in whole.words) == whole.text and len(whole.words) == 1 + pause
    starts = [token.start for token in whole.tokens]
    assert starts == sorted(starts) and whole.agreement == pytest.approx(0.5)


def test_a_long_word_is_cut_between_its_tokens() -> None:
    """In a language with spaces, a word of many seconds goes on after the cut, and short ones stay whole."""
    parts = [Segment(0.0, (-np.inf, 10.0)), Segment(9.0, (10.0, np.inf))]
    heard = [spelled("one " + "a" * 50, 0.0), spelled("a" * 15 + " two", 0.0)]
    whole = join(parts, heard)
    assert whole.text == "one " + "a" * (46 + 10) + " two" == "".join(token.text for token in whole.tokens)
    assert [word.text for word in whole.words] == whole.text.split()


def test_agreement_of_a_recording_that_was_cut() -> None:
    """It is the share of all tokens, ends included."""
    parts = [Segment(0.0, (-np.inf, np.inf)), Segment(10.0, (-np.inf, np.inf))]
    heard = [spelled("abc", 0.0), Hypothesis("", 0.0, agreement=1.0)]
    assert join(parts, heard).agreement == pytest.approx((4 * 0.5 + 1) / 5)


moments = st.floats(-5, 500, allow_nan=False)


@settings(max_examples=100)
@given(st.lists(st.tuples(st.text("ab ", max_size=3), moments, moments), max_size=12), st.floats(0.1, 300))
def test_places_are_in_order(units: list[tuple[str, float, float]], seconds: float) -> None:
    """Whatever attention looked at, tokens and words follow one another, last, and lie in the recording."""
    tokens = tuple(TextSpan(text, 0.5, start, end) for text, start, end in units)
    found = placed(Hypothesis("", 0.0, {}, tokens, group_words(tokens)), seconds)
    for spans in (found.tokens, found.words):
        assert all(0 <= span.start < span.end <= seconds for span in spans)  # type: ignore[operator]
        assert [s.start for s in spans] == sorted(s.start for s in spans)
        assert [s.end for s in spans] == sorted(s.end for s in spans)
    assert [t.text for t in found.tokens] == [t.text for t in tokens]
    assert in_order(found.tokens, seconds) == found.tokens
