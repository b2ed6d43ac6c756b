"""Forced alignment against brute force, and the commands that align a known text."""

from __future__ import annotations

import json
from itertools import groupby, pairwise, product
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from models import collapse
from torch import Tensor, nn

import scriba
from scriba.asr.encoder import EncoderConfig as SpeechConfig
from scriba.asr.encoder import SpeechEncoder
from scriba.cli import main
from scriba.core.errors import InputError
from scriba.core.model.ctc import required_positions
from scriba.core.search.align import align, align_text, fold
from scriba.core.text.tokenizer import BLANK, UNK, CharTokenizer, SubwordTokenizer, Tokenizer, WordTokenizer
from scriba.ocr.encoder import EncoderConfig as LineConfig
from scriba.ocr.encoder import LineEncoder

EXAMPLES = Path(__file__).resolve().parent.parent / "scripts" / "examples"


def best_path(log_probs_TV: torch.Tensor, target: tuple[int, ...]) -> tuple[int, ...]:
    """The most probable of all paths that collapse to the target."""
    positions, labels = log_probs_TV.shape
    paths = [path for path in product(range(labels), repeat=positions) if collapse(path) == target]
    return max(paths, key=lambda path: float(log_probs_TV[range(positions), path].sum()))


@settings(max_examples=60)
@given(st.integers(1, 6), st.integers(0, 10**6), st.lists(st.integers(1, 2), min_size=1, max_size=4).map(tuple))
def test_alignment_is_the_best_of_all_paths(positions: int, seed: int, target: tuple[int, ...]) -> None:
    """Also with labels that repeat; None exactly where no path exists."""
    log_probs_TV = (2 * torch.randn(positions, 3, generator=torch.Generator().manual_seed(seed))).log_softmax(-1)
    spans = align(log_probs_TV, target)
    assert (spans is not None) == (required_positions(target) <= positions)
    if spans is None:
        return
    expected, start = [], 0
    for label, run in groupby(best_path(log_probs_TV, target)):
        end = start + len(list(run))
        expected += [(start, end)] if label != BLANK else []
        start = end
    assert spans == expected


def test_confidences_and_score() -> None:
    """A token's confidence is its largest probability where it lies; the score is that of all paths together."""
    tokenizer = CharTokenizer("ab")
    a, b = tokenizer.encode("ab")
    probs = torch.full((3, 5), 0.01)
    probs[[0, 1, 2], [a, BLANK, b]] = torch.tensor([0.6, 0.9, 0.8])
    found = align_text(probs.log(), "ab", tokenizer, 0.04, "x")
    assert [t.confidence for t in found.tokens] == pytest.approx([0.6, 0.8])
    assert [t.start for t in found.tokens] == pytest.approx([0.0, 0.06])  # a position is centred on its place
    assert [t.end for t in found.tokens] == pytest.approx([0.02, 0.1])
    paths = ("a_b", "aab", "abb", "_ab", "ab_")
    ids = {"a": a, "b": b, "_": BLANK}
    expected = sum(float(torch.stack([probs[t, ids[c]] for t, c in enumerate(path)]).prod()) for path in paths)
    assert found.score == pytest.approx(float(torch.tensor(expected).log()), abs=1e-5)


