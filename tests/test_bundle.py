"""Model bundles and the files below them: round trips, damage, and that nothing loaded is ever unpickled."""

from __future__ import annotations

import io
import json
import os
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from toy import untrained_bundle

from scriba.core.errors import InputError
from scriba.core.files import load_bundle, load_weights, read_json, replacing, resolve_model, save_bundle, write_text
from scriba.core.files.formats import FORMAT
from scriba.core.text import CharTokenizer
from scriba.loading import app_named, open_recogniser

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
    assert (bundle / "README.md").read_text() == "# card\n"
    assert len({path.stat().st_mode for path in bundle.iterdir()}) == 1  # who may read one may read all


def test_model_round_trip(tmp_path: Path) -> None:
    """Any model comes back to within float16's rounding: buffers, counters and transposed tensors alike."""
    torch.manual_seed(0)
    model, other = (torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4)) for _ in range(2))
    model(torch.randn(9, 3))
    weights = {name: t.t().contiguous().t() if t.ndim == 2 else t for name, t in model.state_dict().items()}
    assert not weights["0.weight"].is_contiguous()
    save_bundle(tmp_path, task="toy", config={}, tokenizer=CharTokenizer("ab"), weights=weights, card="")
    load_weights(other, load_bundle(tmp_path).weights, "model.safetensors")
    for name, tensor in other.state_dict().items():
        assert tensor.dtype == weights[name].dtype
        torch.testing.assert_close(tensor, weights[name], rtol=2**-11, atol=1e-7)


