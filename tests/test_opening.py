"""Whatever a file name is, and whatever the operating system says of it, people get one sentence that names it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from media import file_of, noise, print_line, write

from scriba.asr.transcribe import main as transcribe
from scriba.core.command import Output
from scriba.core.errors import InputError, UsageError
from scriba.core.files import check_writable, opened, read_json, read_text, replacing, write_json, write_text
from scriba.core.files.disk import MAX_JSON
from scriba.core.text import visible
from scriba.ocr.read import main as read

LATIN = os.fsdecode(b"caf\xe9.wav")
"""A name in bytes that are no UTF-8."""


def run(*words: str, **options: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-m", "scriba.cli", *words], capture_output=True, timeout=120, **options)


def names(folder: Path) -> dict[str, str]:
    """Names that no file has, or that cannot be opened, with a word of their sentences."""
    (folder / "folder.wav").mkdir(exist_ok=True)
    (folder / "file").write_text("")
    return {
        str(folder / "missing.wav"): "no such file",
        str(folder / "folder.wav"): "is a folder",
        str(folder / ("x" * 300 + ".wav")): "the name is too long",
        str(folder / "file" / "x.wav"): "no folder",
        f"{folder}/a\0b.wav": "no file can have that name",
        str(folder / "\ud800.wav"): "no file can have that name",
        str(folder / os.fsdecode(b"\xe9.wav")): "no such file",
    }


def test_opening_tells_each_failure(tmp_path: Path) -> None:
    for name, told in names(tmp_path).items():
        with pytest.raises(InputError, match=told) as caught, opened(Path(name), name):
            pass
        assert str(caught.value).startswith(name) and str(caught.value).endswith(".")


def test_permissions_are_told_whoever_runs_the_tests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    (tmp_path / "x").write_text("")
    with pytest.raises(InputError, match="may not be read; check its permissions"), opened(tmp_path / "x", "x"):
        pass


def test_pipes_and_standard_input_are_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What flows can be gone through more than once, as files are."""
    pipe, data = tmp_path / "pipe", os.urandom(3_000_000)
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(data,))
    writer.start()
    with opened(pipe, "pipe") as file:
        assert file.read() == data and file.seek(5) == 5 and file.read(3) == data[5:8]
    writer.join()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    with opened(Path("-"), "-") as file:
        assert file.read() == data


def test_a_pipe_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scriba.core.files.opening.MAX_FLOW", 1 << 20)
    with pytest.raises(InputError, match="/dev/zero: does not end"), opened(Path("/dev/zero"), "/dev/zero"):
        pass


def test_texts_have_bounds(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    with path.open("wb") as file:
        file.truncate(MAX_JSON + 1)
    with pytest.raises(InputError, match="is larger than 64 MiB"):
        read_json(path, "remove it")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="is not UTF-8 text"):
        read_text(path)


