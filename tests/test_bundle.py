"""Model bundles and the files below them: round trips, damage, and that nothing loaded is ever unpickled."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scriba.core.bundle import load_bundle, load_weights, resolve_model, save_bundle
from scriba.core.errors import InputError
from scriba.core.files import replacing, write_text
from scriba.core.tokenizer import BLANK, SOS_EOS, UNK, CharTokenizer, tokenizer_from_json

FILES = ("config.json", "tokenizer.json", "model.safetensors", "README.md")


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    weights = {"layer.weight": torch.randn(3, 4), "count": torch.tensor(7)}
    save_bundle(folder, task="toy", config={"size": 3}, tokenizer=CharTokenizer("ab"), weights=weights, card="# card\n")
    return folder


def test_round_trip(bundle: Path) -> None:
    """A bundle holds four files, and loading gives back config, tokenizer and weights (floats as float16)."""
    loaded = load_bundle(bundle)
    assert {path.name for path in bundle.iterdir()} == set(FILES)
    assert (loaded.task, loaded.config) == ("toy", {"size": 3})
    assert loaded.tokenizer.encode("ba") == [4, 3]
    assert loaded.weights["layer.weight"].dtype == torch.float16 and int(loaded.weights["count"]) == 7


@pytest.mark.parametrize("name", FILES[:3])
@pytest.mark.parametrize("damage", ["missing", "truncated", "empty", "rubbish"])
def test_each_damaged_file_is_named(bundle: Path, name: str, damage: str) -> None:
    """One sentence that names the file and the remedy, whichever file and whatever is wrong with it."""
    path = bundle / name
    data = path.read_bytes()
    path.unlink()
    if damage != "missing":
        path.write_bytes({"truncated": data[: len(data) // 2], "empty": b"", "rubbish": b"\x80\x05rubbish"}[damage])
    with pytest.raises(InputError) as error:
        load_bundle(bundle)
    assert str(path) in str(error.value) and "copy the model folder again" in str(error.value)
    assert "\n" not in str(error.value)


class Bomb:
    """Touches a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("writer", ["pickle", "torch"])
def test_pickles_are_never_run(bundle: Path, tmp_path: Path, writer: str) -> None:
    """A pickle in place of the weights is refused as damaged, and its code does not run."""
    with (bundle / "model.safetensors").open("wb") as file:
        (pickle.dump if writer == "pickle" else torch.save)(Bomb(tmp_path / "ran"), file)
    with pytest.raises(InputError, match=r"model\.safetensors: damaged"):
        load_bundle(bundle)
    assert not (tmp_path / "ran").exists()


def test_missing_folder_and_foreign_config(bundle: Path, tmp_path: Path) -> None:
    """A folder that is none, and a config of something else, are told apart."""
    with pytest.raises(InputError, match="no such model folder"):
        load_bundle(tmp_path / "none")
    write_text(bundle / "config.json", json.dumps({"model_type": "other"}))
    with pytest.raises(InputError, match="not the config of a scriba model"):
        load_bundle(bundle)


def test_models_are_found_by_name(bundle: Path, tmp_path: Path) -> None:
    """A folder or a bundled name; a typing error is answered with the nearest name."""
    assert resolve_model(str(bundle), tmp_path) == bundle
    assert resolve_model("bundle", tmp_path) == bundle
    with pytest.raises(InputError, match=r"bundel: .*\(bundle\)\. Did you mean 'bundle'\?"):
        resolve_model("bundel", tmp_path)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"weight": torch.zeros(2, 3)}, "lacks the weights 'bias'"),
        ({"weight": torch.zeros(3, 2), "bias": torch.zeros(2)}, r"'weight' has shape \(3, 2\) instead of \(2, 3\)"),
        ({"weight": torch.zeros(2, 3), "bias": torch.zeros(2), "bia": torch.zeros(2)}, "has weights 'bia'"),
    ],
)
def test_weights_that_do_not_fit_are_named(weights: dict[str, torch.Tensor], message: str) -> None:
    """Missing, misshapen and superfluous weights are each named, before anything is changed."""
    layer = torch.nn.Linear(3, 2)
    before = layer.weight.clone()
    with pytest.raises(InputError, match=message):
        load_weights(layer, weights, "model.safetensors")
    assert torch.equal(layer.weight, before)


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path) -> None:
    """What fails half-way neither harms the old file nor leaves a new one behind."""
    path = tmp_path / "result.json"
    write_text(path, "old")
    with pytest.raises(RuntimeError), replacing(path) as aside:
        aside.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_tokenizer_round_trip(text: str) -> None:
    """Any text comes back from its ids, also through JSON; the special ids are fixed."""
    tokenizer = CharTokenizer.train([text])
    again = tokenizer_from_json(json.dumps(tokenizer.to_json()), "tokenizer.json")
    assert again.decode([SOS_EOS, *again.encode(text), BLANK]) == text
    assert (BLANK, SOS_EOS, UNK) == (0, 1, 2) and len(again) == 3 + len(set(text))
    assert CharTokenizer("a").encode("ab") == [3, UNK]
