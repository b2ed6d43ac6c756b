"""Manifests as others write them, damaged ones, and paths that may or may not be opened."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import datasets
import numpy as np
import pytest
import soundfile
from huggingface_hub.constants import HF_HUB_CACHE

from scriba.cli import main
from scriba.core.errors import InputError
from scriba.datasets.huggingface import HuggingFaceSource, own_folders
from scriba.datasets.manifest import AUDIO, IMAGE, TEXT_COLUMNS, Manifest
from scriba.datasets.source import open_source


def manifest(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def lines_of(found: Manifest) -> list[int]:
    """Return the lines of the problems."""
    return [int(problem.where.rsplit(":", 1)[1]) for problem in found.problems]


def table(delimiter: str, end: str = "\n", broken: str = '"text 50') -> str:
    """99 rows after the heading; an odd quote begins the text of row 50, which is line 51."""
    rows = [("audio", "sentence"), *((f"{i}.wav", f"text {i}") for i in range(1, 100))]
    rows[50] = ("50.wav", broken)
    return end.join(map(delimiter.join, rows)) + end


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_what_an_odd_quote_swallows_is_lost_row_by_row(tmp_path: Path, delimiter: str, end: str) -> None:
    found = Manifest(manifest(tmp_path, "m.csv", table(delimiter, end)), "audio")
    assert len(found) == 49 and lines_of(found) == list(range(51, 101))
    assert {p.sentence for p in found.problems} == {
        "is not a CSV row (unexpected end of data); check the quotes from line 51 on."
    }
    (tmp_path / "m.csv").write_text(table(delimiter, end).replace("text 80", '"text 80'))
    found = Manifest(tmp_path / "m.csv", "audio")  # the second quote ends the first: what comes after it is whole
    assert [e.id for e in found] == [f"{i}.wav" for i in range(1, 100) if not 50 <= i <= 80]
    assert lines_of(found) == list(range(51, 82))
    (tmp_path / "m.csv").write_text(table(delimiter, end).replace("text 80", 'text 80"'))
    found = Manifest(tmp_path / "m.csv", "audio")  # as if it were one cell of 31 lines
    assert lines_of(found) == list(range(51, 82)) and len(found) == 68


@pytest.mark.parametrize("broken", ['"text 50', 'text "50', 'text 50"', '"', '"a "b" c"'])
def test_tsv_has_no_quotes(tmp_path: Path, broken: str) -> None:
    found = Manifest(manifest(tmp_path, "m.TSV", table("\t", broken=broken)), "audio")
    assert len(found) == 99 and found.problems == () and found[49].target == broken


def test_quoted_cells_of_several_lines(tmp_path: Path) -> None:
    """A properly quoted cell may have line ends, delimiters and quotes; rows after it have their own numbers."""
    content = 'audio,text\n1.wav,"one,\ntwo\n""three"""\n\n2.wav\n3.wav,four\n"4.wav\nx",y,z\n5.wav,five\n'
    found = Manifest(manifest(tmp_path, "m.csv", content), "audio")
    assert [e.target for e in found] == ['one,\ntwo\n"three"', "four", "five"]
    assert lines_of(found) == [6, 8, 9]


def test_a_cell_longer_than_any_loses_its_own_lines_only(tmp_path: Path) -> None:
    content = f"audio,text\n1.wav,one\n2.wav,{'x' * 200_000}\n3.wav,three\n"
    for name, text in (("m.csv", content), ("m.tsv", content.replace(",", "\t"))):
        found = Manifest(manifest(tmp_path, name, text), "audio")
        assert [e.target for e in found] == ["one", "three"] and lines_of(found) == [3]