def test_aligned_recording(capsys: pytest.CaptureFixture[str]) -> None:
    """What was recognised lies, aligned, where it was recognised; subtitles and CTM give the same times."""
    file = str(EXAMPLES / "speech" / "spelled.flac")
    read = scriba.load("asr-an4-en", device="cpu", method="ctc", beam_size=1).transcribe(file)
    assert main(["asr", "align", file, read.text, "--device", "cpu"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert row["text"] == read.text
    starts = [word["start"] for word in row["words"]]
    assert starts == pytest.approx([word.start for word in read.words], abs=0.09)
    assert main(["asr", "align", file, read.text, "--device", "cpu", "--format", "ctm"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[4] for line in lines] == read.text.split() and {line[0] for line in lines} == {"spelled"}
    assert [float(line[2]) for line in lines] == pytest.approx(starts, abs=1e-3)


def test_aligned_line(capsys: pytest.CaptureFixture[str]) -> None:
    """The words of a line follow one another from left to right, within the picture."""
    file = str(EXAMPLES / "print" / "book.png")
    read = scriba.load("ocr-print", device="cpu").read(file)
    assert main(["ocr", "align", file, read.text, "--device", "cpu"]) == 0
    words = json.loads(capsys.readouterr().out)["words"]
    assert [word["text"] for word in words] == read.text.split()
    assert all(a["end"] <= b["start"] for a, b in pairwise(words))


def test_texts_that_do_not_fit(capsys: pytest.CaptureFixture[str]) -> None:
    """A character that the model lacks, and more text than the input can hold: a sentence each."""
    file = str(EXAMPLES / "speech" / "spelled.flac")
    told_of = {
        "naïve": "has no token for 'ï' of the text",
        "a" * 500: "the text needs 999 encoder",
        "four 1.": "has no token for '1' of the text",
        **dict.fromkeys(("", " \n", "…, -"), "the text is empty, or all punctuation; give what the input says."),
    }
    for text, told in told_of.items():
        assert main(["asr", "align", file, text, "--device", "cpu"]) == 1
        assert told in capsys.readouterr().err
    with pytest.raises(InputError, match="no such file"):
        scriba.load("asr-an4-en", device="cpu").align("missing.wav", "a")


LETTERS = "abcdefghijklmnopqrstuvwxyz"
ALPHABETS: dict[str, Tokenizer] = {
    "lower": CharTokenizer(f" '{LETTERS}"),
    "upper": CharTokenizer(f" {LETTERS.upper()}"),
    "without spaces": CharTokenizer(LETTERS),
    "words": WordTokenizer(["four", "one", "twenty", "nine", "don't", "naïve"]),
    "subwords": SubwordTokenizer.train(["four one twenty nine don't naïve"] * 3, 40),
    "print": CharTokenizer(f" ,.-\"'{LETTERS}{LETTERS.upper()}"),
}
FOLDED = {
    "Four  one,\nnine.": "four one nine",
    "“Four” — one": "four one",
    "TWENTY-ONE": "twenty one",
    "twenty--one/nine…": "twenty one nine",
}


@pytest.mark.parametrize("alphabet", ALPHABETS)
@pytest.mark.parametrize("text", FOLDED)
def test_texts_as_people_have_them(alphabet: str, text: str) -> None:
    """Case and punctuation become what the model knows, and are again what they were in the words and tokens."""
    tokenizer, plain = ALPHABETS[alphabet], FOLDED[text]
    ids = tokenizer.encode("".join(c for c, _ in fold(text, tokenizer, "x")))
    expected = {"upper": plain.upper(), "without spaces": plain.replace(" ", "")}.get(alphabet, plain)
    assert UNK not in ids and (alphabet == "print" or tokenizer.decode(ids) == expected)
    log_probs_TV = torch.full((99, len(tokenizer)), 1 / len(tokenizer)).log()
    found = align_text(log_probs_TV, text, tokenizer, 0.04, "x")
    assert found.text == " ".join(text.split()) == "".join(token.text for token in found.tokens).strip()
    assert " ".join(word.text for word in found.words) == found.text


def test_what_the_model_knows_is_left_as_it_is() -> None:
    """A model of print aligns its capitals and its punctuation; quotation marks it lacks become those it has."""
    folded = fold("“Four”, —no-one’s.", ALPHABETS["print"], "x")
    assert "".join(c for c, _ in folded) == '"Four", -no-one\'s.'
    assert "".join(c for c, _ in fold("Don’t", ALPHABETS["words"], "x")) == "don't"
    assert "".join(c for c, _ in fold("nai\u0308ve", ALPHABETS["words"], "x")) == "naïve"
    with pytest.raises(InputError, match=r"^x: the model has no token for 'Six' 'five' of the text; leave it out\.$"):
        fold("Six, five, nine", ALPHABETS["words"], "x")


def test_aligned_as_it_was_written(capsys: pytest.CaptureFixture[str]) -> None:
    """Times are those of what the model knows; subtitles show what was given."""
    file = str(EXAMPLES / "speech" / "number.flac")
    rows = []
    for text in ("four one seven nine two", "“Four one\n seven,  nine TWO.”"):
        assert main(["asr", "align", file, text, "--device", "cpu"]) == 0
        rows.append(json.loads(capsys.readouterr().out))
    assert [w["text"] for w in rows[1]["words"]] == ["“Four", "one", "seven,", "nine", "TWO.”"]
    assert [(w["start"], w["end"]) for w in rows[1]["words"]] == [(w["start"], w["end"]) for w in rows[0]["words"]]
    picture = str(EXAMPLES / "print" / "book.png")
    read = scriba.load("ocr-print", device="cpu").read(picture)
    assert main(["ocr", "align", picture, "\n".join(read.text.split()), "--device", "cpu"]) == 0
    assert json.loads(capsys.readouterr().out)["text"] == read.text
    assert main(["ocr", "align", picture, " ", "--device", "cpu"]) == 1
    assert "the text is empty" in capsys.readouterr().err


class Passed(nn.Module):
    """In place of recurrent layers: what comes in goes out."""

    def forward(self, states_BTD: Tensor, lengths_B: Tensor) -> Tensor:
        return states_BTD


@pytest.mark.parametrize("app", ["asr", "ocr"])
def test_positions_are_centred_on_their_places(app: str) -> None:
    """What a position sees of frames or columns lies around the position times the subsampling: times have no bias."""
    torch.manual_seed(0)
    encoder: nn.Module = (
        SpeechEncoder(SpeechConfig(channels=8, size=4, layers=1), 32)
        if app == "asr"
        else LineEncoder(LineConfig(channels=(8,) * 7, size=4, layers=1), 32)
    )
    encoder.recurrent = Passed()
    inputs = torch.rand(4, 80, 32, requires_grad=True)
    states_BTD = encoder.eval()(inputs, torch.full((4,), 80)).states_BTD
    seen_T = torch.autograd.grad(states_BTD[:, 9].sum(), inputs)[0].abs().sum((0, 2))
    first, *_, last = seen_T.nonzero().flatten().tolist()
    assert (first + last) / 2 == 9 * 4
