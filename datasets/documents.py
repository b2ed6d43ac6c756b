"""synth:documents: lines of letters, invoices, tables, code, web pages, dialogs and forms in twenty languages.

A test set: only dev and test, in faces that `synth:lines` does not train with, spelled rightly and only slightly worn.
Kind and language go round with the number of the example, so that every pair of them is as frequent. Needs `wordfreq`
for more than a few words, and the fonts of `scripts/training_faces.sh` for more than a few faces.
"""

import io
from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from scriba.core.example import Example
from scriba.datasets.computing import address, code, dialog, file_name, row_of_text
from scriba.datasets.degrade import blur, compress, fade, grain, slope
from scriba.datasets.figures import cells, date, price
from scriba.datasets.fonts import Face, faces
from scriba.datasets.lines import fitted
from scriba.datasets.prose import sentence, word
from scriba.datasets.screen import render_screen
from scriba.datasets.synthetic import Recipe, chance, pick

LANGUAGES: tuple[str, ...] = ("en", "de", "fr", "es", "it", "pt", "nl", "sv", "da", "nb")
LANGUAGES += ("fi", "is", "pl", "cs", "sk", "hu", "ro", "tr", "lv", "lt")
WEAR = ((slope, 0.3), (blur, 0.25), (fade, 0.3), (grain, 0.2), (compress, 0.25))
"""What happens to a document on its way, with its probability: that of an office, not of centuries."""


def letter(rng: np.random.Generator, language: str) -> str:
    """Return a line of a letter."""
    return sentence(rng, language, misspelled_share=0) if chance(rng, 0.8) else f"{_title(rng, language)}, {date(rng)}"


def invoice(rng: np.random.Generator, language: str) -> str:
    """Return a line of an invoice."""
    label = _title(rng, language)
    return pick(rng, (f"{label} {cells(rng)} {price(rng)}", f"{label}: {price(rng)}", f"{label}: {date(rng)}"))


def form(rng: np.random.Generator, language: str) -> str:
    """Return a line of a form."""
    label, other = _title(rng, language), _title(rng, language)
    forms = (f"{label}: {sentence(rng, language, 0)}", f"[ ] {label} [x] {other}", f"{label} ..... {other} .....")
    return pick(
        rng, (*forms, f"{rng.integers(1, 40)}. {label}?", f"{label}* ({other.lower()})", f"☐ {label} ☐ {other}")
    )


def program(rng: np.random.Generator, language: str) -> str:
    """Return a line of a program, whose comments and strings are in the language."""
    if chance(rng, 0.7):
        return code(rng)
    return pick(rng, ("# ", "// ", "-- ", 'print("')) + sentence(rng, language, 0)


def web(rng: np.random.Generator, language: str) -> str:
    """Return a line of a web page."""
    makers = (lambda: sentence(rng, language, 0), lambda: dialog(rng, language), lambda: address(rng))
    return pick(rng, (*makers, lambda: f"{_title(rng, language)}: {file_name(rng)}"))()


def _title(rng: np.random.Generator, language: str) -> str:
    text = " ".join(word(rng, language) for _ in range(int(rng.integers(1, 4))))
    return text[:1].upper() + text[1:]


KINDS: Mapping[str, tuple[Callable[[np.random.Generator, str], str], float]] = {
    "letter": (letter, 0.0),
    "invoice": (invoice, 0.0),
    "table": (row_of_text, 0.1),
    "code": (program, 0.8),
    "web": (web, 0.9),
    "dialog": (dialog, 1.0),
    "form": (form, 0.2),
}
"""What makes a line of each kind, and how often it is seen on a screen."""


def make_example(id: str, rng: np.random.Generator, split: str) -> Example:
    """Render a line of a document; kind and language follow from the number at the end of the id."""
    number = int(id.rpartition("-")[2])
    kind, language = list(KINDS)[number % len(KINDS)], LANGUAGES[number // len(KINDS) % len(LANGUAGES)]
    make, seen_on_screen = KINDS[kind]
    choice = [face for face in faces(split) if not face.black_letter] or list(faces(split))
    typed = [face for face in choice if face.equal_widths]
    text = " ".join(make(rng, language).split())
    face, text = fitted(rng, typed if typed and kind == "code" and chance(rng, 0.7) else choice, text)
    image = render_screen(text, face, rng) if chance(rng, seen_on_screen) else _printed(text, face, rng)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return Example(id, buffer.getvalue(), text, {"font": face.family, "kind": kind, "language": language})


def _printed(text: str, face: Face, rng: np.random.Generator) -> Image.Image:
    """Set a line as an office prints it and scans or photographs it."""
    font = ImageFont.truetype(str(face.path), int(rng.integers(20, 50)))
    left, top, right, bottom = font.getbbox(text, anchor="ls")
    before, above, after, below = rng.integers(2, 12, 4)
    image = Image.new("L", (int(right - left + before + after), int(bottom - top + above + below)), 255)
    ImageDraw.Draw(image).text((before - left, above - top), text, fill=0, font=font, anchor="ls")
    for step, probability in WEAR:
        if chance(rng, probability):
            image = step(image, rng)
    return image


DOCUMENTS = Recipe("documents", "image", {"dev": 280, "test": 1400}, make_example)
