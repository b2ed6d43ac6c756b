"""Ground truth and captions as other programs have them, and texts with what nobody sees in them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from media import print_line
from PIL import Image

from scriba.cli import main
from scriba.core.errors import InputError
from scriba.core.text import clean
from scriba.core.training import with_texts
from scriba.datasets.manifest import Manifest
from scriba.datasets.source import open_source


def rows_of(source: object) -> list[tuple[str, str | tuple[str, ...]]]:
    return [(example.id, example.target) for example in source]  # type: ignore[attr-defined]


def sentences_of(source: object) -> list[str]:
    return [problem.sentence for problem in source.problems]  # type: ignore[attr-defined]


def test_pictures_of_any_ending_lie_beside_their_texts(tmp_path: Path) -> None:
    """Cameras write x.JPG, Windows x.BMP; the letter case of the name itself counts."""
    names = ["a.PNG", "b.JPG", "c.bmp", "d.Jpeg", "e.TIF", "f.nrm.PNG", "g.jp2", "h.x.webp", "I.png"]
    for name in names:
        (tmp_path / name).write_bytes(b"picture")
        stem = name.split(".")[0] if name != "h.x.webp" else "h.x"
        (tmp_path / f"{stem}.gt.txt").write_text(name)
    (tmp_path / "j.png").write_bytes(b"picture")
    (tmp_path / "J.gt.txt").write_text("another file")
    source = open_source(str(tmp_path), media="image")
    assert sorted(rows_of(source)) == sorted((name, name) for name in names)
    assert sentences_of(source) == ["has no picture J.png (or .jpg, .tif, .webp, …) beside it."]


def test_a_text_of_several_lines_is_no_line(tmp_path: Path) -> None:
    """It is told, with what to do; an empty line at the end does not count."""
    for name, text in (("a", "one\n\n"), ("b", "one\ntwo\n"), ("c", "one\r\ntwo\r\nthree")):
        (tmp_path / f"{name}.png").write_bytes(b"picture")
        (tmp_path / f"{name}.gt.txt").write_text(text, newline="")
    source = open_source(str(tmp_path), media="image")
    assert rows_of(source) == [("a.png", "one")]
    assert sentences_of(source) == [f"has {n} lines; a picture of a line has one: cut both into lines." for n in (2, 3)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\tb", "a b"),
        ("10\u00a0km\u202f!\u2009x", "10 km ! x"),
        ("a\u200bb\ufeffc\u2060", "abc"),
        ("Wort\u00adteil", "Wortteil"),
        ("Wort\u00ad", "Wort-"),
        ("verwer\u00ac", "verwer-"),
        ("a \u00ac b", "a \u00ac b"),
        ("e\u0301 \u00e9", "\u00e9 \u00e9"),
        ("„So“, ſagte er – ’s war", "„So“, ſagte er – ’s war"),
        ("می\u200cخواهم", "می\u200cخواهم"),
    ],
    ids=[
        "tab",
        "no break",
        "no width",
        "soft hyphen",
        "soft hyphen at the end",
        "not sign for one",
        "not sign",
        "NFD",
        "quotes stay",
        "joiners stay",
    ],
)
def test_texts_are_cleaned(text: str, expected: str) -> None:
    """Of what is not to be seen; letters in two parts are one; nothing that is printed is changed."""
    assert clean(text) == expected


def test_data_check_tells_what_was_cleaned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """How many texts were changed is told, and the alphabet has what training learns."""
    for name, text in (("a", "e\u0301t\u00e9"), ("b", "x\u00a0y\u200b"), ("c", "plain")):
        print_line().save(tmp_path / f"{name}.PNG")
        (tmp_path / f"{name}.gt.txt").write_text(text, encoding="utf-8")
    assert main(["data", "check", "ocr", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "3 kept, 0 dropped" in shown and "letters in parts: 2 texts" in shown
    assert "é 2" in shown and "U+" not in shown
    rows = with_texts(open_source(str(tmp_path), media="image"), "none")
    assert [row.target for row in rows] == ["été", "x y", "plain"]


def test_labels_of_easyocr(tmp_path: Path) -> None:
    """`filename,words`, without quotes: what comes after the first comma is text."""
    path = tmp_path / "labels.csv"
    path.write_text('filename,words\n1.jpg,"one, two"\n2.jpg,Dear Sir, I am\n3.jpg,5" by 3"\n')
    source = Manifest(path, "image")
    assert rows_of(source) == [("1.jpg", "one, two"), ("2.jpg", "Dear Sir, I am"), ("3.jpg", '5" by 3"')]
    assert source.problems == () and source[0].source == tmp_path / "1.jpg"


def test_labels_of_paddleocr(tmp_path: Path) -> None:
    """A path, a tab and the text, quotes and all; paths begin beside the list or one folder above."""
    (tmp_path / "rec" / "train").mkdir(parents=True)
    (tmp_path / "rec" / "train" / "1.jpg").write_bytes(b"picture")
    path = tmp_path / "rec" / "rec_gt_train.txt"
    path.write_text('rec/train/1.jpg\t"Yes, #1\ntrain/1.jpg\ta\tb\nno tab\n\n3.png\t\n', encoding="utf-8-sig")
    source = open_source(str(path), media="image")
    targets = [("rec/train/1.jpg", '"Yes, #1'), ("train/1.jpg", "a\tb"), ("3.png", "")]
    assert rows_of(source) == targets and sentences_of(source) == ["has no tab between path and text."]
    assert [e.source for e in source][:2] == [tmp_path / "rec" / "train" / "1.jpg"] * 2
    with pytest.raises(InputError, match=r"a manifest is a \.jsonl"):
        open_source(str(path), media="audio")


@pytest.mark.parametrize("first", ["", "sep=;\n"])
def test_tables_of_excel(tmp_path: Path, first: str) -> None:
    """Semicolons, a byte order mark, Windows' line ends, and the line that names the delimiter."""
    path = tmp_path / "x.csv"
    content = f'{first}image;text\n1.png;"one; two"\n2.png;three, four\n'.replace("\n", "\r\n")
    path.write_bytes(b"\xef\xbb\xbf" + content.encode())
    assert rows_of(Manifest(path, "image")) == [("1.png", "one; two"), ("2.png", "three, four")]


