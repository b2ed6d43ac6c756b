"""The commands as a user types them: options, results, errors in one sentence, exit status."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from media import bad_files, noise, write
from PIL import Image

import scriba
from scriba.asr import APP
from scriba.cli import COMMANDS, main
from scriba.core.command import build_parser, parse_config
from scriba.core.errors import InputError
from scriba.core.training import check_run
from scriba.loading import TASKS, app_named

CONFIGS = sorted((Path(__file__).resolve().parent.parent / "apps").glob("*/configs/*.yaml"))


def fails_with(capsys: pytest.CaptureFixture[str], status: int, *words: str) -> str:
    """Run a command that must fail with one sentence; returns it."""
    capsys.readouterr()
    assert main(list(words)) == status
    errors = capsys.readouterr().err
    told = [line for line in errors.splitlines() if line.startswith("scriba: ")]
    assert len(told) == 1 and "Traceback" not in errors, errors
    return told[0]


def corpus(folder: Path, texts: list[str], seconds: float = 0.6) -> Path:
    """Write recordings of noise with these texts, and their manifest."""
    rows = []
    for i, text in enumerate(texts):
        write(folder / f"{i}.wav", noise(seconds))
        rows.append(json.dumps({"audio": f"{i}.wav", "text": text}))
    path = folder / "data.jsonl"
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.mark.parametrize("group", COMMANDS)
def test_help_shows_defaults_and_an_example(capsys: pytest.CaptureFixture[str], group: str) -> None:
    """Every command explains itself with an example, and options with their defaults."""
    for command in COMMANDS[group]:
        assert main([group, command, "--help"]) == 0
        text = capsys.readouterr().out
        assert f"usage: scriba {group} {command}" in text and "Example" in text and "default:" in text
    assert main(["--help"]) == 0 and main([group, "--help"]) == 0
    assert f"scriba {group}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("asr trane", "Did you mean 'asr train'?"),
        ("ars", "Did you mean 'asr'?"),
        ("asr train --trainign.epochs 3", "unknown option --trainign.epochs. Did you mean '--training.epochs'?"),
        ("asr train --attention.kind adaptive", "--attention.kind adaptive: expected one of 'additive', 'location'"),
        ("asr train --training.epochs many", "--training.epochs many: expected a whole number, 1 or more."),
        ("asr train", "--data.train: name the training data"),
        ("asr train --data.train synth:dtmf --loss.ctc_weight 2", "--loss.ctc_weight 2.0: give 0 to 1."),
        ("asr train --training.log_every 0", "--training.log_every 0: give 1 or more."),
        ("asr train --heads ctc", "--loss.ctc_weight 0.3: with --heads ctc give 1."),
        ("asr train --config none.yaml", "none.yaml"),
        (
            "asr train --data.train synth:dtmf:train:2 --encoder.kind blst",
            "--encoder.kind blst: use blstm. Did you mean",
        ),
        ("asr transcribe", "files"),
        ("asr eval asr-an4-en synth:dtmf --precision float16", "--precision float16 needs a GPU"),
        ("data check arithmetic x", "no such app"),
        ("caption describe x.png --model=", "--model: name a bundle folder"),
    ],
)
def test_wrong_usage(capsys: pytest.CaptureFixture[str], words: str, message: str) -> None:
    """A wrong command, option or value is one sentence with the nearest right one, exit status 2."""
    assert message in fails_with(capsys, 2, *words.split())


def test_config_files_win_by_order_and_are_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong key or value in a YAML file is named like an option."""
    config = tmp_path / "c.yaml"
    for text, message in (
        ("training: {epocs: 3}\n", "--training.epocs. Did you mean '--training.epochs'?"),
        ("training: {epochs: many}\n", "--training.epochs many: expected a whole number, 1 or more."),
        ("training: {epochs: 0}\n", "--training.epochs 0: give 1 or more."),
        ("training: [\n", f"--config {config}: is no YAML file of options"),
    ):
        config.write_text(text)
        assert message in fails_with(capsys, 2, "asr", "train", "--config", str(config))
    config.write_text("seed: 5\ndevice: cpu\n")
    for options, seed in ((["--config", str(config)], 5), (["--config", str(config), "--seed", "7"], 7)):
        parser = build_parser("", "", APP.config, defaults=APP.defaults)
        assert parse_config(parser, APP.config, options) == APP.configure(seed=seed, device="cpu")