def test_a_failed_save_leaves_the_old_weights(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk is full half-way, the old weights stay as they were and no remains are left."""
    before = (bundle / "model.safetensors").read_bytes()

    def fail(tensors: object, path: Path) -> None:
        path.write_bytes(before[:20])
        raise OSError("no space left on device")

    monkeypatch.setattr("scriba.core.files.bundle.save_file", fail)
    with pytest.raises(InputError, match="no space"):
        save_bundle(bundle, task="toy", config={}, tokenizer=CharTokenizer("ab"), weights={}, card="")
    assert (bundle / "model.safetensors").read_bytes() == before
    assert {path.name for path in bundle.iterdir()} == set(FILES)


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


def with_bytes(data: bytes, changes: list[tuple[int, int]], length: int) -> bytes:
    """Return data with some bytes replaced, cut off at a length."""
    damaged = bytearray(data)
    for place, value in changes:
        damaged[place % len(data)] = value
    return bytes(damaged[: length % (len(data) + 1)] if length >= 0 else damaged)


@pytest.mark.parametrize("name", FILES[:3])
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 255)), max_size=3), st.integers(-1, 500))
def test_damage_of_any_kind_is_told_in_one_sentence(
    bundle: Path, name: str, changes: list[tuple[int, int]], length: int
) -> None:
    """Cut anywhere, any bytes changed: a file either still loads or is named in one line; nothing else is raised."""
    path = bundle / name
    data = path.read_bytes()
    path.write_bytes(with_bytes(data, changes, length))
    try:
        load_bundle(bundle)
    except InputError as error:
        assert str(path) in str(error) and "\n" not in str(error)
    finally:
        path.write_bytes(data)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
@pytest.mark.parametrize(
    "content", ["null", "[]", "3", '"text"', "{}", "[" * 100_000, '{"kind": "bpe", "scriba": "2"}']
)
def test_json_of_something_else_is_told(bundle: Path, name: str, content: str) -> None:
    """JSON that is valid and yet not ours is named like any damage."""
    (bundle / name).write_text(content)
    with pytest.raises(InputError, match=rf"{name}: .*copy the model folder again\.$"):
        load_bundle(bundle)


@pytest.mark.parametrize("characters", [3, None, [1], ["ab"], ["a", "a"], [["a"]]])
def test_a_broken_alphabet_is_told(bundle: Path, characters: object) -> None:
    """An alphabet that is no list of different single characters is named, not used."""
    (bundle / "tokenizer.json").write_text(json.dumps({"kind": "characters", "characters": characters}))
    with pytest.raises(InputError, match=r"tokenizer\.json: not a scriba tokenizer"):
        load_bundle(bundle)


@pytest.mark.parametrize("name", FILES[:3])
def test_a_folder_in_place_of_a_file_is_told(bundle: Path, name: str) -> None:
    """A folder of that name is no file."""
    (bundle / name).unlink()
    (bundle / name).mkdir()
    with pytest.raises(InputError, match=rf"{name}: "):
        load_bundle(bundle)


class Bomb:
    """Touches a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("writer", ["pickle", "torch"])
@pytest.mark.parametrize("name", FILES[:3])
def test_pickles_are_never_run(bundle: Path, tmp_path: Path, name: str, writer: str) -> None:
    """A pickle in place of a file is refused as damaged, and its code does not run, though it could."""
    dump = pickle.dump if writer == "pickle" else torch.save
    with (bundle / name).open("wb") as file:
        dump(Bomb(tmp_path / "ran"), file)
    with pytest.raises(InputError, match=rf"{name}: damaged"):
        load_bundle(bundle)
    assert not (tmp_path / "ran").exists()
    data = (bundle / name).read_bytes()
    torch.load(io.BytesIO(data), weights_only=False) if writer == "torch" else pickle.loads(data)
    assert (tmp_path / "ran").exists()


def test_missing_folder_and_foreign_config(bundle: Path, tmp_path: Path) -> None:
    """A folder that is none, and a config of something else, are told apart."""
    with pytest.raises(InputError, match="no such model folder"):
        load_bundle(tmp_path / "none")
    write_text(bundle / "config.json", json.dumps({"model_type": "other"}))
    with pytest.raises(InputError, match="not the config of a scriba model"):
        load_bundle(bundle)


@pytest.mark.parametrize(("version", "remedy"), [(FORMAT + 1, "update scriba, or copy"), (0, "copy"), (-1, "copy")])
def test_a_format_that_is_not_known_is_told(bundle: Path, version: int, remedy: str) -> None:
    """One of a version of scriba that is newer than this is told apart from damage."""
    write_text(bundle / "config.json", json.dumps({"scriba": version, "task": "toy"}))
    with pytest.raises(
        InputError, match=rf"config\.json: .* \(format 1 to {FORMAT}\); {remedy} the model folder again"
    ):
        load_bundle(bundle)


SIZES: dict[str, dict[str, Any]] = {"decoder": {"size": 8, "embedding_size": 4}, "attention": {"size": 8}}
SPEECH: dict[str, Any] = {"encoder": {"channels": 4, "size": 8, "layers": 1}, **SIZES}
NETWORK = {"name": "shufflenet_v2_x0_5", "weights": "none", "stages": 4, "size": 32}


@pytest.mark.parametrize(
    ("task", "values", "ctc_weight"),
    [
        ("asr", SPEECH, 0.3),
        ("asr", {**SPEECH, "attention": {"size": 8, "selection": "hard"}}, 0.3),
        ("asr", {**SPEECH, "heads": "ctc"}, 1.0),
        ("caption", {"encoder": {"size": 8}, "backbone": NETWORK, **SIZES}, 0.0),
        ("lm", {"decoder": SIZES["decoder"]}, 0.0),
    ],
    ids=["both heads", "hard attention", "CTC only", "from the mean", "language model"],
)
def test_bundles_of_the_first_format_are_read(
    tmp_path: Path, task: str, values: dict[str, Any], ctc_weight: float
) -> None:
    """What they hold beside the model is left out, what had other names is found, and the heads are those there are."""
    new = load_bundle(untrained_bundle(tmp_path / "new", app_named(task), values))
    old_names = {name: name.replace("decoder.start.", "decoder.mean_start.") for name in new.weights}
    weights = {old_names[n] if task == "caption" else n: tensor for n, tensor in new.weights.items()}
    weights["reinforce.baseline"] = torch.tensor(-1.5)
    options = {name: value for name, value in values.items() if name != "heads"}
    options["loss"] = {"ctc_weight": ctc_weight, "label_smoothing": 0.1, "samples": 0}
    if task == "caption":
        options["encoder"] = {**values["encoder"], "frozen": True}
    old = tmp_path / "old"
    save_bundle(old, task=task, config=options, tokenizer=new.tokenizer, weights=weights, card="")
    write_text(old / "config.json", json.dumps({**read_json(old / "config.json", ""), "scriba": 1}))
    found = load_bundle(old)
    assert (found.task, found.config) == (task, new.config)
    assert found.weights.keys() == new.weights.keys()
    assert all(torch.equal(tensor, new.weights[name]) for name, tensor in found.weights.items())
    one, other = (open_recogniser(each, device="cpu").model for each in (found, new))
    assert one.heads == other.heads == {0.3: ("ctc", "attention"), 1.0: ("ctc",), 0.0: ("attention",)}[ctc_weight]


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


def test_a_write_takes_the_place_of_the_old_file_at_once(tmp_path: Path) -> None:
    """Folders are made; up to the end, readers meet the old file, and afterwards the new one."""
    path = tmp_path / "new" / "folder" / "result.json"
    write_text(path, "old")
    with replacing(path) as aside:
        aside.write_text("new")
        assert path.read_text() == "old" and aside.parent == path.parent
    assert path.read_text() == "new" and list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"decoder": {"size": 60_000, "embedding_size": 60_000, "layers": 60}}, "has shape|lacks the weights"),
        ({"encoder": {"size": 65_536, "layers": 64, "channels": 65_536}}, "has shape|lacks the weights"),
        ({"decoder": {"size": 1_000_000}}, r"--decoder\.size 1000000: give 1 to 65536"),
        ({"encoder": {"layers": 10**9}}, r"--encoder\.layers 1000000000: give 1 to 64"),
        ({"decoder": {"size": -1}}, r"--decoder\.size -1: give"),
        ({"features": {"hop": 1e-9}}, r"--features\.hop 1e-09: give"),
        ({"features": {"window": 1e9}}, r"--features\.window"),
        ({"decoding": 1}, "'decoding' is no group of options"),
        ({"decoder": 1}, "'decoder' is no group of options"),
        ({"decoding": {"beam_size": 10**12}}, r"--decoding\.beam_size"),
        ({"x" * 5000: 1}, "unknown option"),
    ],
)
def test_a_config_may_ask_for_any_size(tmp_path: Path, values: dict[str, Any], told: str) -> None:
    """It is refused in a sentence before anything of that size is there: the largest of these takes terabytes."""
    folder = untrained_bundle(tmp_path, app_named("asr"), {"encoder": {"channels": 4, "size": 8, "layers": 1}})
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | values))
    with pytest.raises(InputError, match=rf"{folder}/(config\.json|model\.safetensors): .*({told})"):
        open_recogniser(load_bundle(folder))


