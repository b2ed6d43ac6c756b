"""From pages to lines: columns, tables, rules, headings, bands, pictures, noise, light print and turned pages."""

from __future__ import annotations

import time

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from printed import WORDS, assert_at, paper, set_text
from scipy import ndimage

from scriba.core.search import Hypothesis, TextSpan
from scriba.ocr.cut import fall_of
from scriba.ocr.image import Grey, to_grey
from scriba.ocr.line import text_box
from scriba.ocr.page import find_lines, upright, upright_lines
from scriba.ocr.reader import Page, is_print
from scriba.ocr.turn import turned, upside_down


@pytest.mark.parametrize(("count", "gutter", "size"), [(2, 24, 20), (3, 28, 18), (4, 24, 16), (6, 20, 12)])
def test_columns_of_justified_text(count: int, gutter: int, size: int) -> None:
    """Narrow gutters part columns, wide gaps between justified words do not."""
    image, places = paper(), []
    width = (900 - (count - 1) * gutter) // count
    for i in range(count):
        places += set_text(image, (50 + i * (width + gutter), 50), width, 20, size, seed=i)
    assert_at(find_lines(np.asarray(image)), places, size)


def test_headings_part_columns_and_rules_are_barriers() -> None:
    """A headline of five times the size, columns with an upright rule, a wide block, and columns of other widths."""
    image = paper(1000, 1100)
    draw = ImageDraw.Draw(image)
    draw.text((50, 20), "Big headline", fill=0, font=ImageFont.load_default(90))
    places = [(50, 40)]
    for x in (50, 512):
        places += set_text(image, (x, 160), 438, 10, 18, seed=x)
    draw.line([(500, 150), (500, 420)], fill=0, width=2)
    places += set_text(image, (50, 460), 900, 4, 22)
    for x in (50, 360, 670):
        places += set_text(image, (x, 620), 280, 12, 16, seed=x)
    lines = find_lines(np.asarray(image))
    assert lines[0].box.height > 60
    assert_at(lines[1:], places[1:])