@pytest.mark.parametrize("task", TASKS)
def test_a_run_from_python_has_the_defaults_of_the_command_line(task: str) -> None:
    """And the defaults make sense."""
    app = app_named(task)
    assert parse_config(build_parser("", "", app.config, defaults=app.defaults), app.config, []) == app.configure()
    check_run(app.configure())


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_config_files_that_come_with_the_apps_hold(path: Path) -> None:
    """Every option in them is one of training, and they make sense together."""
    app = app_named(path.parts[-3])
    parser = build_parser("", "", app.config, defaults=app.defaults)
    check_run(parse_config(parser, app.config, ["--config", str(path)]))


def test_train_eval_transcribe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From no data to a bundle that is scored, used from the command line and from Python."""
    options = "--encoder.size 24 --encoder.layers 1 --encoder.channels 4 --decoder.size 24 --attention.size 16"
    options += " --features.sample_rate 8000 --features.mel_bins 40 --training.epochs 2 --device cpu"
    run, out = tmp_path / "run", tmp_path / "scores.json"
    data = "--data.train synth:dtmf:train:40 --data.dev synth:dtmf:dev:5"
    assert main(["asr", "train", *options.split(), *data.split(), "--run_dir", str(run)]) == 0
    bundle = str(run / "bundle")
    texts = tmp_path / "texts.jsonl"
    command = ["asr", "eval", bundle, "synth:dtmf:test:12", "--limit", "10", "--json", str(out), "--texts", str(texts)]
    assert main(command) == 0
    report = json.loads(out.read_text())
    for key in ("task", "model", "data", "n", "seconds", "decoding", "wer", "cer", "real_time_factor"):
        assert key in report
    assert report["n"] == 10 and report["heads"].keys() == {"ctc", "attention"}
    assert {"cer", "wer", "word_substitutions", "char_deletions"} <= report["heads"]["attention"].keys()
    rows = [json.loads(line) for line in texts.read_text().splitlines()]
    assert len(rows) == 10 and rows[0].keys() == {"id", "reference", "text"}
    sound = np.random.default_rng(0).standard_normal(8000).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", sound / 10, 8000)
    assert main(["asr", "transcribe", str(tmp_path / "a.wav"), "--model", bundle]) == 0
    line = capsys.readouterr().out.splitlines()[-1]
    model = scriba.load(bundle)
    assert model.transcribe(str(tmp_path / "a.wav")).text == line
    assert model.transcribe(sound / 10, rate=8000).text == model.transcribe(tmp_path / "a.wav").text
    attention = scriba.load(bundle, method="attention").transcribe(tmp_path / "a.wav")
    assert attention.attention_UT is not None
    with pytest.raises(ValueError, match="rate"):
        model.transcribe(sound)
    with pytest.raises(InputError, match="no such file"):
        model.transcribe("nowhere.wav")


def test_eval_of_damaged_data_scores_the_rest(
    small_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bad files and broken rows are told, counted in the JSON, and the others scored; exit status 1."""
    bad = bad_files(tmp_path)
    rows = [{"audio": str(path), "text": "a"} for path in bad]
    rows += [{"audio": str(write(tmp_path / f"ok{i}.wav", noise(0.5))), "text": "ab"} for i in range(3)]
    manifest = tmp_path / "mixed.jsonl"
    manifest.write_text("\n".join([*map(json.dumps, rows), "{broken"]) + "\n")
    out = tmp_path / "scores.json"
    assert main(["asr", "eval", str(small_bundle), str(manifest), "--json", str(out), "--device", "cpu"]) == 1
    report = json.loads(out.read_text())
    assert report["n"] == 3 and len(report["failed"]) == len(bad) and report["broken_rows"] == 1
    errors = capsys.readouterr().err
    assert f"{manifest}:{len(rows) + 1}: is not JSON" in errors
    assert all(str(path) in errors for path in bad)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