def test_a_tokenizer_has_bounds(tmp_path: Path) -> None:
    folder = untrained_bundle(tmp_path, app_named("asr"), {"encoder": {"channels": 4, "size": 8, "layers": 1}})
    (folder / "tokenizer.json").write_text(
        json.dumps({"kind": "words", "words": [f"word{i}" for i in range(3_000_000)]})
    )
    with pytest.raises(InputError, match=r"tokenizer\.json: is larger than 32 MiB; copy the model folder again"):
        load_bundle(folder)


@pytest.mark.parametrize("name", ["x" * 300, "x" * 5000, "a\0b", "\ud800"])
def test_impossible_names_of_models(name: str, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"the name is too long|neither a model folder nor a bundled model|can have that"
    ):
        resolve_model(name, tmp_path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(tmp_path: Path, value: float) -> None:
    folder = untrained_bundle(tmp_path, app_named("asr"), {"encoder": {"channels": 4, "size": 8, "layers": 1}})
    bundle = load_bundle(folder)
    weights = {**bundle.weights, "ctc.output.bias": torch.full_like(bundle.weights["ctc.output.bias"], value)}
    with pytest.raises(InputError, match=r"'ctc\.output\.bias' holds what is no number; copy the model folder again"):
        open_recogniser(replace(bundle, weights=weights))
