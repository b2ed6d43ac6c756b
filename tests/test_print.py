"""Lines through the commands: training from a folder of pictures and texts, and the model that is bundled."""

from __future__ import annotations

import difflib
import json
from pathlib import Path

import matplotlib
import pytest
from PIL import Image, ImageDraw, ImageFont

import scriba
from scriba.cli import main

FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
WORDS = ("ab", "cab", "dad", "abba", "bead", "ace", "fade", "deaf")
EXAMPLES = Path(__file__).resolve().parent.parent / "scripts" / "examples" / "print"


def set_lines(texts: list[str], font: ImageFont.FreeTypeFont, leading: int) -> Image.Image:
    """Set lines of text one below the other, black on white."""
    width = max(int(font.getlength(text)) for text in texts)
    image = Image.new("L", (width + 2 * leading, leading * (len(texts) + 1)), 255)
    for i, text in enumerate(texts):
        ImageDraw.Draw(image).text((leading, leading * i + leading // 2), text, fill=0, font=font)
    return image


def test_training_learns_a_few_lines_by_heart(tmp_path: Path) -> None:
    """Pictures with their texts beside them, trained jointly, are read without a mistake from either head."""
    font = ImageFont.truetype(str(FONTS / "DejaVuSans.ttf"), 24)
    data = tmp_path / "lines"
    data.mkdir()
    for word in WORDS:
        set_lines([word], font, 40).save(data / f"{word}.png")
        (data / f"{word}.gt.txt").write_text(word + "\n", encoding="utf-8")
    options = "--encoder.channels [8,16,32,32,32,32,32] --encoder.size 32 --encoder.layers 1 --encoder.dropout 0"
    options += " --attention.kind location --attention.size 16 --decoder.size 32 --decoder.embedding_size 8"
    options += " --decoder.dropout 0 --augment.amount 0 --loss.ctc_weight 0.5 --loss.label_smoothing 0"
    options += " --training.epochs 80 --training.learning_rate 0.01 --training.eval_every 80 --training.average none"
    source = ["--data.train", str(data), "--data.dev", str(data)]
    assert main(["ocr", "train", *source, *options.split(), "--run_dir", str(tmp_path / "run"), "--device", "cpu"]) == 0
    out = tmp_path / "scores.json"
    assert main(["ocr", "eval", str(tmp_path / "run" / "bundle"), str(data), "--json", str(out)]) == 0
    heads = json.loads(out.read_text())["heads"]
    assert heads["ctc"]["cer"] == heads["attention"]["cer"] == 0


@pytest.fixture(scope="module")
def reader() -> object:
    return scriba.load("ocr-print")


@pytest.mark.parametrize("row", (EXAMPLES / "metadata.jsonl").read_text(encoding="utf-8").splitlines())
def test_the_bundled_model_reads_the_examples(reader: object, row: str) -> None:
    """Book, italic, typewriter, receipt and accented lines, degraded: more than nine characters in ten are right."""
    example = json.loads(row)
    text = reader.read(EXAMPLES / example["file_name"]).text  # type: ignore[attr-defined]
    assert difflib.SequenceMatcher(None, text, example["text"], autojunk=False).ratio() > 0.9


def test_the_example_of_columns_is_read_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    """A heading, the left column, the right one with the rows of its table: every letter as it was set."""
    folder = Path(__file__).parents[1] / "scripts" / "examples" / "print"
    assert main(["ocr", "read", str(folder / "columns.png")]) == 0
    assert capsys.readouterr().out == (folder / "columns.txt").read_text(encoding="utf-8")


def test_thirty_lines_of_a_page_are_read_in_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From the picture of a page to its text: every line, in its place."""
    counted = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    texts = [f"{a} hundred and {b} copies were made of it" for a in ("Two", "Three", "Four") for b in counted]
    set_lines(texts, ImageFont.truetype(str(FONTS / "DejaVuSerif.ttf"), 28), 48).save(tmp_path / "page.png")
    assert main(["ocr", "read", str(tmp_path / "page.png")]) == 0
    assert capsys.readouterr().out.splitlines() == texts
