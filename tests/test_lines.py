"""Rendered lines: reproducible, of the characters they say, and in faces that each split has for itself."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from scriba.core.errors import UsageError
from scriba.datasets import lines
from scriba.datasets.degrade import STEPS, degrade
from scriba.datasets.documents import DOCUMENTS, LANGUAGES
from scriba.datasets.figures import to_roman
from scriba.datasets.fonts import Face, faces
from scriba.datasets.lines import LINES, compose, draw_fonts, draw_hand, render
from scriba.datasets.phrases import KINDS, phrase
from scriba.datasets.prose import as_read, black_letter, misspelled, sentence, vocabulary
from scriba.datasets.screen import render_screen
from scriba.datasets.source import open_source
from scriba.datasets.synthetic import SyntheticSource


def test_examples_are_a_function_of_split_and_number() -> None:
    """The same line every time, whatever was made before it; splits and numbers differ."""
    first, again = SyntheticSource(LINES, "train", 8), SyntheticSource(LINES, "train", 8)
    again[7]
    assert [first[i] for i in range(4)] == [again[i] for i in range(4)]
    assert len({example.source for split in LINES.sizes for example in SyntheticSource(LINES, split, 3)}) == 9
    with pytest.raises(UsageError, match=r"Did you mean 'train'\?"):
        SyntheticSource(LINES, "trian")
    assert len(list(open_source("synth:lines:dev:5", media="image"))) == 5
    with pytest.raises(UsageError, match="makes image, not audio"):
        open_source("synth:lines", media="audio")


def test_every_character_is_drawn_by_its_face() -> None:
    """A character that a face lacks is never drawn as an empty box: it is left out of picture and text."""
    rng = np.random.default_rng(0)
    for _ in range(200):
        _, face, text = compose(rng, faces("train"))
        assert face.draws(text) and text == " ".join(text.split()) and text


def test_a_missing_character_is_noticed() -> None:
    """The coverage that is asked for is that of the file: what it claims to lack is drawn as its box, else not."""
    face = next(f for f in faces("train") if not f.draws("字"))
    font = ImageFont.truetype(str(face.path), 40)

    def drawn(text: str) -> bytes:
        image = Image.new("L", (60, 60))
        ImageDraw.Draw(image).text((5, 5), text, fill=255, font=font)
        return image.tobytes()

    assert drawn("字") == drawn("\uffff") and drawn("a") != drawn("\uffff")


def test_splits_have_families_of_their_own() -> None:
    families = {split: {face.family for face in faces(split)} for split in LINES.sizes}
    assert all(families.values())
    assert not families["train"] & families["test"] and not families["train"] & families["dev"]


@settings(max_examples=20)
@given(st.integers(0, 10**6), st.sampled_from([step for step, _ in STEPS]))
def test_each_degradation_keeps_a_picture(seed: int, step: object) -> None:
    """Any step takes a line of any size to a grey picture of about that size, the same for the same seed."""
    rng = np.random.default_rng(seed)
    size = (int(rng.integers(1, 300)), int(rng.integers(1, 80)))
    image = Image.fromarray(rng.integers(0, 256, size[::-1]).astype(np.uint8))
    made = [step(image, np.random.default_rng(seed)) for _ in range(2)]  # type: ignore[operator]
    assert made[0].mode == "L" and made[0].tobytes() == made[1].tobytes()
    assert 0.8 * size[0] - 2 <= made[0].width <= 1.2 * size[0] + 2
    assert size[1] <= made[0].height <= 2 * size[1] + 2 or made[0].height >= 1


def test_degradation_can_be_switched_off() -> None:
    image = Image.fromarray(np.arange(2000, dtype=np.uint8).reshape(20, 100))
    assert degrade(image, np.random.default_rng(0), 0.0) is image


def test_most_lines_stay_readable() -> None:
    """Ink and paper differ in nearly every rendered line: degradation does not wipe it out."""
    pictures = [np.asarray(Image.open(io.BytesIO(e.source)), float) for e in SyntheticSource(LINES, "train", 60)]  # type: ignore[arg-type]
    contrast = [np.percentile(p, 95) - np.percentile(p, 2) for p in pictures]
    assert np.mean(np.array(contrast) > 40) > 0.95


def test_text_covers_what_is_printed() -> None:
    """Words, figures, prices, dates, punctuation, capitals and accents all occur, and lines are of many lengths."""
    rng = np.random.default_rng(0)
    texts = [phrase(rng)[1] for _ in range(3000)]
    everything = "".join(texts)
    assert set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") <= set(everything)
    assert set("äöüßéèàçñøåœ.,;:!?'\"()-—–“”’£€$%&§@/") <= set(everything)
    assert set("čřžšěůďťňąęćśźżłőűăâîșțğıİşāēīķļņģėįųþðæħġċŵŷ") <= set(everything), "letters of the European languages"
    assert set("©®™§¶†‡…°µ±×÷≤≥≠½¼²³•→€£¥¢$@#_~^|\\{}[]<>„“”‚‘’«»‹›¿¡") <= set(everything), "signs of documents"
    assert min(map(len, texts)) < 5 and max(map(len, texts)) > 60
    for make, _ in KINDS.values():
        assert all(isinstance(make(rng), str) for _ in range(30))
    assert abs(sum(share for _, share in KINDS.values()) - 1) < 1e-9


def test_kinds_can_be_chosen() -> None:
    """By shares at the end of the name; an unknown kind or a share that is no number is told."""
    made = list(open_source("synth:lines:dev:12:code=2,address=1", media="image"))
    assert {example.extra["kind"] for example in made} == {"code", "address"}
    with pytest.raises(UsageError, match=r"synth:lines: cod: the kinds are .* Did you mean 'code'\?"):
        open_source("synth:lines:dev:12:cod=1", media="image")
    with pytest.raises(UsageError, match="synth:scenes: code: it has no kinds to choose"):
        open_source("synth:scenes:dev:12:code=1", media="image")
    for wrong in ("code", "code=", "code=x", "code=0", "code=1:y"):
        with pytest.raises(UsageError, match=r"write synth:lines\[:SPLIT\[:N\[:KIND=SHARE"):
            open_source(f"synth:lines:dev:12:{wrong}", media="image")


def test_documents_are_balanced_and_in_faces_of_their_own() -> None:
    """Every kind with every language; none of the faces is trained with; the same at every look."""
    cells = len(LANGUAGES) * 7
    found = {(e.extra["kind"], e.extra["language"]) for e in SyntheticSource(DOCUMENTS, "dev", cells)}
    assert len(found) == cells
    made = [SyntheticSource(DOCUMENTS, "test", 9)[i] for i in (8, 3, 8)]
    assert made[0] == made[2] != made[1]
    trained = {face.family for face in faces("train")}
    assert not {example.extra["font"] for example in made} & trained
    with pytest.raises(UsageError, match="the splits are dev, test"):
        SyntheticSource(DOCUMENTS, "train")


def test_words_of_a_language_have_its_letters_alone() -> None:
    """No Cyrillic or Greek among the words, whichever list they come from; a misspelled word is still one."""
    rng = np.random.default_rng(0)
    for language in (*LANGUAGES, "et", "mt", "cy"):
        words, shares = vocabulary(language)
        assert len(words) > 20 and shares[-1] == pytest.approx(1)
        assert all(ord(letter) < 0x2020 for text in words for letter in text)
    made = [misspelled(rng, "Illinois") for _ in range(300)]
    assert all(made) and len(set(made)) > 20 and {len(text) for text in made} >= {7, 8, 9}


def test_words_of_other_scripts_are_one_sign_each() -> None:
    """Greek and Cyrillic words are drawn, and what is to be read of them is that they are there."""
    assert as_read("Die Привет, κόσμε! α = 5 µm") == "Die \ufffd, \ufffd! α = 5 µm"
    made = [e.target for e in open_source("synth:lines:train:12:foreign=1", media="image")]
    assert sum("\ufffd" in str(text) for text in made) > 6


def test_roman_numerals() -> None:
    assert [to_roman(n) for n in (1, 4, 9, 18, 28, 40, 90, 400, 1944)] == (
        ["I", "IV", "IX", "XVIII", "XXVIII", "XL", "XC", "CD", "MCMXLIV"]
    )


def test_screens_show_small_letters_in_every_way() -> None:
    """Lines as screens show them: of few rows, light on dark, and without grey; the ink of the whole text is there."""
    rng = np.random.default_rng(0)
    face = next(f for f in all_faces() if f.family == "DejaVu Sans")
    made = [np.asarray(render_screen("Hamburg gypsy", face, rng)) for _ in range(80)]
    assert min(len(pixels) for pixels in made) < 14
    assert 5 < sum(np.median(pixels) < 100 for pixels in made) < 40
    assert any(len(np.unique(pixels)) == 2 for pixels in made) and all(np.ptp(pixels) > 20 for pixels in made)


def test_black_letter_spelling() -> None:
    assert black_letter("Das ist es, Mißstand des Gesetzes-") == "Das iſt es, Mißſtand des Geſetzes⸗"
    assert sentence(np.random.default_rng(1), "de")


def all_faces() -> tuple[Face, ...]:
    """Return the faces of all splits: which split matplotlib's own are in depends on what else is installed."""
    return tuple(face for split in ("train", "dev", "test") for face in faces(split))