@pytest.mark.parametrize("ruled", [False, True])
def test_tables_are_read_row_by_row(ruled: bool) -> None:
    """Rules are taken out of the picture of a row, which holds all of its cells."""
    image = paper(900, 500)
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(20)
    for row in range(8):
        for x, text in ((60, WORDS[row + 4].title()), (400, str(7 * row + 11)), (600, f"{row}.{3 * row + 10}")):
            draw.text((x, 40 + 40 * row), text, fill=0, font=font)
    bare = find_lines(np.asarray(image))
    if ruled:
        for y in range(32, 360, 40):
            draw.line([(40, y), (800, y)], fill=0, width=2)
        for x in (40, 380, 580, 800):
            draw.line([(x, 32), (x, 352)], fill=0, width=2)
    lines = find_lines(np.asarray(image))
    assert [line.box.top // 40 for line in lines] == list(range(1, 9))
    for line, other in zip(lines, bare, strict=True):
        assert abs(int((line.pixels < 128).sum()) - int((other.pixels < 128).sum())) < 30, "a rule is left, or ink lost"


@pytest.mark.parametrize("row", [-1, 3, 9])
def test_underlines_and_strikes_are_taken_out(row: int) -> None:
    """A rule that touches or crosses letters costs them hardly any ink."""
    image = paper(900, 400)
    places = set_text(image, (60, 50), 780, 6, 24)
    bare = find_lines(np.asarray(image))
    for x, y in places:
        ImageDraw.Draw(image).line([(x, y + 24 - row), (x + 780, y + 24 - row)], fill=0, width=2)
    for line, other in zip(find_lines(np.asarray(image)), bare, strict=True):
        inks = [int((one.pixels < 128).sum()) for one in (line, other)]
        assert abs(inks[0] - inks[1]) < 0.15 * inks[1]
        assert abs(line.box.height - other.box.height) < 8


def test_a_light_heading_in_a_dark_band() -> None:
    """The picture of the heading is dark on light, and the band is no ink."""
    image = paper(900, 400)
    ImageDraw.Draw(image).rectangle((40, 40, 860, 100), fill=20)
    ImageDraw.Draw(image).text((60, 50), "Heading in a band", fill=255, font=ImageFont.load_default(34))
    places = set_text(image, (50, 130), 780, 6)
    lines = find_lines(np.asarray(image))
    assert_at(lines[1:], places)
    assert (lines[0].pixels < 128).mean() < 0.4 and 20 < lines[0].box.height < 45


@pytest.mark.parametrize("kind", ["blank", "gauss", "salt", "specks", "few"])
def test_noise_is_no_print(kind: str) -> None:
    """Nothing is found, in seconds."""
    rng = np.random.default_rng(0)
    share = {"salt": 0.03, "specks": 0.001, "few": 0.00002}.get(kind, 0.0)
    page = np.where(rng.random((1700, 1200)) < share, 0, 255)
    if kind == "gauss":
        page = (128 + 40 * rng.standard_normal(page.shape)).clip(0, 255)
    start = time.perf_counter()
    assert find_lines(page.astype(np.uint8)) == []
    assert time.perf_counter() - start < 10


def test_pictures_are_skipped_and_columns_beside_them_stay() -> None:
    """What is in a picture joins no line of the column beside it."""
    image = paper(1000, 900)
    noise = ndimage.gaussian_filter(np.random.default_rng(0).standard_normal((400, 450)), 6)
    image.paste(Image.fromarray((128 + 60 * noise / noise.std()).clip(0, 255).astype(np.uint8)), (520, 200))
    places = set_text(image, (50, 50), 430, 28)
    places += set_text(image, (520, 50), 450, 4, seed=1)
    found = find_lines(np.asarray(image))
    left = [line for line in found if line.box.left < 500]
    assert_at(left, places[:28])
    assert all(line.box.right < 500 for line in left)


@pytest.mark.parametrize("edge", ["border", "facing"])
def test_what_lies_beyond_the_sheet_is_left_out(edge: str) -> None:
    """Black borders of a scan, and a fold with the beginning of the next page."""
    image = paper(1000, 800)
    if edge == "border":
        ImageDraw.Draw(image).rectangle((0, 0, 999, 799), outline=10, width=40)
    else:
        ImageDraw.Draw(image).rectangle((900, 0, 912, 799), fill=30)
        set_text(image, (930, 60), 200, 20)
    places = set_text(image, (100, 100), 700, 12)
    assert_at(find_lines(np.asarray(image)), places)


@pytest.mark.parametrize("angle", [-15, 8, 90, 270])
def test_turned_pages_are_level_again(angle: int) -> None:
    """Skew, and a quarter either way (of which one leaves the page on its head); places lead back to the picture."""
    image = paper(900, 700)
    set_text(image, (100, 80), 700, 14)
    given = np.asarray(image.rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=255))
    page, lines, by = upright_lines(given)
    assert len(lines) == 14 and all(line.box.height < 30 for line in lines)
    assert by == pytest.approx({90: 90}.get(angle, 90 if angle == 270 else -angle), abs=0.2)
    box = lines[0].box
    x, y = Page("x", 1, page.shape[1], page.shape[0], by, given=given.shape[::-1]).place_in_given(box.left, box.top)
    assert (given[max(0, int(y)) : int(y) + 24, max(0, int(x) - 24) : int(x) + 24] < 128).any()


def test_pages_on_their_heads_are_told_by_ascenders_or_by_reading() -> None:
    image = paper(900, 300)
    set_text(image, (60, 40), 780, 5, 24)
    lines = [line.pixels for line in find_lines(np.asarray(image))]
    tall = np.full((60, 300), 255, np.uint8)
    tall[20:40, 10:290:4] = tall[5:20, 10:290:20] = 0
    assert not upside_down([tall], lambda _: pytest.fail("ascenders have told it"))
    over = [np.ascontiguousarray(line[::-1, ::-1]) for line in lines]
    sure = iter((0.3, 0.9))
    assert upside_down(over, lambda _: next(sure))
    assert not upside_down(over, lambda _: 0.95), "what is read well stands upright"


