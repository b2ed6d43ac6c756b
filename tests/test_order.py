"""Rows and reading order: letters, lists beside text, cells, and notes and numbers in the margin."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import ImageDraw, ImageFont
from printed import assert_at, paper, places_of, set_text

from scriba.ocr.gutters import find_gutters
from scriba.ocr.order import Print, rows_of_cells, rows_of_words
from scriba.ocr.page import find_lines


def test_a_date_beside_the_gap_below_an_address_is_read_there() -> None:
    """A single line is read at its height, although the column on its left goes on below."""
    image = paper()
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(20)
    places = [(60, 60), (60, 88), (60, 116), (700, 180), (60, 240), (60, 300)]
    for (x, y), text in zip(
        places, ("Gypsum Works", "Old Street 9", "Harrow", "14 July 1995", "Sirs,", ""), strict=True
    ):
        draw.text((x, y), text, fill=0, font=font)
    places[5:] = set_text(image, (60, 300), 780, 5)
    assert_at(find_lines(np.asarray(image)), places)


@pytest.mark.parametrize(("left", "size"), [(441, 8.0), (416, 16.0)])
def test_pieces_of_one_line_join(left: int, size: float) -> None:
    """A quoted word, half of whose letters are quotation marks and small; and the second half of a broken letter."""
    boxes = np.array([(95, 127, 426, 150), (left, 126, 900, 147)])
    runs = Print(boxes, np.array([16.0, size]), np.zeros((0, 4), np.int64))
    gutters = find_gutters(boxes, np.zeros((0, 4), np.int64), (300, 1000), 16.0)
    assert np.ptp(rows_of_words(runs, gutters)) == 0


def test_a_list_beside_running_text_is_no_column_of_its_table() -> None:
    """Items whose heights have nothing to do with those of the lines on their right stay by themselves."""
    image = paper()
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(18)
    items = [(30, 62 + 33 * i) for i in range(7)]
    for place in items:
        draw.text(place, "Gypsum", fill=0, font=font)
    places = items + set_text(image, (300, 60), 640, 10, 18)
    assert_at(find_lines(np.asarray(image)), places, 18)


def test_cells_of_a_row_that_has_more_of_them() -> None:
    """A label over a value in each cell; the last row is divided once more, and its cells are read one by one."""
    image = paper(900, 400)
    draw, small, font = ImageDraw.Draw(image), ImageFont.load_default(13), ImageFont.load_default(20)
    places = []
    for row, edges in enumerate(((40, 440), (40, 440), (40, 300, 580))):
        for x, right in zip(edges, (*edges[1:], 860), strict=True):
            draw.rectangle((x, 40 + 60 * row, right, 100 + 60 * row), outline=0, width=2)
            draw.text((x + 12, 46 + 60 * row), "Label of it", fill=0, font=small)
            draw.text((x + 12, 68 + 60 * row), "Gypsum old", fill=0, font=font)
            places += [(x + 12, 46 + 60 * row), (x + 12, 68 + 60 * row)]
    assert_at(find_lines(np.asarray(image)), places)


def test_a_note_of_two_lines_beside_the_first_lines_of_a_page() -> None:
    """A note as near as a wide space, in smaller letters, joins no line of the text."""
    image = paper()
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(15)
    for y, text in ((62, "judges of every old city"), (84, "hold that")):
        draw.text((40, y), text, fill=0, font=font)
    places = set_text(image, (250, 60), 690, 12)
    assert_at(find_lines(np.asarray(image)), [(40, 62), (40, 84), *places])


def test_margin_notes_join_no_line_of_the_text() -> None:
    """Short notes beside the first lines of paragraphs are lines of their own."""
    image = paper(1000, 900)
    for y in (50, 250, 450):
        set_text(image, (260, y), 680, 5, seed=y)
        ImageDraw.Draw(image).text((40, y + 4), "note of old gypsum", fill=0, font=ImageFont.load_default(16))
    found = places_of(find_lines(np.asarray(image)))
    assert sum(x < 80 for x, _ in found) == 3 and sum(abs(x - 260) < 8 for x, _ in found) == 15


def test_numbers_of_lines_stay_with_them() -> None:
    """A column of numbers beside wide lines that begin in one column is no column of notes."""
    image = paper(1000, 500)
    for i, (x, y) in enumerate(set_text(image, (120, 50), 780, 12)):
        ImageDraw.Draw(image).text((x - 70, y), str(i + 1), fill=0, font=ImageFont.load_default(20))
    assert [line.box.left < 80 for line in find_lines(np.asarray(image))] == [True] * 12


def test_rows_of_short_words_in_tall_letters_are_rows_of_the_table() -> None:
    """Most letters of a short label are tall, as its accents join them; its cell stands in the same column."""
    boxes, sizes = [], []
    for row in range(8):
        size = (11, 21)[row % 2]
        boxes += [(60, 40 + 38 * row, 60 + 9 * size, 61 + 38 * row), (580, 43 + 38 * row, 624, 58 + 38 * row)]
        sizes += [float(size), 15.0]
    runs = Print(np.array(boxes), np.array(sizes), np.zeros((0, 4), np.int64))
    gutters = find_gutters(runs.boxes, np.zeros((0, 4), np.int64), (400, 1000), 15.0)
    assert rows_of_cells(runs, gutters).tolist() == [row for row in range(8) for _ in range(2)]
