"""Texts, faces and figures that pages are set from."""

import base64
import io
import unicodedata
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from scriba.datasets.figures import date, price
from scriba.datasets.phrases import article
from scriba.datasets.prose import vocabulary
from scriba.datasets.synthetic import chance, pick

FACES = {
    "dev": "Liberation Serif, Liberation Sans, Carlito, Lato, EB Garamond, Linux Libertine O, Gentium, Open Sans",
    "test": "Caladea, TeX Gyre Schola, Nimbus Sans, Cantarell, Junicode Two Beta",
}
"""Families of a split; those of `test` are the ones that datasets/fonts.py holds back from training."""
EQUAL_WIDTHS = {"dev": "Liberation Mono, Courier Prime", "test": "DejaVu Sans Mono, FreeMono"}
COMMON = 3000
"""The most frequent words of a language, of which texts are made."""
VOWELS = "aeiouyáéíóúýěůäöüåøæœàèìòùâêîôûëïąęőűıãõ"


@dataclass
class Setter:
    """Draws what a page is made of.

    Attributes:
        rng: What it draws from.
        language: Code of the language of texts.
        split: Split whose faces are used.
        number: Number of the page among those of its kind.
    """

    rng: np.random.Generator
    language: str
    split: str
    number: int = 0

    def __post_init__(self) -> None:
        words = [w for w in vocabulary(self.language)[0][:COMMON] if w.isalpha() and latin(w)]
        self._words = [w for w in words if len(w) > 1 or w in "aàeéiouyväszkæå"]
        shares = (1.0 / np.arange(8, len(self._words) + 8)) ** 0.7
        self._ranks = shares.cumsum() / shares.sum()
        self.face = pick(self.rng, FACES[self.split].split(", "))
        self.typewriter = pick(self.rng, EQUAL_WIDTHS[self.split].split(", "))
        self.size = round(float(self.rng.uniform(13, 16.5)), 1)
        align = "justify" if chance(self.rng, 0.6) else "left"
        self.css = f"font:{self.size}px/{self.rng.uniform(1.2, 1.5):.2f} '{self.face}';text-align:{align};"

    def word(self) -> str:
        return self._words[int(np.searchsorted(self._ranks, self.rng.random()))]

    def words(self, least: int, most: int) -> str:
        """Return words as a heading has them, the first with a capital."""
        text = " ".join(self.word() for _ in range(int(self.rng.integers(least, most + 1))))
        return text[:1].upper() + text[1:]

    def name(self) -> str:
        return f"{self.words(1, 1)} {self.words(1, 1)}"

    def sentence(self) -> str:
        """Return 5 to 18 words with some commas, capitals, numbers and quotation marks."""
        words = [self.word() for _ in range(int(self.rng.integers(5, 19)))]
        nouns = 0.35 if self.language == "de" else 0.05
        for i in range(len(words)):
            if chance(self.rng, 0.015):
                words[i] = str(int(10 ** self.rng.uniform(0, 4)))
            elif i == 0 or chance(self.rng, nouns):
                words[i] = words[i][:1].upper() + words[i][1:]
            if i < len(words) - 1 and chance(self.rng, 0.1):
                words[i] += pick(self.rng, [",", ",", ",", ";", ":"])
            elif chance(self.rng, 0.02):
                words[i] = pick(self.rng, ["“{}”", "({})", "»{}«"]).format(words[i])
        return " ".join(words) + pick(self.rng, [".", ".", ".", ".", "?", "!"])

    def prose(self, words: int, hyphens: bool = True) -> str:
        """Return sentences of about so many words; `hyphens` lets long words be divided."""
        text = self.sentence()
        while text.count(" ") < words - 6:
            text += " " + self.sentence()
        return " ".join(divisible(word) for word in text.split(" ")) if hyphens else text

    def paragraphs(
        self, words: int, style: str = "margin:0;text-indent:1.4em", least: int = 35, most: int = 110
    ) -> str:
        """Return paragraphs of so many words together."""
        parts, count = [], 0
        while count < words:
            size = int(self.rng.integers(least, most))
            parts.append(f'<p data-t style="{style}">{self.prose(size)}</p>')
            count += size
        return "".join(parts)

    def price(self) -> str:
        return price(self.rng).replace("<", "")

    def date(self) -> str:
        return date(self.rng)

    def code(self) -> str:
        return article(self.rng)

    def figure(self, width: int, height: int, style: str = "", kind: str | None = None) -> str:
        """Return a picture in HTML: something like a photograph, a dithered one, a gradient or a plot."""
        kind = kind or pick(self.rng, ["photo", "dither", "gradient", "plot"])
        image = {"photo": photo, "dither": dither, "gradient": gradient, "plot": plot}[kind](self.rng, width, height)
        buffer = io.BytesIO()
        image.save(buffer, "PNG")
        data = base64.b64encode(buffer.getvalue()).decode()
        return f'<img src="data:image/png;base64,{data}" style="display:block;{style}" width={width} height={height}>'


