"""Sources of examples: manifests of every accepted form, Hugging Face folders, keypad tones."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import datasets
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from scriba.core.errors import InputError, ScribaError, UsageError
from scriba.core.example import Example, Samples
from scriba.datasets.dtmf import DTMF, HIGH, KEYS, LOW, RATE
from scriba.datasets.manifest import Manifest
from scriba.datasets.source import open_source
from scriba.datasets.synthetic import SyntheticSource

texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)


def manifest(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@given(rows=st.lists(st.tuples(texts, texts), min_size=1, max_size=6))
def test_every_form_gives_the_same_examples(
    rows: list[tuple[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """JSON, CSV and TSV with the same rows read alike, whatever the texts hold; BOM and line ends are no matter."""
    folder = tmp_path_factory.mktemp("forms")
    names = [f"clips/{i}.wav" for i in range(len(rows))]
    lines = [json.dumps({"audio": n, "text": t, "speaker": s}) for n, (t, s) in zip(names, rows, strict=True)]
    paths = [manifest(folder, "a.jsonl", "\ufeff" + "\n".join(lines) + "\n\n")]
    table = [("file_name", "sentence", "speaker"), *((n, t, s) for n, (t, s) in zip(names, rows, strict=True))]
    for suffix, delimiter in ((".csv", ","), (".CSV", ";")):
        buffer = io.StringIO()
        csv.writer(buffer, delimiter=delimiter).writerows(table)
        paths.append(manifest(folder, f"a{suffix}", buffer.getvalue()))
    paths.append(manifest(folder, "a.tsv", "\r\n".join(map("\t".join, table))))
    paths.append(manifest(folder, "a.json", f"[{','.join(lines)}]"))
    expected = [Example(n, folder / n, t, {"speaker": s}) for n, (t, s) in zip(names, rows, strict=True)]
    for path in paths:
        found = Manifest(path, "audio")
        assert list(found) == expected and found.problems == ()


@pytest.mark.parametrize("column", ["text", "transcription", "sentence", "caption"])
@pytest.mark.parametrize("media", ["audio", "file_name"])
def test_column_names(tmp_path: Path, column: str, media: str) -> None:
    """The Hugging Face folder conventions are understood next to our own names; lists are several texts."""
    path = manifest(tmp_path, "m.jsonl", json.dumps({media: "x.wav", column: "hi", "id": 7}))
    assert list(Manifest(path, "audio")) == [Example("7", tmp_path / "x.wav", "hi")]
    path = manifest(tmp_path, "c.jsonl", json.dumps({"image": "x.png", "captions": ["a", "b"]}))
    assert Manifest(path, "image")[0].target == ("a", "b")


def test_broken_rows_are_named_and_the_rest_is_kept(tmp_path: Path) -> None:
    """Each broken line gets its number and a sentence; the good ones are examples."""
    good = {"audio": "x.wav", "text": "hi"}
    rows = [
        json.dumps(good),
        '{"audio": "y.wav", "text":',
        "[1, 2]",
        json.dumps({"audio": "z.wav"}),
        json.dumps({"audio": 3, "text": "hi"}),
        json.dumps({"audio": "w.wav", "text": 5}),
        json.dumps(good),
        json.dumps({"audio": "v.wav", "text": ""}),
    ]
    found = Manifest(manifest(tmp_path, "m.jsonl", "\n".join(rows)), "audio")
    assert [e.id for e in found] == ["x.wav", "v.wav"]
    words = ["is not JSON", "not a JSON object", "no column 'text'", "must be a path", "must be text", "earlier row"]
    assert len(found.problems) == len(words)
    for number, problem, word in zip(range(2, 8), found.problems, words, strict=True):
        assert problem.where == f"{tmp_path / 'm.jsonl'}:{number}" and word in problem.sentence
        assert problem.sentence.endswith(".") and "\n" not in problem.sentence


def test_broken_csv_rows(tmp_path: Path) -> None:
    """A row with another number of cells is named by its line."""
    found = Manifest(manifest(tmp_path, "m.csv", "audio,text\na.wav,hi\nb.wav\nc.wav,x,y\nd.wav,ho\n"), "audio")
    assert [e.id for e in found] == ["a.wav", "d.wav"]
    assert [p.where.rsplit(":", 1)[1] for p in found.problems] == ["3", "4"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "m.jsonl",
            '{"audoi": "x", "text": "y"}\n',
            r"lacks the column 'audio'; it has audoi, text\. Did you mean 'audoi'",
        ),
        ("m.csv", "audio,txt\nx,y\n", r"lacks the column 'text'; it has audio, txt\. Did you mean 'txt'"),
        ("m.jsonl", "", "is empty"),
        ("m.csv", "", "is empty"),
        ("m.jsonl", b'{"audio": "\xff"}', "not UTF-8"),
        ("m.csv", "audio,text\nx,y\n".encode("utf-16"), "is not UTF-8 text; save it as UTF-8"),
        ("m.csv", "audio,text\nx,y\n".encode("utf-16-le"), "is not UTF-8 text; save it as UTF-8"),
        ("m.txt", "x", r"a \.jsonl, \.csv or \.tsv file"),
        ("m.jsonl", "no json\n", "no usable row; line 1 is not JSON"),
    ],
)
def test_unusable_manifests(tmp_path: Path, name: str, content: str | bytes, message: str) -> None:
    """What makes a whole manifest unusable is one sentence with the columns needed and found."""
    with pytest.raises(InputError, match=message) as error:
        Manifest(manifest(tmp_path, name, content), "audio")
    assert str(error.value).startswith(str(tmp_path)) and "\n" not in str(error.value)


def test_missing_manifest_and_folders(tmp_path: Path) -> None:
    """A missing file is told with its nearest neighbour; a folder is searched for its metadata file."""
    path = manifest(tmp_path, "train.jsonl", json.dumps({"audio": "x.wav", "text": "hi"}))
    with pytest.raises(InputError, match=r"trian\.jsonl: no such file; check the path\. Did you mean 'train\.jsonl'"):
        open_source(str(tmp_path / "trian.jsonl"), media="audio")
    with pytest.raises(InputError, match=r"without metadata\.jsonl or metadata\.csv"):
        open_source(str(tmp_path), media="audio")
    path.rename(tmp_path / "metadata.jsonl")
    for name in (str(tmp_path), f"manifest:{tmp_path}/metadata.jsonl"):
        assert [e.id for e in open_source(name, media="audio")] == ["x.wav"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("sinth:dtmf", r"Did you mean 'synth'"),
        ("synth:dtfm", r"Did you mean 'dtmf'"),
        ("synth:dtmf:trian", r"Did you mean 'train'"),
        ("synth:dtmf:train:many", r"N a number"),
        ("synth:dtmf:train:5:6", r"N a number"),
    ],
)
def test_wrong_names(name: str, message: str) -> None:
    """A wrong source name is one sentence with the nearest right one."""
    with pytest.raises(UsageError, match=message):
        open_source(name, media="audio")
    with pytest.raises(ScribaError):
        open_source("synth:dtmf", media="image")


@pytest.fixture(scope="module")
def audio_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set in the Hugging Face folder convention, with a train and a test split."""
    folder = tmp_path_factory.mktemp("hf") / "data"
    for split, count in (("train", 3), ("test", 2)):
        (folder / split).mkdir(parents=True)
        rows = ["file_name,transcription"]
        for i in range(count):
            soundfile.write(folder / split / f"{i}.flac", np.full(800, 0.1 * i, np.float32), 8000)
            rows.append(f"{i}.flac,text {i}")
        (folder / split / "metadata.csv").write_text("\n".join(rows))
    return folder


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep Hugging Face's cache out of the home folder."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))


