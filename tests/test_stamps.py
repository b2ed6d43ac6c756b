"""Coloured stamps over print are taken off; coloured words, links, pictures and forms stay as they are."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFont
from printed import paper, set_text

from scriba.ocr.image import to_grey
from scriba.ocr.page import find_lines

PAPER = (244, 236, 220)


def printed_page() -> Image.Image:
    """Return a page of black print on yellowish paper, about as dense as a letter."""
    image = paper(1000, 1200)
    set_text(image, (80, 80), 840, 34)
    return ImageChops.multiply(image.convert("RGB"), Image.new("RGB", image.size, PAPER))


def test_what_a_stamp_covers_is_read() -> None:
    """Under a red and a blue stamp, turned, the page is as it was without them, and its lines are whole."""
    page = printed_page()
    stamp = Image.new("RGB", page.size, "white")
    draw = ImageDraw.Draw(stamp)
    for x, y, colour in ((250, 240, (222, 130, 130)), (500, 700, (150, 175, 215))):
        draw.rounded_rectangle((x, y, x + 250, y + 110), 12, outline=colour, width=6)
        draw.text((x + 24, y + 26), "PAID 17", fill=colour, font=ImageFont.load_default(52))
    stamped = ImageChops.multiply(page, stamp.rotate(9, fillcolor="white"))
    plain, found = to_grey(page, "page"), to_grey(stamped, "page")
    brightness = np.asarray(stamped.convert("L")).astype(float)
    left = np.abs(found - plain.astype(float)) > 40
    assert left.sum() < 0.1 * (np.abs(brightness - plain) > 40).sum()
    expected = [(line.box.left, line.box.right) for line in find_lines(plain)]
    assert [(line.box.left, line.box.right) for line in find_lines(found)] == expected and len(expected) == 34


def test_coloured_words_stay() -> None:
    """A blue heading, red words within lines, and a form of coloured rules around black print are no stamps."""
    page = printed_page()
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(20)
    draw.rectangle((80, 20, 920, 60), fill=PAPER)
    draw.text((80, 20), "A heading in blue ink", fill=(40, 60, 190), font=ImageFont.load_default(36))
    for row in (3, 4, 5, 9):
        draw.rectangle((300, 78 + 28 * row, 480, 104 + 28 * row), fill=PAPER)
        draw.text((310, 80 + 28 * row), "words in red ink", fill=(190, 40, 40), font=font)
    draw.rectangle((70, 70, 930, 1040), outline=(30, 140, 60), width=3)
    assert (to_grey(page, "page") == np.asarray(page.convert("L"))).all()


def test_pictures_and_lines_stay() -> None:
    """What fills its box is a picture, and on a picture of a line nothing is looked for."""
    page = printed_page()
    noise = np.random.default_rng(0).integers(0, 255, (30, 40, 3), np.uint8)
    page.paste(Image.fromarray(noise).resize((300, 220)), (300, 400))
    assert (to_grey(page, "page") == np.asarray(page.convert("L"))).all()
    line = page.crop((0, 70, 1000, 110))
    assert (to_grey(line, "line") == np.asarray(line.convert("L"))).all()