@pytest.mark.parametrize("place", ["folder", "missing/x", "file/x"])
def test_what_cannot_be_written_is_told(tmp_path: Path, place: str) -> None:
    """The file is named, not the one aside of it; and nothing is left."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("kept")
    path = tmp_path / place
    if place == "missing/x":
        write_text(path, "x")
        assert path.read_text() == "x"
    else:
        with pytest.raises(InputError, match=rf"^{path}: (is a folder|a part of the path is no folder|cannot be)"):
            write_text(path, "x")
    assert not list(tmp_path.rglob("*.part")) and (tmp_path / "file").read_text() == "kept"


def test_names_of_the_greatest_length_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("ä" * 127 + "x")
    write_text(path, "x")
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_text_that_is_no_unicode_can_be_written(tmp_path: Path) -> None:
    """Half a pair is escaped, and JSON stays JSON."""
    write_json(tmp_path / "x.json", {"file": LATIN})
    assert json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))["file"] == LATIN


def test_a_failing_writer_leaves_the_old_file(tmp_path: Path) -> None:
    write_text(tmp_path / "x", "old")
    with pytest.raises(InputError, match="there is no room left on the disk; make some"), replacing(tmp_path / "x"):
        raise OSError(28, "No space left on device")
    assert (tmp_path / "x").read_text() == "old" and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("name", "folder", "told"),
    [
        ("folder", False, "is a folder; name a file"),
        ("file", True, "is a file; name a folder"),
        ("file/x/y", False, "a part of the path is no folder"),
        ("x" * 300, False, "the name is too long"),
        ("new/x", False, None),
        ("new/x", True, None),
        ("file", False, None),
        ("folder", True, None),
    ],
)
def test_places_for_results_are_checked_before_the_work(
    tmp_path: Path, name: str, folder: bool, told: str | None
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    if told is None:
        check_writable(str(tmp_path / name), "--json", folder=folder)
    else:
        with pytest.raises(UsageError, match=rf"--json .*{told}"):
            check_writable(str(tmp_path / name), "--json", folder=folder)
    assert len(list(tmp_path.iterdir())) == 2


def test_one_bad_name_does_not_end_a_batch(
    small_bundle: Path, line_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Recordings and pictures: the bad ones are told, those before and after are done, odd names are escaped."""
    wav, png = (
        write(tmp_path / "x.wav", noise(0.5)).rename(tmp_path / LATIN),
        tmp_path / os.fsdecode(b"\xe9\x1b[31m\n.png"),
    )
    png.write_bytes(file_of(print_line()))
    raw = tmp_path / "x.raw"
    raw.write_bytes(wav.read_bytes())
    for command, bundle, good in ((transcribe, small_bundle, (wav, raw)), (read, line_bundle, (png,))):
        bad = names(tmp_path)
        words = [*map(str, good), *bad, *map(str, good), "--model", str(bundle), "--device", "cpu"]
        assert command([*words, "--format", "json"]) == 1
        captured = capsys.readouterr()
        rows = [json.loads(line) for line in captured.out.splitlines()]
        assert [row["file"] for row in rows] == [*map(str, good), *map(str, good)]
        for line, told in zip(captured.err.splitlines(), bad.values(), strict=True):
            assert line.startswith("scriba: ") and told in line and line.isprintable(), line
        assert command([*words, "--out", str(tmp_path / "out")]) == 1
        captured = capsys.readouterr()
        assert all(line.isprintable() for line in captured.err.splitlines())
    assert {p.name for p in (tmp_path / "out").iterdir()} >= {LATIN.replace(".wav", ".txt"), "x.txt"}


def test_results_that_cannot_be_written_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The rest of the batch is written; a name that is too long with its ending is shortened, and that is told."""
    (tmp_path / "t.txt").mkdir()
    output, long = Output(str(tmp_path), "txt"), "x" * 255
    for name in ("t", "u", long):
        output.write(name, output.stem(name, name), "said\n", named=False)
    assert output.failed == 1 and (tmp_path / "u.txt").read_text() == "said\n"
    assert (tmp_path / f"{'x' * 239}.txt").read_text() == "said\n"
    told = capsys.readouterr().err
    assert "t.txt: is a folder" in told and "is written as" in told


def test_standard_input_is_a_file(small_bundle: Path, line_bundle: Path, tmp_path: Path) -> None:
    """`cat x.wav | scriba asr transcribe -`, and a picture through a pipe."""
    wav = write(tmp_path / "x.wav", noise(0.5)).read_bytes()
    done = run("asr", "transcribe", "-", "--model", str(small_bundle), "--format", "json", input=wav)
    assert done.returncode == 0 and json.loads(done.stdout)["duration"] == pytest.approx(0.5, abs=0.02)
    png = tmp_path / "x.png"
    png.write_bytes(file_of(print_line()))
    command = f"{sys.executable} -m scriba.cli ocr read <(cat {png}) - --format json --model {line_bundle} < {png}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, timeout=120)
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 2, done.stderr


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ä 漢 🙂", "plain ä 漢 🙂"),
        ("a\nb\tc", "a\\u000ab\\u0009c"),
        ("\x1b[31m\x9b\x7f", "\\u001b[31m\\u009b\\u007f"),
        ("\udce9", "\\udce9"),
        ("a\u202eb\u2028", "a\\u202eb\\u2028"),
    ],
)
def test_nothing_moves_a_cursor(text: str, shown: str) -> None:
    assert visible(text) == shown and visible(text).isprintable()
    assert json.loads(f'"{visible(text)}"') == text