@pytest.mark.parametrize("streaming", [False, True])
def test_hugging_face_folder(audio_folder: Path, streaming: bool) -> None:
    """A local audio folder is read undecoded, by split and as a stream too, where torchcodec is not installed."""
    for name, split, count in (("", "train", 3), ("::test", "test", 2)):
        source = open_source(f"hf:{audio_folder}{name}", media="audio", streaming=streaming)
        examples = list(source)
        assert [e.target for e in examples] == [f"text {i}" for i in range(count)], split
        for example in examples:
            data = example.source if isinstance(example.source, bytes) else Path(str(example.source)).read_bytes()
            assert soundfile.read(io.BytesIO(data))[1] == 8000
        if not streaming:
            assert len(source) == count and source[1] == examples[1]  # type: ignore[arg-type,index]


@pytest.mark.parametrize("streaming", [False, True])
def test_texts_of_a_hugging_face_folder(audio_folder: Path, tmp_path: Path, streaming: bool) -> None:
    """For a language model the texts alone are taken: what lies beside them is not opened, whatever it is."""
    folder = shutil.copytree(audio_folder, tmp_path / "data")
    (folder / "train" / "0.flac").write_bytes(b"no audio")
    source = open_source(f"hf:{folder}", media="text", streaming=streaming)
    assert [example.target for example in source] == [f"text {i}" for i in range(3)]


