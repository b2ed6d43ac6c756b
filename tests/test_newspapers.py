"""Old newspapers: mastheads above full rules, thick and bent rules, stems that touch, and dirty scans."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from scriba.ocr.page import find_lines
from scriba.ocr.rules import find_rules

TEXT = "the quick brown fox jumped over it lazily dogged judges of gypsum in every old city hold that book"
WORDS = TEXT.split(" ")
SIZE = 20


def set_column(image: Image.Image, place: tuple[int, int], width: int, count: int, seed: int) -> list[tuple[int, int]]:
    """Set justified lines; returns where they begin."""
    draw, font, rng = ImageDraw.Draw(image), ImageFont.load_default(SIZE), np.random.default_rng(seed)
    places = []
    for i in range(count):
        words = [str(rng.choice(WORDS))]
        while sum(map(font.getlength, words)) + len(words) * 0.3 * SIZE < width:
            words.append(str(rng.choice(WORDS)))
        words.pop()
        at, y = float(place[0]), place[1] + 28 * i
        for word in words:
            draw.text((at, y), word, fill=0, font=font)
            at += font.getlength(word) + (width - sum(map(font.getlength, words))) / (len(words) - 1)
        places.append((place[0], y))
    return places


def assert_in_order(image: Image.Image, places: list[tuple[int, int]]) -> None:
    boxes = [line.box for line in find_lines(np.asarray(image))]
    assert len(boxes) == len(places), boxes
    for box, (x, y) in zip(boxes, places, strict=True):
        assert abs(box.left - x) < 20 and -8 < box.top - y < 20, (box, x, y)


def assert_two_columns(image: Image.Image, places: list[tuple[int, int]], middle: int) -> None:
    """The lines are whole and in order; blots that remain are left to the confidence of the reader."""
    boxes = [box for line in find_lines(np.asarray(image)) if (box := line.box).width > 200]
    assert len(boxes) == len(places)
    assert all(box.right < middle + 15 for box in boxes[:20]) and all(box.left > middle - 15 for box in boxes[20:])


@pytest.mark.parametrize("thickness", [2, 9])
def test_what_stands_above_a_full_rule_is_read(thickness: int) -> None:
    """A rule across the page, well below its edge, is no border of the sheet: the masthead above it counts."""
    image = Image.new("L", (1000, 1000), 255)
    draw = ImageDraw.Draw(image)
    draw.text((60, 50), "Daily Courier", fill=0, font=ImageFont.load_default(60))
    draw.line([(20, 150), (980, 150)], fill=0, width=thickness)
    places = [(60, 60)]
    for x in (50, 515):
        places += set_column(image, (x, 180), 435, 20, seed=x)
    assert_in_order(image, places)


def test_a_thick_bent_rule_parts_articles() -> None:
    """Columns above a rule are read before those below, also where it is thick and bends with the paper."""
    image = Image.new("L", (1000, 1100), 255)
    draw, places = ImageDraw.Draw(image), []
    for x in (50, 515):
        places += set_column(image, (x, 40), 435, 14, seed=x)
    for x in range(40, 960):
        draw.line([(x, 462 + 6 * np.sin(x / 250)), (x, 470 + 6 * np.sin(x / 250))], fill=0)
    for x in (50, 515):
        places += set_column(image, (x, 500), 435, 14, seed=x + 1)
    assert_in_order(image, places)


def test_letters_that_touch_those_below_join_no_columns() -> None:
    """A stem that reaches into the next line is as tall as a headline, but the gutter beside it is one all the same."""
    image = Image.new("L", (1000, 700), 255)
    draw, places = ImageDraw.Draw(image), []
    for x in (50, 509):
        places += set_column(image, (x, 40), 441, 20, seed=x)
    for y in (100, 240, 380):
        draw.line([(510, y), (510, y + 45)], fill=0, width=3)
    assert_two_columns(image, places, 500)


def test_dirt_fills_no_gutter() -> None:
    """Specks, hairs and blots of a worn scan lie in the gutter and the margins, and the columns stay two."""
    image = Image.new("L", (1000, 700), 255)
    draw, rng = ImageDraw.Draw(image), np.random.default_rng(1)
    places = []
    for x in (50, 514):
        places += set_column(image, (x, 40), 436, 20, seed=x)
    for _ in range(1500):
        x, y = rng.uniform(0, 1000), rng.uniform(0, 700)
        dx, dy = rng.normal(0, 3, 2)
        draw.line([(x, y), (x + dx, y + dy)], fill=0, width=1)
    assert_two_columns(image, places, 497)


def test_feet_and_stems_of_letters_are_no_rules() -> None:
    """Serifs that have run together, and stems one above the other, have strokes on them; rules of tables have not."""
    ink = np.zeros((200, 400), np.bool_)
    ink[100:102, 50:150] = True
    ink[80:100, 50:150:4] = True
    ink[80:100, 51:151:4] = True
    assert not len(find_rules(ink, 20).level)
    ink[:] = False
    ink[100:102, 50:150] = True
    ink[80:100, 50:52] = ink[80:100, 148:150] = True
    assert len(find_rules(ink, 20).level) == 1
