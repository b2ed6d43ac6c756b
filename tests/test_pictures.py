"""Pictures as people have them: cut off, of rare kinds, with hot pixels, in memory, or no pictures at all."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from media import file_of, print_line
from PIL import Image, ImageCms, ImageDraw

import scriba
from scriba.cli import main
from scriba.core.errors import InputError
from scriba.core.files import given
from scriba.core.precision import computes_bfloat16
from scriba.ocr import layouts
from scriba.ocr.image import read_grey

GREY = np.asarray(print_line())


def tiff(values: np.ndarray, photometric: int, depth: int = 8) -> bytes:
    """An uncompressed TIFF of three channels, of any colour space."""
    data = values.astype(f"<u{depth // 8}").tobytes()
    height, width = values.shape[:2]
    tags = [(256, width), (257, height), (259, 1), (262, photometric), (273, 200), (277, 3), (278, height)]
    rows = [struct.pack("<HHII", tag, 4, 1, value) for tag, value in [*tags, (279, len(data))]]
    rows.insert(2, struct.pack("<HHII", 258, 3, 3, 190))
    head = b"II*\0\x08\0\0\0" + struct.pack("<H", len(rows)) + b"".join(rows) + bytes(4)
    return head.ljust(190, b"\0") + struct.pack("<3H", *[depth] * 3) + bytes(4) + data


def lab(image: Image.Image) -> Image.Image:
    profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    result = ImageCms.profileToProfile(image.convert("RGB"), *profiles, outputMode="LAB")
    assert result is not None
    return result


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_a_hot_and_a_dead_pixel_do_not_flatten_a_picture(dtype: type) -> None:
    """A 12-bit picture in 16 bits, or floats, keep their range when single pixels lie far outside."""
    pixels = (100 + GREY.astype(dtype) * 15).astype(dtype)
    pixels[3, 3], pixels[5, 5] = 65535, 0
    found = read_grey(file_of(Image.fromarray(pixels), "TIFF"), "x").astype(int)
    found[3, 3], found[5, 5] = 255, 255
    assert np.abs(found - GREY).max() <= 3


def test_floats_that_are_no_numbers_are_paper() -> None:
    pixels = GREY.astype(np.float32)
    pixels[:20] = np.nan
    pixels[20:24, :5] = -np.inf
    found = read_grey(file_of(Image.fromarray(pixels), "TIFF"), "x")
    assert found[:20].min() == 255 and np.abs(found[24:].astype(int) - GREY[24:]).max() <= 3
    assert read_grey(file_of(Image.fromarray(np.full((4, 4), np.nan, np.float32)), "TIFF"), "x").min() == 255


def test_a_dot_on_empty_paper_is_seen() -> None:
    """An outlier has no say unless it is all there is."""
    pixels = np.full((50, 50), 4000, np.uint16)
    pixels[9, 9] = 100
    found = read_grey(file_of(Image.fromarray(pixels)), "x")
    assert found[9, 9] == 0 and found.sum() == 255 * 2499


@pytest.mark.parametrize("kind", ["LAB", "CMYK", "YCbCr", "odd LAB"])
def test_colour_spaces_of_tiff(kind: str) -> None:
    image = print_line().crop((0, 0, 333, 77)) if kind.startswith("odd") else print_line()
    stored = lab(image) if kind.endswith("LAB") else image.convert(kind)
    assert np.abs(read_grey(file_of(stored, "TIFF"), "x").astype(int) - np.asarray(image)).mean() < 2


@pytest.mark.parametrize("format", ["txt", "json"])
def test_what_one_file_cannot_costs_no_other(
    line_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, format: str
) -> None:
    """CIE LAB of 16 bits, which Pillow does not open, and a fault of our own: told, and files around them are read."""
    print_line().save(tmp_path / "a.png")
    (tmp_path / "lab.tif").write_bytes(tiff(np.dstack([GREY, GREY * 0, GREY * 0]).astype(int) * 257, 8, 16))
    Image.new("L", (50, 31), 255).save(tmp_path / "odd.png")
    print_line().save(tmp_path / "z.png")
    find = layouts.line_or_page

    def fails(picture: np.ndarray, *rest: Any) -> object:
        return 1 // 0 if picture.shape == (31, 50) else find(picture, *rest)

    monkeypatch.setitem(cast(dict[str, object], layouts.LAYOUTS), "auto", fails)
    names = [str(tmp_path / name) for name in ("a.png", "lab.tif", "odd.png", "z.png")]
    assert main(["ocr", "read", *names, "--model", str(line_bundle), "--format", format]) == 1
    shown = capsys.readouterr()
    assert len(shown.out.splitlines()) == 2
    assert "lab.tif: is a damaged TIFF, or one of a rare kind" in shown.err and "magick" in shown.err
    assert "odd.png: fails with ZeroDivisionError" in shown.err and "Traceback" not in shown.err


CUT = {
    "JPEG": (lambda image: file_of(image, "JPEG", quality=90), 0.6),
    "JPEG without its end marker": (lambda image: file_of(image, "JPEG", quality=90), -2),
    "progressive JPEG": (lambda image: file_of(image, "JPEG", progressive=True), 0.7),
    "PNG": (lambda image: file_of(image), 0.6),
    "PNG of colours": (lambda image: file_of(image.convert("RGB")), 0.6),
    "PNG with a palette": (lambda image: file_of(image.convert("P")), 0.6),
    "BMP": (lambda image: file_of(image, "BMP"), 0.6),
}


def written() -> Image.Image:
    """A page of print whose last rows are no paper."""
    image = Image.new("L", (300, 200), 255)
    rng = np.random.default_rng(0)
    for y in range(0, 200, 25):
        ImageDraw.Draw(image).text((5, y), "written down " * 3, fill=0, font_size=14)
        image.paste(Image.fromarray(rng.integers(0, 200, (2, 300)).astype(np.uint8)), (0, y + 20))
    return image


@pytest.mark.parametrize("kind", CUT)
def test_a_picture_that_ends_early_is_read_as_far_as_it_goes(kind: str) -> None:
    """Its upper rows are as they were, what is missing is paper, and it is told; with no one to tell, it is refused."""
    make, share = CUT[kind]
    data = make(written())
    data = data[:share] if share < 0 else data[: int(len(data) * share)]
    notes: list[str] = []
    found = read_grey(data, "x.jpg", notes.append).astype(int)
    assert notes == ["x.jpg: the picture is damaged or ends early; what is there of it is read."]
    whole = np.asarray(written()).astype(int)
    assert found.shape == whole.shape
    if kind == "BMP":  # which is stored from below
        found, whole = found[::-1], whole[::-1]
    rows = 200 if share < 0 or "progressive" in kind else 80
    assert np.abs(found - whole)[:rows].mean() < 12
    there = np.flatnonzero((found < 255).any(1))[-1] + 1
    if "JPEG" not in kind:
        assert np.array_equal(found[: there - 2], whole[: there - 2]), "not a pixel of what is there is changed"
    if rows == 80:
        assert found[-30:].min() == 255, "no rows of zeros, which would be ink"
    with pytest.raises(InputError, match="damaged or truncated"):
        read_grey(data, "x.jpg")


def test_training_takes_no_half_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`data check` counts what ends early as unreadable, for lines and for captions."""
    data = file_of(written(), "JPEG")
    (tmp_path / "cut.jpg").write_bytes(data[: len(data) // 2])
    (tmp_path / "x.jsonl").write_text(json.dumps({"image": "cut.jpg", "text": "written"}))
    for app in ("ocr", "caption"):
        assert main(["data", "check", app, str(tmp_path / "x.jsonl")]) == 1
        assert "dropped, unreadable: 1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC.*heif-convert"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0", "HEIF.*heif-convert"),
        (b"\0\0\0\x18ftypisom\0\0\0\0", "video.*ffmpeg"),
        (b"<?xml version='1.0'?>\n<svg xmlns=''>", "SVG.*rsvg-convert"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "PostScript.*gs "),
        (b"AT&TFORM\0\0\0\0DJVU", "DjVu.*ddjvu"),
        (b"PK\x03\x04\x14\0\0\0[Content_Types].xml", "a document.*PDF"),
        (b"PK\x03\x04\x14\0\0\0pictures/1.png", "ZIP"),
        (b"\n<!DOCTYPE HTML><title>404", "web page"),
        (b"MM\0*\0\0\0\x08", "TIFF.*magick"),
        (b"what is this", "save it as PNG, JPEG or TIFF"),
    ],
)
def test_what_is_no_picture_is_named(head: bytes, words: str) -> None:
    with pytest.raises(InputError, match=rf"^x: is .*{words}.*\.$"):
        read_grey(head + bytes(300), "x")