@pytest.mark.parametrize("name", ["hf:{0}::dev", "hf:{0}:other", "hf:{0}/nowhere"])
def test_hugging_face_errors(audio_folder: Path, name: str) -> None:
    """A split, config or folder that is not there is one sentence that names the source."""
    with pytest.raises(InputError, match=r"^hf:.* cannot be loaded") as error:
        open_source(name.format(audio_folder), media="audio")
    assert "\n" not in str(error.value)


def test_hugging_face_column_is_named(audio_folder: Path) -> None:
    """A data set without the wanted media says which columns it has."""
    with pytest.raises(InputError, match=r"lacks the column 'image'; it has audio, transcription"):
        open_source(f"hf:{audio_folder}", media="image")


def test_dtmf_is_a_pure_function_of_split_and_index() -> None:
    """The same example whatever was asked before; other splits and indices differ; the size is free."""
    source = SyntheticSource(DTMF, "train")
    first = [source[5], source[3]]
    second = [source[3], source[5]]
    for one, other in zip(first, reversed(second), strict=True):
        assert one.target == other.target and one.id == other.id
        assert np.array_equal(one.source.values, other.source.values)  # type: ignore[union-attr]
    assert source[5].target != SyntheticSource(DTMF, "dev")[5].target
    assert len(source) == 2000 and len(open_source("synth:dtmf:dev:7", media="audio")) == 7  # type: ignore[arg-type]
    assert len(list(open_source("synth:dtmf", media="audio", default_split="test"))) == 200
    with pytest.raises(IndexError):
        source[2000]


def test_dtmf_tones_are_where_and_what_the_target_says() -> None:
    """In each span the strongest low and high frequency are those of the digit: the truth is true."""
    right = total = 0
    for example in SyntheticSource(DTMF, "test", 30):
        assert isinstance(example.source, Samples) and example.source.rate == RATE
        assert np.abs(example.source.values).max() <= 1 and 3 <= len(example.target) <= 12
        for digit, (start, end) in zip(example.target, example.extra["spans"], strict=True):
            tone = example.source.values[round(start * RATE) : round(end * RATE)]
            time = np.arange(len(tone)) / RATE

            def power(frequency: float, tone: np.ndarray = tone, time: np.ndarray = time) -> float:
                """Largest power near a frequency, which a tone may miss by 1.5 %."""
                near = frequency * np.linspace(0.985, 1.015, 9)[:, None]
                return float(np.abs((tone * np.exp(-2j * np.pi * near * time)).sum(1)).max())

            strongest = (int(np.argmax([power(f) for f in LOW])), int(np.argmax([power(f) for f in HIGH])))
            right += strongest == KEYS[digit]
            total += 1
    assert right / total > 0.97


def test_folder_of_pictures_with_their_texts(tmp_path: Path) -> None:
    """x.png beside x.gt.txt, in folders of any depth; a text without picture is named and the rest is kept."""
    (tmp_path / "book" / "p1").mkdir(parents=True)
    for name, text in (("book/a.png", "one\n"), ("book/p1/b.jpg", "zwei ſ"), ("c.nrm.png", "")):
        (tmp_path / name).write_bytes(b"picture")
        stem = name.removesuffix(".nrm.png").rsplit(".", 1)[0] if ".nrm" not in name else name.removesuffix(".nrm.png")
        (tmp_path / f"{stem}.gt.txt").write_text(text, encoding="utf-8")
    (tmp_path / "lost.gt.txt").write_text("x")
    (tmp_path / "latin.gt.txt").write_bytes("é".encode("latin-1"))
    (tmp_path / "latin.png").write_bytes(b"picture")
    source = open_source(str(tmp_path), media="image")
    assert [(e.id, e.target) for e in source] == [("book/a.png", "one"), ("book/p1/b.jpg", "zwei ſ"), ("c.nrm.png", "")]
    problems = source.problems  # type: ignore[attr-defined]
    assert [Path(p.where).name for p in problems] == ["latin.gt.txt", "lost.gt.txt"]
    assert "UTF-8" in problems[0].sentence and "has no picture lost.png" in problems[1].sentence
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "x.gt.txt").write_text("x")
    with pytest.raises(InputError, match=r"no \.gt\.txt file has a picture"):
        open_source(str(tmp_path / "empty"), media="image")