@pytest.mark.parametrize("damage", ["missing", "truncated"])
def test_damaged_model(
    small_bundle: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    damage: str,
) -> None:
    """A model folder with a missing or truncated file is one sentence, exit status 1."""
    model = shutil.copytree(small_bundle, tmp_path / "model")
    data = (model / name).read_bytes()
    (model / name).unlink()
    if damage == "truncated":
        (model / name).write_bytes(data[: len(data) // 2])
    told = fails_with(capsys, 1, "asr", "transcribe", str(write(tmp_path / "a.wav", noise(0.5))), "--model", str(model))
    assert str(model / name) in told and "copy the model folder again" in told


def test_unknown_model(capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt bundled model is answered with the nearest name."""
    assert "Did you mean 'asr-an4-en'?" in fails_with(capsys, 1, "asr", "eval", "asr-an4-eng", "synth:dtmf")


def test_data_check_of_captions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A caption may be longer than the feature map has cells; one of nothing but punctuation is empty."""
    Image.new("RGB", (8, 8)).save(tmp_path / "1.png")
    caption = "a very long caption of a very dark picture in which there is nothing to see"
    (tmp_path / "long.jsonl").write_text(json.dumps({"image": "1.png", "captions": [caption]}))
    assert main(["data", "check", "caption", str(tmp_path / "long.jsonl")]) == 0
    (tmp_path / "empty.jsonl").write_text(json.dumps({"image": "1.png", "captions": ["!!!"]}))
    assert main(["data", "check", "caption", str(tmp_path / "empty.jsonl")]) == 1
    assert "the text is empty" in capsys.readouterr().out


def test_data_check_counts_every_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Kept and dropped rows by reason, the alphabet with counts, characters that only dev has, a histogram."""
    path = corpus(tmp_path, ["abba", "bé a", "  ", "a" * 40])
    rows = path.read_text().splitlines()
    hour = write(tmp_path / "hour.flac", np.zeros(3600 * 1000, np.float32), rate=1000)
    rows += [json.dumps({"audio": "none.wav", "text": "x"}), json.dumps({"audio": str(hour), "text": "x"}), "{", "[]"]
    path.write_text("\n".join(rows) + "\n")
    (tmp_path / "dev").mkdir()
    dev = corpus(tmp_path / "dev", ["abz"])
    assert main(["data", "check", "asr", str(path), "--dev", str(dev)]) == 1
    text = capsys.readouterr().out
    assert "2 kept, 6 dropped" in text
    for reason in ("broken row: 2", "unreadable: 1", "empty text: 1", "too long: 1", "too short for CTC: 1"):
        assert f"dropped, {reason}" in text
    assert "a 3   b 3   é 1" in text and "space 1" in text and "#####" in text
    assert "lacks: 'z' 1" in text
    assert "its text needs 79 encoder positions and the input gives 16" in text
    assert main(["data", "check", "asr", str(dev)]) == 0


def test_data_check_reads_as_the_training_would(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Options of training and its config files decide what is kept: lengths, texts, and whether CTC has to align."""
    path = str(corpus(tmp_path, ["Ab!", "a" * 40]))
    attention = ["--heads", "attention", "--loss.ctc_weight", "0"]
    (tmp_path / "c.yaml").write_text("data: {normalise: words}\nfeatures: {max_seconds: 0.5}\n")
    for options, status, told in (
        ([], 1, "too short for CTC: 1"),
        (attention, 0, "! 1   A 1   a 40   b 1"),
        ([*attention, "--config", str(tmp_path / "c.yaml")], 1, "too long: 2"),
        ([*attention, "--config", str(tmp_path / "c.yaml"), "--features.max_seconds", "9"], 0, "a 41   b 1"),
    ):
        assert main(["data", "check", "asr", path, *options]) == status
        assert told in capsys.readouterr().out
    told = fails_with(capsys, 2, "data", "check", "asr", path, "--training.epochs", "0")
    assert "--training.epochs 0: give 1 or more." in told
    assert main(["data", "check", "--show", "0", *attention, "asr", path]) == 0, "options may come first"


def test_train_refuses_data_that_would_mostly_be_lost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same check runs before training, and more than 2 % of losses stop it unless told."""
    path = corpus(tmp_path, ["ab", "a" * 40])
    told = fails_with(capsys, 1, "asr", "train", "--data.train", str(path), "--run_dir", str(tmp_path / "run"))
    assert "50.0 % of the rows cannot be used" in told and "--data.max_lost 0.501" in told
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("app", "source"),
    [("asr", "synth:dtmf:train:3"), ("ocr", "synth:lines:train:3"), ("caption", "synth:scenes:train:3")],
)
@pytest.mark.parametrize("augmented", ["true", "false"])
def test_preview_draws_the_examples(
    app: str, source: str, augmented: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A sheet with as many examples as there are; the same again for the same seed; what is refused is told."""
    sheets = [tmp_path / f"{i}.png" for i in range(2)]
    for sheet in sheets:
        assert main(["data", "preview", app, source, "--out", str(sheet), "--augmented", augmented]) == 0
        assert f"{sheet}: 3 examples" in capsys.readouterr().out
    assert sheets[0].read_bytes() == sheets[1].read_bytes()
    assert "no such app" in fails_with(capsys, 2, "data", "preview", "acr", source)
    assert "--out x.txt" in fails_with(capsys, 2, "data", "preview", app, source, "--out", "x.txt")
    assert "no example from number 9" in fails_with(capsys, 1, "data", "preview", app, source, "--start", "9")