def test_bent_lines_are_straightened() -> None:
    """Lines that sink by more than their height, as near the fold of a book, are as high as level ones."""
    image = paper(1000, 500)
    set_text(image, (60, 60), 880, 8)
    rows, columns = np.mgrid[0:500, 0:1000].astype(float)
    bent = ndimage.map_coordinates(
        np.asarray(image, float), [rows - 25 * np.exp(-columns / 200), columns], order=1, mode="nearest"
    )
    lines = find_lines(bent.clip(0, 255).astype(np.uint8))
    assert len(lines) == 8
    assert all(line.pixels.shape[0] < 45 for line in lines)


def test_a_flash_with_dark_corners() -> None:
    image = paper(1000, 800)
    places = set_text(image, (100, 80), 800, 20)
    rows, columns = np.mgrid[0:800, 0:1000]
    light = np.clip(1.2 - np.hypot(rows - 400, columns - 500) / 800, 0.1, 1)
    found = find_lines((np.asarray(image) * light).astype(np.uint8))
    assert_at([line for line in found if 90 < line.box.left < 110 and line.box.width < 820], places)


@pytest.mark.parametrize(
    ("ink", "ground"),
    [((230, 230, 230), (255, 255, 255)), ((255, 240, 0), (255, 255, 255)), ((200, 0, 0), (0, 102, 0))],
    ids=["light grey", "yellow on white", "red on green of the same brightness"],
)
def test_print_is_seen_whatever_its_colour(ink: tuple[int, int, int], ground: tuple[int, int, int]) -> None:
    mask = paper(700, 300)
    places = set_text(mask, (60, 40), 580, 8)
    image = Image.composite(Image.new("RGB", mask.size, ground), Image.new("RGB", mask.size, ink), mask)
    assert_at(find_lines(to_grey(image, "x")), places)


def test_light_print_on_a_transparent_ground() -> None:
    mask = paper(700, 300)
    places = set_text(mask, (60, 40), 580, 8)
    image = Image.new("RGBA", mask.size, (255, 255, 255, 0))
    image.putalpha(mask.point(lambda v: 255 - v))
    assert_at(find_lines(to_grey(image, "x")), places)


def test_brightness_is_grey_where_it_shows_the_print() -> None:
    """Black print with a little colour is converted as ever."""
    image = paper(400, 200)
    set_text(image, (30, 30), 340, 5)
    coloured = image.convert("RGB")
    ImageDraw.Draw(coloured).rectangle((300, 150, 380, 190), fill=(200, 30, 30))
    assert np.array_equal(to_grey(coloured, "x"), np.asarray(coloured.convert("L")))


def test_specks_do_not_stretch_a_line() -> None:
    """A speck far above has no say in the height; the dot of an i and a descender have."""
    dark = np.zeros((100, 200), np.bool_)
    dark[40:60, 20:180:6] = True
    dark[34:37, 50:53] = True  # a dot
    dark[60:66, 80:83] = True  # a descender
    alone = text_box(dark, 0.0)
    dark[3:5, 100:102] = True
    assert text_box(dark, 0.0) == alone == (34, 66, 20, 177)


def test_lines_without_confidence_are_no_print() -> None:
    def said(text: str, confidence: float) -> Hypothesis:
        return Hypothesis(text, 0.0, {}, (), (TextSpan(text, confidence),))

    assert is_print(said("an ordinary line of print", 0.6), 0.4) and is_print(said("17", 0.95), 0.4)
    assert not is_print(said("RAd N ly 4 w.m", 0.3), 0.4) and not is_print(said("e", 0.6), 0.4)
    assert not is_print(said("", 0.0), 0.4) and is_print(said("", 0.0), 0.0)
    assert not is_print(said("* . . 4", 0.8), 0.4) and not is_print(said("*.", 0.99), 0.4)
    assert not is_print(said("4 * . ..", 0.8), 0.4) and is_print(said("- 17 -", 0.8), 0.4)
    assert is_print(said("* * *", 0.95), 0.4) and is_print(said("* .", 0.1), 0.0)