CAPTION_FILES = {
    "captions.txt": "image,caption\n{0},A dog .\n{0},A dog , brown\n{0},\n{1},Snow\n",
    "captions.csv": 'image,caption\n{0},"A dog ."\n{0},"A dog , brown"\n{1},Snow\n{0}," "\n',
    "Flickr8k.token.txt": "{0}#0\tA dog .\n{0}#1\tA dog , brown\n{0}#2\t\n{1}#0\tSnow\n",
    "results_20130124.token": "{0}#0\tA dog .\n{0}#1\tA dog , brown\n{1}#0\tSnow\n{0}#4\t  \n",
    "results.csv": "image_name| comment_number| comment\n{0}|0| A dog .\n{0}|1| A dog , brown\n{1}|0| Snow\n{0}|2|\n",
}


@pytest.mark.parametrize("name", CAPTION_FILES)
def test_captions_one_a_row(tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Rows about one picture are its captions; a blank one drops itself, for `data check` as for training."""
    (tmp_path / "Images").mkdir()
    pictures = ["1000_a.jpg", "1001_b.jpg"]
    for picture in pictures:
        Image.new("RGB", (8, 8)).save(tmp_path / "Images" / picture)
    (tmp_path / name).write_text(CAPTION_FILES[name].format(*pictures))
    source = open_source(str(tmp_path / name), media="image")
    assert [example.source for example in source] == [tmp_path / "Images" / picture for picture in pictures]
    found = with_texts(source, "none")
    assert [tuple(t.strip() for t in e.texts) for e in found] == [("A dog .", "A dog , brown"), ("Snow",)]
    assert main(["data", "check", "caption", str(tmp_path / name)]) == 0
    shown = capsys.readouterr().out
    assert "2 kept, 0 dropped" in shown and "blank texts left out beside others: 1" in shown


def test_a_picture_of_blank_captions_is_dropped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One blank caption of several drops itself; all of them, the picture."""
    Image.new("RGB", (8, 8)).save(tmp_path / "x.png")
    rows = [{"id": str(i), "image": "x.png", "captions": c} for i, c in enumerate((["a", " "], ["", " "], [""], []))]
    (tmp_path / "x.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert main(["data", "check", "caption", str(tmp_path / "x.jsonl")]) == 1
    shown = capsys.readouterr().out
    assert "1 kept, 3 dropped" in shown and "dropped, empty text: 3" in shown


def test_lines_have_one_text(tmp_path: Path) -> None:
    """Only captions are gathered: two texts of one line, or of one recording, are a mistake."""
    (tmp_path / "x.csv").write_text("image,text\n1.png,one\n1.png,two\n")
    source = Manifest(tmp_path / "x.csv", "image")
    assert rows_of(source) == [("1.png", "one")] and "make ids unique" in source.problems[0].sentence
    (tmp_path / "y.csv").write_text("audio,caption\n1.wav,one\n1.wav,two\n")
    assert len(Manifest(tmp_path / "y.csv", "audio").problems) == 1
