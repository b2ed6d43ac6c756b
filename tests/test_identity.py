"""A run goes on only as the run it was: options, tokens and data; and a damaged folder is told in one sentence."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from toy import toy_app, toy_examples

from scriba.core.errors import InputError, UsageError
from scriba.core.files import load_bundle
from scriba.core.model import AttentionConfig, DecoderConfig, build_model
from scriba.core.text import CharTokenizer
from scriba.core.training import NamedSource, RunConfig, Sources, train
from scriba.core.training.config import TrainingConfig
from scriba.core.training.run import start_from
from scriba.core.training.tied import known_rows

HUGE = b'{"step": 1' + b"0" * 400 + b"}"
TEXTS = ["ab", "ba", "aab", "abb", "bab", "a b"]


def settings(folder: Path, **training: object) -> RunConfig:
    return RunConfig(
        attention=AttentionConfig(size=8),
        decoder=DecoderConfig(size=8, embedding_size=4),
        training=TrainingConfig(epochs=3, batch_size=3, checkpoint_every=1, log_every=1, **training),
        run_dir=str(folder),
        device="cpu",
        precision="float32",
    )


def stop(*_: object) -> None:
    raise KeyboardInterrupt


def run(folder: Path, texts: list[str], dev: list[str] | None = None, **app: object) -> None:
    sources = Sources(NamedSource("toy", toy_examples(texts)), NamedSource("dev", toy_examples(dev or TEXTS[:2])))
    train(toy_app(**app), settings(folder), sources)


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that stopped at its first evaluation."""
    folder = tmp_path_factory.mktemp("begun") / "run"
    with pytest.raises(KeyboardInterrupt):
        run(folder, TEXTS, evaluate=stop)
    return folder


@pytest.fixture
def folder(begun: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(begun, tmp_path / "run"))


def kept_of(folder: Path) -> bytes:
    return (folder / "checkpoints" / "last").read_bytes()


@pytest.mark.parametrize(
    ("texts", "dev", "told"),
    [
        ([*TEXTS[:-1], "a c"], None, r"other tokens: 'c' new.*other training data"),
        (["ab", "ba", "aab", "abb", "bab", "aaab"], None, r"other tokens: ' ' gone"),
        ([*TEXTS, "ab"], None, "other training data, 7 examples instead of 6"),
        (["ab", "ab", "aab", "abb", "bab", "a b"], None, r"\(other training data\)"),
        (TEXTS, ["ab"], "other dev data, 1 examples instead of 2"),
    ],
)
def test_other_texts_are_another_run(folder: Path, texts: list[str], dev: list[str] | None, told: str) -> None:
    """One letter more, one text changed: refused before anything is trained, and nothing is lost."""
    before = kept_of(folder)
    with pytest.raises(UsageError, match=rf"holds another run .*{told}.*; resume it with the same options and data"):
        run(folder, texts, dev)
    assert kept_of(folder) == before
    run(folder, TEXTS)
    assert load_bundle(folder / "bundle").tokenizer.decode([4, 5]) == "ab"


@pytest.mark.parametrize("kept", ["config.yaml", "check.json", "log.jsonl"])
@pytest.mark.parametrize(
    "damage", [None, b"", b"\xff\xfe\0", b"[1", b'{"rows": 1}\n', b'{"step": 1' + b"0" * 400 + b"}"]
)
def test_what_is_beside_the_checkpoint_may_be_damaged(folder: Path, kept: str, damage: bytes | None) -> None:
    """The options travel in the checkpoint: without config.yaml another learning rate is still another run."""
    path = folder / kept
    path.unlink() if damage is None else path.write_bytes(damage)
    changed = replace(settings(folder), training=replace(settings(folder).training, learning_rate=0.5))
    with pytest.raises(UsageError, match=r"training\.learning_rate was 0\.0015, is 0\.5"):
        train(toy_app(), changed, Sources(NamedSource("toy", toy_examples(TEXTS))))
    run(folder, TEXTS)
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert all("step" in line for line in lines) and "learning_rate: 0.0015" in (folder / "config.yaml").read_text()


Metadata = dict[str, str]