def test_a_large_page_is_laid_out_at_once() -> None:
    """Fifty lines at 300 dots per inch: time grows with the print, not with its square."""
    image = paper(2480, 3508)
    set_text(image, (200, 150), 2000, 50, 44)
    page: Grey = np.asarray(image)
    start = time.perf_counter()
    level, lines, angle = upright_lines(page)
    assert len(lines) == 50 and angle == 0 and level is page
    assert time.perf_counter() - start < 8
    assert upright(page)[0] is page and turned(page, 180.0).shape == page.shape


def test_shadows_and_the_grain_of_paper_are_no_print() -> None:
    """Blots of a twentieth of the contrast of print, soft at their edges, join no line and make none."""
    rng, image = np.random.default_rng(0), paper(900, 900)
    places = set_text(image, (200, 250), 500, 14)
    blots = ndimage.gaussian_filter(rng.standard_normal((900, 900)), 7)
    page = np.asarray(image) * 0.8 - 12 * (blots / blots.std() > 1) + 2 * rng.standard_normal((900, 900))
    lines = find_lines(ndimage.gaussian_filter(page, 1).clip(0, 255).astype(np.uint8))
    assert_at(lines, places)
    assert all(line.box.left > 190 and line.box.right < 710 for line in lines)


def test_light_bands_on_a_dark_page() -> None:
    """Bands from side to side, of light print on dark and of dark print on light, are all read, few letters, too."""
    image = Image.new("L", (900, 1000), 30)
    places = set_text(image, (60, 40), 780, 7, fill=250)
    ImageDraw.Draw(image).rectangle((0, 300, 900, 560), fill=250)
    places += set_text(image, (60, 330), 780, 6, seed=1)
    ImageDraw.Draw(image).rectangle((0, 560, 900, 620), fill=90)
    ImageDraw.Draw(image).text((60, 575), "Menu", fill=250, font=ImageFont.load_default(20))
    places += [(60, 575), *set_text(image, (60, 700), 780, 7, fill=250, seed=2)]
    for page in (np.asarray(image), 255 - np.asarray(image)):
        lines = find_lines(page)
        assert_at(lines, places)
        assert all((line.pixels < 128).mean() < 0.5 for line in lines)


def test_a_window_on_a_dark_screen() -> None:
    """Dark print on a light window is not inverted with the screen around it."""
    image = Image.new("L", (900, 700), 120)
    ImageDraw.Draw(image).rectangle((200, 150, 700, 500), fill=245, outline=60)
    places = set_text(image, (230, 180), 440, 8)
    assert_at(find_lines(np.asarray(image)), places)


def test_the_title_of_a_window_on_a_grey_screen() -> None:
    """Light print in a dark bar that goes over into the ground around the window is print, too."""
    image = Image.new("L", (900, 500), 127)
    draw = ImageDraw.Draw(image)
    draw.rectangle((150, 80, 750, 420), fill=243, outline=90)
    draw.rectangle((151, 81, 749, 120), fill=100)
    draw.text((170, 88), "Save changes", fill=255, font=ImageFont.load_default(20))
    places = [(170, 90), *set_text(image, (170, 150), 500, 4)]
    assert_at(find_lines(np.asarray(image)), places)


def test_a_line_that_ends_in_tails_is_not_bent() -> None:
    """Letters with tails at one end of a short line are no fall of its baseline; a line that falls is straightened."""
    at = np.arange(19) * 20
    level = np.column_stack([at, np.full(19, 10), at + 14, np.full(19, 40)])
    level[-2:, 3] = 50
    columns = np.arange(0, 380)
    assert not fall_of(level, 20.0, columns).any()
    falling = level + np.column_stack([np.zeros(19), at // 10, np.zeros(19), at // 10]).astype(int)
    assert np.ptp(fall_of(falling, 20.0, columns)) > 25