def test_hugging_face_lines(tmp_path: Path) -> None:
    """The schema of line corpora such as IAM-line, `image` and `text`: bytes of the pictures, not decoded."""
    pictures = []
    for i in range(2):
        buffer = io.BytesIO()
        Image.new("L", (20 + i, 8), 255).save(buffer, "PNG")
        pictures.append({"bytes": buffer.getvalue(), "path": None})
    table = datasets.Dataset.from_dict({"image": pictures, "text": ["one", "two"]})
    table.cast_column("image", datasets.Image()).to_parquet(tmp_path / "train.parquet")
    found = list(open_source(f"hf:{tmp_path}", media="image"))
    assert [(e.source, e.target) for e in found] == [(pictures[0]["bytes"], "one"), (pictures[1]["bytes"], "two")]


def caption_files(folder: Path) -> tuple[Path, Path]:
    """Files of Karpathy's and of COCO's, and a picture where each of them has its pictures."""
    sentences = [{"raw": "A dog."}, {"raw": "a brown dog"}]
    rows = [
        {"filename": "1.jpg", "split": "train", "sentences": sentences},
        {"filename": "2.jpg", "split": "restval", "filepath": "val2014", "sentences": sentences},
        {"filename": "3.jpg", "split": "val", "sentences": sentences[:1]},
        {"filename": "4.jpg", "split": "train"},
        {"filename": "5.jpg", "split": "train", "sentences": [{"raw": None}]},
    ]
    karpathy = folder / "dataset_x.json"
    karpathy.write_text(json.dumps({"dataset": "x", "images": rows}))
    for place in ("images/1.jpg", "val2014/2.jpg", "val2017/7.jpg"):
        (folder / place).parent.mkdir(exist_ok=True)
        Image.new("RGB", (8, 8)).save(folder / place)
    images = [{"id": 7, "file_name": "7.jpg"}, {"id": 8, "file_name": "8.jpg"}]
    notes = [{"image_id": i, "caption": f"caption {k}"} for k, i in enumerate([7, 7, 9])]
    notes.append({"image_id": 7, "caption": None})
    coco = folder / "annotations" / "captions_val2017.json"
    coco.parent.mkdir()
    coco.write_text(json.dumps({"images": images, "annotations": notes}))
    return karpathy, coco


def test_caption_files_of_others(tmp_path: Path) -> None:
    """Splits, folders and several captions for each picture; what does not fit is a problem with its place."""
    karpathy, coco = caption_files(tmp_path)
    training = open_source(f"karpathy:{karpathy}", media="image")
    assert [(e.id, e.source, e.target) for e in training] == [
        ("1", tmp_path / "images" / "1.jpg", ("A dog.", "a brown dog")),
        ("2", tmp_path / "val2014" / "2.jpg", ("A dog.", "a brown dog")),
    ]
    assert [p.where for p in training.problems] == [f"{karpathy}: image {i}" for i in (3, 4)]  # type: ignore[attr-defined]
    dev = open_source(f"karpathy:{karpathy}:dev", media="image")
    assert [e.target for e in dev] == [("A dog.",)]
    found = open_source(f"coco:{coco}", media="image")
    (one,) = found
    assert (one.source, one.target) == (tmp_path / "val2017" / "7.jpg", ("caption 0", "caption 1"))
    assert [p.sentence for p in found.problems] == [
        "caption and picture's file name have to be text.",
        "has no caption.",
        "is captioned but not listed.",
    ]  # type: ignore[attr-defined]


@pytest.mark.parametrize("content", ["[]", "{}", '{"images": 3}', '{"images": [], "annotations": []}', "{"])
def test_caption_files_of_another_kind_are_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(content)
    for scheme in ("karpathy", "coco"):
        with pytest.raises(InputError, match=r"x\.json: .*\.$"):
            open_source(f"{scheme}:{path}", media="image")
    with pytest.raises(InputError, match="no such file"):
        open_source(f"karpathy:{tmp_path / 'none.json'}:test", media="image")
    with pytest.raises(UsageError, match="holds pictures, not audio"):
        open_source(f"coco:{path}", media="audio")
