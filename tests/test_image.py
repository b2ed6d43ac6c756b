"""Pictures of every kind are read or refused with one sentence, and lines are prepared alike whatever their colours."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from media import file_of, print_line
from PIL import Image

from scriba.core.errors import InputError
from scriba.ocr.image import read_grey, read_pages
from scriba.ocr.line import LineConfig, deslanted, prepare_line

CONFIG = LineConfig()


def ink(data: bytes) -> np.ndarray:
    return prepare_line(read_grey(data, "x"), CONFIG, "x").ink_WF


def rgba(image: Image.Image) -> Image.Image:
    """The same print as black ink of varying opacity on nothing."""
    result = Image.new("RGBA", image.size, (0, 0, 0, 0))
    result.putalpha(image.point(lambda v: 255 - v))
    return result


VARIANTS = {
    "grey": lambda i: file_of(i),
    "bilevel": lambda i: file_of(i.convert("1")),
    "RGB": lambda i: file_of(i.convert("RGB")),
    "palette": lambda i: file_of(i.convert("P")),
    "RGBA": lambda i: file_of(rgba(i)),
    "CMYK": lambda i: file_of(i.convert("CMYK"), "JPEG", quality=95),
    "16 bit": lambda i: file_of(Image.fromarray(np.asarray(i, np.uint16) * 257)),
    "12 of 16 bit": lambda i: file_of(Image.fromarray(np.asarray(i, np.uint16) * 16)),
    "float": lambda i: file_of(Image.fromarray(np.asarray(i, np.float32) / 255), "TIFF"),
    "inverted": lambda i: file_of(i.point(lambda v: 255 - v)),
    "faint": lambda i: file_of(i.point(lambda v: 180 + v // 6)),
    "rotated by EXIF": lambda i: file_of(i.rotate(90, expand=True), "JPEG", quality=95, exif=exif(6)),
    "animated": lambda i: file_of(i, "GIF", save_all=True, append_images=[Image.new("L", i.size, 255)]),
    "WebP": lambda i: file_of(i, "WEBP", lossless=True),
}


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_mode_gives_the_same_line(variant: str) -> None:
    """Depth, palette, transparency, polarity, contrast and orientation do not change what the encoder sees."""
    image = print_line()
    expected, found = ink(file_of(image)), ink(VARIANTS[variant](image))
    assert found.shape == expected.shape
    assert np.abs(found - expected).mean() < 0.03


def png_header(width: int, height: int) -> bytes:
    """A tiny PNG that claims to be enormous."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"hello", "not a picture"),
        (file_of(print_line())[:300], "damaged or truncated"),
        (file_of(print_line(), "JPEG")[:700], "damaged or truncated"),
        (file_of(print_line(), "TIFF")[:-200], "damaged or truncated|not a picture"),
        (png_header(15_000, 10_000), "too many"),
        (png_header(60_000, 60_000), "too many pixels"),
    ],
    ids=["empty", "text", "cut PNG", "cut JPEG", "cut TIFF", "large", "bomb"],
)
def test_bad_files_get_one_sentence(data: bytes, words: str) -> None:
    with pytest.raises(InputError, match=rf"^x\.png: .*({words}).*\.$"):
        read_grey(data, "x.png")


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_grey(tmp_path / "none.png", "none.png")
    with pytest.raises(InputError, match="is a folder"):
        read_grey(tmp_path, "folder")


def test_pages_of_a_tiff() -> None:
    pages = [print_line(t) for t in ("one", "two", "three")]
    data = file_of(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    assert [np.shape(p) for p in read_pages(data, "x")] == [(i.height, i.width) for i in pages]


def test_polarity_is_that_of_the_whole_picture() -> None:
    """Light print on wide dark margins is light print, though its own box is mostly light."""
    pixels = np.zeros((60, 400), np.uint8)
    pixels[20:40, 150:250] = 255
    pixels[26:34, 160:240] = 0
    light = prepare_line(pixels, CONFIG, "x").ink_WF
    np.testing.assert_array_equal(light, prepare_line(255 - pixels, CONFIG, "x").ink_WF)
    assert light[:, -1].max() == 0 and light.mean() < 0.5


@pytest.mark.parametrize("shape", [(1, 1), (40, 1), (1, 40), (60, 60), (32, 20_000), (2000, 3)])
@pytest.mark.parametrize("content", ["white", "black", "noise", "one dot"])
def test_extreme_shapes_are_read_or_refused(shape: tuple[int, int], content: str) -> None:
    """No crash, no gigabytes: a line of the configured height, or one sentence."""
    pixels = np.full(shape, 0 if content == "black" else 255, np.uint8)
    if content == "noise":
        pixels = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    if content == "one dot":
        pixels[shape[0] // 2, shape[1] // 2] = 0
    try:
        line = prepare_line(pixels, CONFIG, "x.png")
    except InputError as error:
        assert str(error).startswith("x.png: ")
    else:
        assert line.ink_WF.shape[1] == CONFIG.height and 1 <= len(line.ink_WF) <= CONFIG.max_columns
        assert line.ink_WF.min() >= 0 and line.ink_WF.max() <= 1


@settings(max_examples=30)
@given(st.integers(0, 200), st.integers(0, 200), st.integers(0, 60), st.integers(0, 60))
def test_margins_do_not_matter(left: int, right: int, top: int, bottom: int) -> None:
    """However much empty paper lies around a line, it is prepared alike, and its place in the picture is known."""
    core = np.asarray(print_line("Margins"))
    rows, columns = np.nonzero(core < 128)
    core = core[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    keep = int(np.ceil(CONFIG.margin * len(core)))
    pad = ((keep + top, keep + bottom), (keep + left, keep + right))
    line = prepare_line(np.pad(core, pad, constant_values=255), CONFIG, "x")
    plain = prepare_line(np.pad(core, keep, constant_values=255), CONFIG, "x")
    np.testing.assert_allclose(line.ink_WF, plain.ink_WF, atol=0.05)
    assert line.left == left and line.scale == pytest.approx(plain.scale)


def test_deslant_straightens_italics() -> None:
    """Sheared print comes back to where upright strokes fill few columns, as in the original."""
    upright = 255 - np.asarray(print_line("HILLTIH"))
    slant = (1.0, 0.4, -0.4 * upright.shape[0] / 2, 0.0, 1.0, 0.0)
    slanted = np.asarray(Image.fromarray(upright).transform(upright.shape[::-1], Image.Transform.AFFINE, slant))
    peak = [float((x.sum(0, np.float64) ** 2).sum()) for x in (upright, slanted, deslanted(slanted))]
    assert peak[1] < 0.7 * peak[0] and peak[2] > 0.85 * peak[0]


@given(st.lists(st.tuples(st.integers(0, 255), st.integers(1, 50)), min_size=1, max_size=4))
def test_any_distribution_of_greys_is_prepared(runs: list[tuple[int, int]]) -> None:
    """Also where neither black nor white is in the majority: ink from 0 to 1, or the one refusal there is."""
    pixels = np.repeat([value for value, _ in runs], [count for _, count in runs]).astype(np.uint8)
    try:
        line = prepare_line(np.tile(pixels, (20, 1)), CONFIG, "x")
    except InputError as error:
        assert "one colour" in str(error)
    else:
        assert 0 <= line.ink_WF.min() <= line.ink_WF.max() <= 1