def test_an_animation_is_told(line_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    print_line().save(tmp_path / "a.gif", save_all=True, append_images=[Image.new("L", print_line().size, 255)])
    assert main(["ocr", "read", str(tmp_path / "a.gif"), "--model", str(line_bundle)]) == 0
    assert "a.gif: is an animation; its first picture is read." in capsys.readouterr().err


ARRAYS = {
    "grey": GREY,
    "one channel": GREY[..., None],
    "colours": np.dstack([GREY] * 3),
    "grey and opacity": np.dstack([GREY * 0, 255 - GREY]),
    "opacity": np.dstack([GREY * 0] * 3 + [255 - GREY]),
    "16 bits": GREY.astype(np.uint16) * 257,
    "colours of 16 bits": np.dstack([GREY.astype(np.uint16) * 257] * 3),
    "floats": GREY / 255,
    "half floats": np.dstack([(GREY / 255).astype(np.float16)] * 3),
    "large floats": GREY.astype(np.float32) * 3 - 80,
    "signed": GREY.astype(np.int64) - 1000,
    "a view": np.dstack([GREY] * 3)[:, :, ::-1],
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_arrays_are_pictures(kind: str) -> None:
    source, name = given(ARRAYS[kind])
    assert name == "image" and np.abs(read_grey(source, name).astype(int) - GREY).max() <= 1


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "I;16", "I", "F", "PA"])
def test_pictures_of_pillow_are_read_in_any_mode(mode: str) -> None:
    image = print_line().point(lambda v: 255 * (v > 127))
    picture = Image.fromarray(np.asarray(image, np.uint16)) if mode == "I;16" else image.convert(mode)
    source, name = given(picture)
    assert np.abs(read_grey(source, name).astype(int) - np.asarray(image)).mean() < 2


