"""Font files found on this machine, and what each can draw.

Looked for: the fonts that come with matplotlib, the system's, and files in the folders named by SCRIBA_FONTS
(separated like PATH). ttf, otf, woff and woff2 are opened.
"""

import hashlib
import logging
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fontTools.ttLib import TTFont, TTLibError
from PIL import ImageFont

NEEDED = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,-"
"""Characters without which a font is not one of Latin text."""
UNFIT: tuple[str, ...] = ("symbol", "dingbat", "emoji", "math", "music", "icon", "barcode", "lastresort", "nonuni")
UNFIT += ("cmsy", "cmmi", "cmex", "cmb10", "cmr10", "cmss10", "cmtt10", "stixsiz", "opens___", "standardsymbols")
UNFIT += (
    "d050000l",
    "junicode-exp",
    "biolinum_k",
    "fsex300",
    "smallcaps",
    "allsc",
    "garamondsc",
    "romancaps",
    "monocaps",
)
"""Parts of the names of fonts that draw something else than what the text says."""
STYLE = re.compile(r" (Thin|(Extra|Ultra|Semi|Demi)?-?(Light|Bold|Condensed)|Cond|Cn|Narrow|Medium|Black|\d+pt)\b.*")
"""What follows the family in the name of one of its faces."""
BLACK_LETTER = ("fraktur", "pirata", "gotisch", "rocker", "jacquard", "blankenburg", "gamaliel", "jessen")
HELD_OUT = {"test": (0.0, 0.08), "dev": (0.08, 0.12)}
"""Ranks of the families that only this split uses; all others are for training."""


@dataclass(frozen=True)
class Face:
    """A font file, the family that keeps its faces in one split, and the code points that it draws.

    `black_letter` is a Fraktur or another broken letter; `equal_widths` are those of a typewriter.
    """

    path: Path
    family: str
    characters: frozenset[int]
    black_letter: bool
    equal_widths: bool

    def draws(self, text: str) -> bool:
        """Tell whether every character of the text has a glyph of its own."""
        return all(ord(character) in self.characters for character in text)


@cache
def faces(split: str) -> tuple[Face, ...]:
    """Return the usable faces of a split, in an order that does not depend on where they lie."""
    found = {face.path.name: face for path in font_files() if (face := read_face(path)) is not None}
    rest = names = sorted({face.family for face in found.values()}, key=_rank)
    held_out: dict[str, list[str]] = {}
    for name, (low, high) in HELD_OUT.items():
        held_out[name] = [n for n in rest if low <= _rank(n) < high] or rest[:1]
        rest = [n for n in rest if n not in held_out[name]]
    chosen = held_out.get(split) or rest or names
    return tuple(found[name] for name in sorted(found) if found[name].family in chosen)


def _rank(family: str) -> float:
    """Return a number in [0, 1) that depends on nothing but the name."""
    return int(hashlib.sha256(family.encode()).hexdigest()[:8], 16) / 2**32


def font_files() -> Sequence[Path]:
    """Return the files of all fonts that can be found."""
    import matplotlib.font_manager  # slow to import

    folders = [Path(matplotlib.get_data_path()) / "fonts" / "ttf"]
    folders += [Path(name) for name in os.environ.get("SCRIBA_FONTS", "").split(os.pathsep) if name]
    found = {
        *map(Path, matplotlib.font_manager.findSystemFonts()),
        *(path for folder in folders for path in folder.rglob("*")),
    }
    return sorted(path for path in found if path.suffix.lower() in (".ttf", ".otf", ".woff", ".woff2"))


@cache
def read_face(path: Path) -> Face | None:
    """Read a font's coverage; None if it is damaged, or not one of Latin text."""
    if any(part in path.name.lower() for part in UNFIT):
        return None
    logging.getLogger("fontTools").setLevel(logging.ERROR)
    try:
        with TTFont(path, lazy=True, fontNumber=0) as font:
            family = STYLE.sub("", str(font["name"].getBestFamilyName() or path.stem))
            font.setGlyphOrder([str(number) for number in range(font["maxp"].numGlyphs)])  # reading names takes long
            characters = frozenset(font.getBestCmap() or {})
        drawn = ImageFont.truetype(str(path), 32)
        widths = {drawn.getlength(letter) for letter in "ilmW.1"}
    except (TTLibError, OSError, KeyError, ValueError, AttributeError, ImportError, AssertionError):
        return None
    black = any(part in f"{family} {path.name}".lower() for part in BLACK_LETTER)
    face = Face(path, family, characters, black, equal_widths=len(widths) == 1)
    return face if face.draws(NEEDED) else None