def test_typing_strikes_letters_singly() -> None:
    """Typewritten lines show their letters unevenly inked on an unsteady line; there are enough of them."""
    rng = np.random.default_rng(0)
    face = next(f for f in all_faces() if f.family == "DejaVu Sans Mono")
    assert face.equal_widths and not any(f.equal_widths for f in all_faces() if f.family == "DejaVu Serif")
    uneven = 0
    for _ in range(40):
        pixels = np.asarray(render("nnnnnnnn", face, rng))
        darkest = np.sort(pixels.min(0).astype(int))
        uneven += darkest[len(darkest) // 3] - darkest[0] > 20
    assert 8 < uneven < 40
    drawn = [compose(rng, all_faces())[1].equal_widths for _ in range(300)]
    assert 0.15 < np.mean(drawn) < 0.6


def test_render_holds_the_whole_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """No letter is cut off: the outermost columns of a line without neighbours are paper."""
    for share in ("NEIGHBOURS_SHARE", "EDGE_SHARE", "MARKED_SHARE"):
        monkeypatch.setattr(lines, share, 0)
    rng = np.random.default_rng(0)
    for face in [f for f in faces("train") if not f.black_letter][::5]:
        for text in ("Äfgj|", "JÄGER F", "f"):
            pixels = np.asarray(render(text, face, rng))
            assert pixels[:, 0].min() == 255 and pixels[:, -1].min() == 255


def test_headings_are_spaced_and_have_small_capitals() -> None:
    """Capitals are set wider apart in some headings and smaller after the first letter in others; prose is not."""
    rng = np.random.default_rng(0)
    face = next(f for f in all_faces() if f.family == "DejaVu Serif")
    font = ImageFont.truetype(str(face.path), 30)
    sizes = [{font.size for font in draw_fonts("CASTLE of Otranto", font, face, rng)} for _ in range(100)]
    assert 10 < sum(len(size) == 2 for size in sizes) < 45
    assert all(draw_fonts("Castle of Otranto", font, face, rng)[0].size == 30 for _ in range(100))
    spaced = [draw_hand(rng, 30, capitals=True).spacing > 3 for _ in range(200)]
    assert 20 < sum(spaced) < 80
    assert all(draw_hand(rng, 30).spacing < 5 for _ in range(200))