def latin(word: str) -> bool:
    return all("LATIN" in unicodedata.name(letter, "") for letter in word)


def divisible(word: str) -> str:
    """Put soft hyphens into a long word, where a vowel meets a consonant and a vowel."""
    if len(word) < 7 or not word.isalpha():
        return word
    vowel = [letter.lower() in VOWELS for letter in word]
    places = [i for i in range(3, len(word) - 2) if vowel[i - 1] and not vowel[i] and vowel[i + 1]]
    return "".join("\u00ad" * (i in places) + letter for i, letter in enumerate(word))


def photo(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """Return smooth blobs of several sizes, in grey or in colours, with some sharp edges."""
    layers = 3 if chance(rng, 0.5) else 1
    total = np.zeros((height, width, layers), np.float32)
    for size in (width / 2, width / 6, width / 20, 3):
        for k in range(layers):
            rough = rng.normal(0, size**0.4, (int(height / size) + 2, int(width / size) + 2)).astype(np.float32)
            total[..., k] += np.asarray(Image.fromarray(rough).resize((width, height), Image.Resampling.BICUBIC))
    for _ in range(5):
        x, y = rng.integers(width), rng.integers(height)
        total[y : y + int(rng.integers(height)), x : x + int(rng.integers(width))] += rng.normal(0, total.std())
    return _stretched(total)


def dither(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """Return a picture in black and white dots, as newspapers print them."""
    return photo(rng, width, height).convert("L").convert("1").convert("L")


def gradient(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """Return a gradient between two colours, with a disc and bars."""
    start, end = rng.uniform(0, 255, 3), rng.uniform(0, 255, 3)
    share = np.linspace(0, 1, width)[None, :, None] * np.ones((height, 1, 1))
    image = _stretched(start + share * (end - start))
    draw = ImageDraw.Draw(image)
    draw.ellipse((width * 0.2, height * 0.2, width * 0.6, height * 0.7), fill=tuple(int(v) for v in end))
    for x in range(0, width, max(6, width // 12)):
        draw.rectangle((x, height * 0.85, x + width // 30, height), fill=tuple(int(v) for v in start))
    return image


def plot(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """Return a plot without labels: axes with ticks, curves, bars."""
    image = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(image)
    draw.line((12, 6, 12, height - 12, width - 4, height - 12), fill="black", width=1)
    for x in range(12, width, 20):
        draw.line((x, height - 12, x, height - 8), fill="black")
        if chance(rng, 0.5):
            draw.rectangle((x + 4, height - 12 - rng.uniform(5, height * 0.6), x + 13, height - 12), fill="#99b")
    for colour in ("#b22", "#272", "#22b")[: int(rng.integers(1, 4))]:
        ys = height / 2 + np.cumsum(rng.normal(0, height / 25, width // 4))
        points = [(12 + 4 * i, float(np.clip(y, 4, height - 14))) for i, y in enumerate(ys)]
        draw.line(points, fill=colour, width=2)
    return image


def _stretched(values: NDArray[np.floating]) -> Image.Image:
    low, high = np.percentile(values, [1, 99])
    pixels = np.clip((values - low) / (high - low + 1e-9) * 255, 0, 255).astype(np.uint8)
    return Image.fromarray(pixels if pixels.shape[2] == 3 else pixels[..., 0]).convert("RGB")