def test_training_is_refused_when_a_quote_swallows_half(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The rows count as lost, which is more than --data.max_lost allows."""
    for i in range(1, 100):
        soundfile.write(tmp_path / f"{i}.wav", np.full(4000, 0.1, np.float32), 8000)
    path = manifest(tmp_path, "m.csv", table(","))
    assert main(["data", "check", "asr", str(path)]) == 1
    assert "49 kept, 50 dropped" in capsys.readouterr().out
    command = ["asr", "train", "--data.train", str(path), "--data.dev", str(path), "--run_dir", str(tmp_path / "run")]
    assert main([*command, "--device", "cpu"]) != 0
    assert "--data.max_lost" in capsys.readouterr().err


def test_common_voice(tmp_path: Path) -> None:
    """Clips lie in the folder `clips`, or beside the table; quotes in sentences are only quotes."""
    (tmp_path / "clips").mkdir()
    for name in ("clips/common_voice_de_1.mp3", "common_voice_de_2.mp3"):
        (tmp_path / name).write_bytes(b"sound")
    heading = "client_id\tpath\tsentence_id\tsentence\tsentence_domain\tup_votes\tdown_votes\tage\tgender\tlocale\n"
    rows = [f'c\tcommon_voice_de_{i}.mp3\ts\t"Ja", sagte {i}\t\t2\t0\t\t\tde\n' for i in (1, 2, 3)]
    found = Manifest(manifest(tmp_path, "train.tsv", heading + "".join(rows)), "audio")
    assert [e.source for e in found] == [
        tmp_path / "clips" / "common_voice_de_1.mp3",
        tmp_path / "common_voice_de_2.mp3",
        tmp_path / "common_voice_de_3.mp3",  # nowhere
    ]
    assert [e.target for e in found] == [f'"Ja", sagte {i}' for i in (1, 2, 3)] and found.problems == ()
    assert found[0].extra["locale"] == "de"


def test_nemo(tmp_path: Path) -> None:
    """Its JSON lines are in a .json file; a row that means a part of a recording is not taken for all of it."""
    rows = [{"audio_filepath": f"/data/{i}.wav", "duration": 2.5, "text": "hi", "offset": 2.5 * i} for i in (0, 1)]
    found = Manifest(manifest(tmp_path, "train.json", "\n".join(map(json.dumps, rows))), "audio")
    assert [e.source for e in found] == [Path("/data/0.wav")] and lines_of(found) == [2]
    assert "'offset' names a part of a recording" in found.problems[0].sentence


@pytest.mark.parametrize("name", ["m.json", "M.JSON", "m.jsonl"])
@pytest.mark.parametrize("indent", [None, 2])
def test_json_arrays(tmp_path: Path, name: str, indent: int | None) -> None:
    """Rows of an array are counted by their places; one that is damaged has no rows."""
    text = json.dumps([{"audio": "1.wav", "text": "a"}, 3, {"audio": "2.wav", "text": "b"}], indent=indent)
    found = Manifest(manifest(tmp_path, name, "\ufeff" + text), "audio")
    assert [e.target for e in found] == ["a", "b"] and lines_of(found) == [2]
    for damaged in (text[:-3], "[]", "[", "[" * 5000):
        with pytest.raises(InputError, match=r"no usable row; line 1 is not|is empty"):
            Manifest(manifest(tmp_path, name, damaged), "audio")


@pytest.mark.parametrize("media", ["audio", "image"])
def test_the_first_of_the_known_columns_counts(tmp_path: Path, media: str) -> None:
    """Whatever their order and case; what a manifest has as own columns wins."""
    columns = {"audio": AUDIO, "image": IMAGE}[media]
    assert columns[:2] == (media, "file_name") and TEXT_COLUMNS[0] == "text"
    while columns:
        row = {name.title(): f"{name}.x" for name in reversed(columns)} | {" Text": "a", "sentence": "b"}
        (found,) = Manifest(manifest(tmp_path, "m.jsonl", json.dumps(row)), media)
        assert found.source == tmp_path / f"{columns[0]}.x" and found.target == "a"
        columns = columns[1:]
    row = {"audio": "own.wav", "path": "other.wav", "Audio": "third.wav", "text": "", "transcript": "x"}
    (found,) = Manifest(manifest(tmp_path, "m.jsonl", json.dumps(row)), "audio")
    assert found.source == tmp_path / "own.wav" and found.target == ""


def test_separators_of_windows(tmp_path: Path) -> None:
    """A backslash parts folders, unless a file has it in its name."""
    for name in ("plain/1.wav", "odd\\2.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"sound")
    path = manifest(tmp_path, "m.csv", "audio,text\r\nplain\\1.wav,a\r\nodd\\2.wav,b\r\nno\\3.wav,c\r\n")
    assert [e.source for e in Manifest(path, "audio")] == [
        tmp_path / name for name in ("plain/1.wav", "odd\\2.wav", "no/3.wav")
    ]


BAD_NAMES = ["x" * 300 + ".wav", "/".join(["y" * 200] * 30), "a\0b.wav", "\udcff.wav", "\ud800", "gone\\" * 2000]


@pytest.mark.parametrize("column", ["audio", "path"])
def test_impossible_file_names_cost_their_own_rows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], column: str
) -> None:
    """Too long, with NUL, or not UTF-8: each is told in one sentence, and the check goes on with the others."""
    soundfile.write(tmp_path / "ok.wav", np.full(4000, 0.1, np.float32), 8000)
    rows = [{column: name, "text": "a"} for name in [*BAD_NAMES, "ok.wav"]]
    rows += [{column: "ok.wav", "text": "half \ud800", "id": 1}, {column: "ok.wav", "text": "a", "id": "\ud800"}]
    path = manifest(tmp_path, "m.jsonl", "\n".join(map(json.dumps, rows)))
    assert main(["data", "check", "asr", str(path), "--show", "20"]) == 1
    told = capsys.readouterr().out
    assert f"1 kept, {len(BAD_NAMES) + 2} dropped" in told
    assert told.count("must be a path, not '") == 3 and "'id' must be a name, not '\\ud800'" in told
    assert told.count("the name is too long; shorten it.") == 3


@pytest.mark.parametrize("name", ["x" * 300, "/".join(["y" * 200] * 30), "a\0b", "\udcff"])
@pytest.mark.parametrize("form", ["{}.jsonl", "manifest:{}.csv", "{}.txt", "coco:{}", "karpathy:{}:dev", "{}"])
def test_impossible_names_of_sources(tmp_path: Path, name: str, form: str) -> None:
    for media in ("image", "text"):
        with pytest.raises(InputError, match=r"\.$"):
            open_source(form.format(tmp_path / name if "manifest" not in form else name), media=media)


def test_texts_beside_pictures_with_impossible_names(tmp_path: Path) -> None:
    """A name that leaves no room for an ending, one that is not UTF-8, a text that is a folder: the rest is kept."""
    long = "l" * 248
    for stem in ("a", long, os.fsdecode(b"\xff"), "folder"):
        for suffix in (".gt.txt", ".PNG"):
            (tmp_path / f"{stem}{suffix}").write_bytes(b"text")
    (tmp_path / "folder.gt.txt").unlink()
    (tmp_path / "folder.gt.txt").mkdir()
    found = open_source(str(tmp_path), media="image")
    assert [(e.id, e.target) for e in found] == [("a.PNG", "text"), (f"{long}.PNG", "text")]
    words = ["is a folder", "the name is not UTF-8; rename it"]
    assert all(word in p.sentence for word, p in zip(words, found.problems, strict=True))  # type: ignore[attr-defined]


def test_captions_with_impossible_names(tmp_path: Path) -> None:
    """In the files of others too, what cannot be written or opened costs its own row."""
    names = {1: "ok.jpg", 2: "\ud800.jpg", 3: "x" * 300, 4: "a\0b.jpg"}
    images = [{"id": i, "file_name": name} for i, name in names.items()]
    notes = [{"image_id": i, "caption": "a dog"} for i in names] + [{"image_id": 1, "caption": "half \ud800"}]
    path = manifest(tmp_path, "captions_x.json", json.dumps({"images": images, "annotations": notes}))
    assert [len(e.source.name) for e in open_source(f"coco:{path}", media="image")] == [6, 300, 7]  # type: ignore[union-attr]
    rows = [{"filename": n, "split": "test", "sentences": [{"raw": "a dog"}]} for n in names.values()]
    path = manifest(tmp_path, "dataset_x.json", json.dumps({"images": rows}))
    found = open_source(f"karpathy:{path}:test", media="image")
    assert len(list(found)) == 3 and len(found.problems) == 1  # type: ignore[attr-defined]


def named_in_rows(folder: Path, paths: Sequence[str | None]) -> Path:
    """Make a data set in the Hugging Face format whose rows name files and hold none."""
    rows = [{"audio": {"path": path, "bytes": None}, "text": "a"} for path in paths]
    table = datasets.Dataset.from_list(rows)
    table.to_parquet(folder / "train.parquet")
    return folder


@pytest.mark.parametrize("streaming", [False, True])
def test_rows_of_a_downloaded_set_open_its_own_files_only(
    tmp_path: Path, streaming: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Absolute paths, `..` and links that lead out are refused, row by row; what lies within is found."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    (tmp_path / "set" / "clips").mkdir(parents=True)
    for name in ("set/clips/in.wav", "out.wav"):
        soundfile.write(tmp_path / name, np.full(4000, 0.1, np.float32), 8000)
    (tmp_path / "set" / "link.wav").symlink_to(tmp_path / "out.wav")
    own = ["clips/in.wav", str(tmp_path / "set/clips/in.wav"), "clips/../clips/in.wav"]
    alien = ["../out.wav", str(tmp_path / "out.wav"), "link.wav", "clips/../../out.wav", "http://x.y/z.wav", None]
    alien += ["file:///etc/passwd", "/etc/passwd", "a\0b.wav", "z" * 5000]
    folder = named_in_rows(tmp_path / "set", [*own, *alien])
    monkeypatch.chdir(tmp_path)
    found = list(HuggingFaceSource(str(folder), media="audio", streaming=streaming))
    assert [Path(str(e.source)).resolve() for e in found[:3]] == [folder / "clips" / "in.wav"] * 3
    outside = [e for e in found[3:] if e.source == b""]
    assert len(outside) >= 6 and all("is no file of the data set's own" in e.id for e in outside)
    assert main(["data", "check", "asr", f"hf:{folder}", "--show", "20", "--streaming", str(streaming)]) == 1
    told = capsys.readouterr().out
    assert f"3 kept, {len(alien)} dropped" in told
    assert f"row 4 of hf:{folder}: {tmp_path / 'out.wav'} is no file of the data set's own, so it is not opened" in told


def test_files_of_a_set_of_the_hub_are_those_of_its_cache(tmp_path: Path) -> None:
    """Where the name is no folder, a path is never taken for one from the working folder."""
    cache, downloads = own_folders("owner/name")
    assert cache == Path(HF_HUB_CACHE).resolve() and downloads.name == "downloads"
    assert own_folders(str(tmp_path))[0] == tmp_path.resolve()


def test_paths_of_own_manifests_may_lead_anywhere(tmp_path: Path) -> None:
    path = manifest(tmp_path, "m.csv", "audio,text\n../1.wav,a\n/data/2.wav,b\n")
    assert [e.source for e in Manifest(path, "audio")] == [tmp_path / "../1.wav", Path("/data/2.wav")]