def test_python_callers_bring_what_they_have(line_bundle: Path, tmp_path: Path) -> None:
    """The same line from a path, bytes, files, Pillow and arrays; EXIF turns those of Pillow's as it does files."""
    model = scriba.load(str(line_bundle))
    print_line().save(tmp_path / "x.png")
    expected = model.read(tmp_path / "x.png", layout="line")
    data = (tmp_path / "x.png").read_bytes()
    with open(tmp_path / "x.png", "rb") as file, Image.open(tmp_path / "x.png") as lazy:
        for picture in (str(tmp_path / "x.png"), data, bytearray(data), io.BytesIO(data), file, lazy, GREY):
            assert model.read(picture, layout="line").text == expected.text
    assert model.read(GREY > 127, layout="line").lines[0].box == expected.lines[0].box
    assert model.align(print_line(), "a").text == model.align(GREY, "a").text == "a"
    turned = print_line().rotate(90, expand=True)
    turned.getexif()[0x0112] = 6
    assert model.read(turned, layout="line").text == expected.text


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        (None, "NoneType is no picture"),
        ([1, 2], "list is no picture"),
        (io.StringIO("x"), "binary mode"),
        (np.zeros((3, 40, 50)), r"shape \(3, 40, 50\) is no picture"),
        (np.zeros((0, 40)), "no picture"),
        (np.zeros((4, 4), complex), "no picture"),
        (np.array([["a"]]), "no picture"),
        (Image.new("L", (0, 5)), "no pixels"),
        (b"", "empty"),
        (io.BytesIO(), "empty"),
    ],
)
def test_what_is_no_picture_gets_a_sentence(line_bundle: Path, picture: object, words: str) -> None:
    with pytest.raises(InputError, match=words):
        scriba.load(str(line_bundle)).read(picture)


def test_bfloat16_where_it_cannot_be_computed(
    line_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A processor without AVX-512 is told before anything is read, with the way out; `auto` never asks for it there."""
    print_line().save(tmp_path / "x.png")
    arguments = ["ocr", "read", str(tmp_path / "x.png"), "--model", str(line_bundle), "--device", "cpu"]
    if computes_bfloat16():
        assert main([*arguments, "--precision", "bfloat16"]) == 0
    monkeypatch.setattr("scriba.core.precision.computes_bfloat16", lambda: False)
    assert main([*arguments, "--precision", "bfloat16"]) == 2
    assert "--precision bfloat16: this processor lacks AVX-512" in capsys.readouterr().err
    assert main(arguments) == 0