def with_state(**values: object) -> Callable[[Metadata], Metadata]:
    return lambda m: m | {"state": json.dumps(json.loads(m["state"]) | values)}


DAMAGES: Mapping[str, Callable[[Metadata], Metadata]] = {
    "no metadata": lambda m: {},
    "no state": lambda m: {n: v for n, v in m.items() if n != "state"},
    "no identity": lambda m: {n: v for n, v in m.items() if n != "identity"},
    "state is no JSON": lambda m: m | {"state": "{"},
    "state is a list": lambda m: m | {"state": "[1]"},
    "state is nested": lambda m: m | {"state": "[" * 100_000},
    "unknown key": with_state(colour=1),
    "wrong type": with_state(step="many"),
    "identity is a list": lambda m: m | {"identity": "[]"},
    "identity of numbers": lambda m: m | {"identity": '{"options": 1}'},
    "data of numbers": lambda m: m | {"identity": json.dumps(json.loads(m["identity"]) | {"data": {"training": 1}})},
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_metadata_is_told(folder: Path, damage: str) -> None:
    path = folder / "checkpoints" / "last"
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    save_file(load_file(path), path, metadata=DAMAGES[damage](metadata))
    with pytest.raises(InputError, match=rf"^{path}: is damaged, or of another version of scriba .*; remove it"):
        run(folder, TEXTS)


@pytest.mark.parametrize("damage", ["renamed", "removed", "shape", "another file", "cut", "empty", "folder"])
def test_damaged_tensors_are_told(folder: Path, damage: str) -> None:
    path = folder / "checkpoints" / "last"
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
    tensors = load_file(path)
    name = next(name for name in tensors if name.startswith("optimizer.3.exp_avg"))
    tensor = tensors.pop(name)
    if damage in ("renamed", "removed", "shape"):
        more = {"renamed": {"optimizer.3.exp_avg2": tensor}, "removed": {}, "shape": {name: torch.zeros(2)}}[damage]
        save_file(tensors | more, path, metadata=metadata)
    elif damage == "another file":
        save_file({"x": torch.zeros(1)}, path)
    elif damage == "folder":
        path.unlink()
        path.mkdir()
    else:
        path.write_bytes(path.read_bytes()[: 1000 if damage == "cut" else 0])
    with pytest.raises(InputError, match=rf"^{path}: (is )?(damaged|a folder).*; remove it"):
        run(folder, TEXTS)


def test_a_run_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"--run_dir .*file: is a file; name a folder"):
        run(tmp_path / "file", TEXTS)


def test_one_letter_more_keeps_the_rows_of_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--init with another alphabet: what a letter has learnt stays with it, wherever its row is now."""
    run(tmp_path / "old", TEXTS)
    init = load_bundle(tmp_path / "old" / "bundle")
    new = CharTokenizer(["A", *init.tokenizer.characters])  # type: ignore[attr-defined]
    rows = known_rows(new, init.tokenizer)
    assert rows == ([0, 1, 2, 4, 5, 6], [0, 1, 2, 3, 4, 5])
    model = build_model(settings(tmp_path).model(), toy_app().encoder(settings(tmp_path)), len(new))
    before = model.ctc.output.weight[3].clone()
    start_from(model, new, init)
    for name in ("ctc.output.weight", "ctc.output.bias", "decoder.embedding.weight"):
        assert torch.equal(model.state_dict()[name][4:], init.weights[name][3:].float()), name
    assert torch.equal(model.ctc.output.weight[3], before)
    assert "1 of 7 tokens are new" in capsys.readouterr().err


def test_a_start_that_hardly_fits_is_refused(tmp_path: Path) -> None:
    run(tmp_path / "old", TEXTS)
    init = load_bundle(tmp_path / "old" / "bundle")
    other = replace(settings(tmp_path / "new"), decoder=DecoderConfig(size=12, embedding_size=6))
    other = replace(other, attention=AttentionConfig(size=12))
    with pytest.raises(InputError, match=r"--init .*of its \d+ tensors fit the configured model; give the options"):
        train(toy_app(), other, Sources(NamedSource("toy", toy_examples(TEXTS)), init=init))
