"""What the bundled model of print reads: letters of many languages, signs, addresses, numerals, small print."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from jiwer import cer
from PIL import Image, ImageDraw, ImageFont

from scriba.core.text import normalisation
from scriba.loading import open_bundle, open_recogniser
from scriba.ocr.reader import LineReader

FACES = {
    name: Path(matplotlib.get_data_path(), "fonts", "ttf", f"{name}.ttf") for name in ("DejaVuSans", "DejaVuSerif")
}


@cache
def reader() -> LineReader:
    return LineReader(open_recogniser(open_bundle("ocr-print"), device="cpu"))


def line(text: str, face: str = "DejaVuSans", size: int = 30) -> Image.Image:
    font = ImageFont.truetype(str(FACES[face]), size)
    left, top, right, bottom = font.getbbox(text)
    image = Image.new("L", (int(right - left) + size, int(bottom - top) + size), 255)
    ImageDraw.Draw(image).text((size // 2 - left, size // 2 - top), text, fill=0, font=font)
    return image


def read(text: str, face: str = "DejaVuSans", size: int = 30) -> str:
    return reader().read(line(text, face, size), layout="line").text


def errors(texts: list[str], face: str = "DejaVuSans", size: int = 30) -> float:
    """Return the character error rate over some lines after the normalisation `print`."""
    simplify = normalisation("print")
    return cer([simplify(text) for text in texts], [simplify(read(text, face, size)) or "-" for text in texts])


LANGUAGES = {
    "Czech": ["Příliš žluťoučký kůň úpěl ďábelské ódy", "Bez práce nejsou koláče, řekl děda Jiří"],
    "Polish": ["Zażółć gęślą jaźń, rzekł mąż", "Wszyscy ludzie rodzą się wolni i równi"],
    "Turkish": ["Bütün insanlar hür, haysiyet ve haklar", "Çocuğun ışığı gözünü aldı, İstanbul"],
    "French": ["Où êtes-vous allés, là-bas à l'hôtel ?", "Le cœur déçu mais l'âme plutôt naïve"],
    "Romanian": ["Toate ființele umane se nasc libere și", "Încă o dată, țara întreagă știe"],
    "Hungarian": ["Árvíztűrő tükörfúrógép", "Minden emberi lény szabadon születik"],
    "Icelandic": ["Kæmi ný öxi hér ykist þjófum", "Hver maður er borinn frjáls og jafn"],
    "Norwegian": ["Høvdingens kjære squaw får litt pizza", "Alle mennesker er født frie, også på Sørøya"],
    "Spanish": ["¿Qué tal el pingüino, señor? ¡Muy bien!", "El niño pequeño comió piña en España"],
    "German": ["Größe und Maß: falsches Üben von Xylophon", "Straßenbahn fährt über die Brücke"],
}


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_letters_of_languages(language: str, face: str) -> None:
    """Letters with accents, tails and strokes are read as they are; these lines have more of them than any text."""
    assert errors(LANGUAGES[language], face) <= 0.09


def test_letters_of_all_languages() -> None:
    """Together, at most one character in twenty-five is wrong."""
    assert errors([text for texts in LANGUAGES.values() for text in texts]) < 0.04


def test_signs_of_modern_documents() -> None:
    """Trademarks, sections, currencies, units, powers and code."""
    assert errors(["© 2024 Firma® und Marke™", "§ 12 Abs. 3, Seite 7 † 1901", "Price: £12.50, €9 or $8"]) < 0.05
    assert errors(["Area: 25 m² of 3 km²", "if (x[i] != y) { return a + b; } // done", "20 °C ± 5 %"]) < 0.05


def test_addresses_have_no_spaces() -> None:
    """E-mail and web addresses, file names with underscores."""
    texts = ["info@example-firm.co.uk", "https://www.example.org/path/page.html?id=42", "max_muster@mail.de"]
    texts += ["report_final_v2.pdf", "C:\\Users\\anna\\notes.txt"]
    assert errors(texts) < 0.03


@pytest.mark.parametrize("face", FACES)
def test_strokes_are_counted(face: str) -> None:
    """Roman numerals and doubled letters have as many strokes as are seen."""
    texts = [
        "Kapitel XVIII und XXVIII",
        "Louis XIII. und Heinrich VIII.",
        "Chapter III, IV and VII",
        "Illinois hill bill will",
    ]
    assert errors(texts, face) < 0.03


def test_single_characters_invent_no_letters() -> None:
    """A dot is no letter, and short lines are read as what they are."""
    for sign in ".,:-":
        assert not any(map(str.isalpha, read(sign))), sign
    texts = ["?", "g", "x", "7", "No", "12", "a)", "OK", "..."]
    assert sum(read(text).replace("…", "...") == text for text in texts) >= 7


def test_small_print() -> None:
    """Letters of 8 pixels, as on screens."""
    texts = ["Settings are saved when you press the button", "Please enter your name and address below"]
    assert errors(texts, size=9) < 0.1


def test_other_scripts_are_told() -> None:
    """Words of Greek and Cyrillic come out as unknown, mostly, not as Latin nonsense that is sure of itself."""
    for text in ("Все люди рождаются свободными", "Όλοι οι άνθρωποι γεννιούνται"):
        result = reader().read(line(text), layout="line").lines[0].hypothesis
        assert "\ufffd" in result.text and sum(map(str.isalpha, result.text)) < 0.5 * len(text), result.text


def test_light_on_dark() -> None:
    """A line of light letters on a dark ground is read as its negative is."""
    text = "Dark mode is easier on the eyes"
    dark = Image.fromarray(255 - np.asarray(line(text)))
    assert reader().read(dark, layout="line").text == text
