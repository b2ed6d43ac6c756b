"""The commands on models that are there: what one is, its confidences, how it decodes, and others made of it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from media import noise, write
from PIL import Image
from toy import untrained_bundle

import scriba.ocr
from scriba.asr import Model
from scriba.cli import main
from scriba.core.errors import InputError, UsageError
from scriba.core.files import load_bundle, read_json, save_bundle
from scriba.core.scores import calibrated
from scriba.core.text import CharTokenizer
from scriba.loading import BUNDLED, open_bundle, open_recogniser
from scriba.model.average import average
from scriba.ocr.encoder import EncoderConfig, LineEncoder
from scriba.ocr.narrow import narrowed
from scriba.sources import read_examples

Shown = pytest.CaptureFixture[str]


def speech(model: Path) -> Model:
    """Load a speech model."""
    return Model(open_recogniser(load_bundle(model), device="cpu"))


def copied(bundle: Path, folder: Path) -> Path:
    """Copy a model, to be written to."""
    return shutil.copytree(bundle, folder / "model")


def test_info_tells_what_a_model_is(capsys: Shown) -> None:
    """In text the app, size, heads, parts, tokens and decoding; as JSON the same with the whole config and the card."""
    assert main(["model", "info", "ocr-print", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    bundle = load_bundle(BUNDLED / "ocr-print")
    assert (found["task"], found["heads"], found["path"]) == ("ocr", "both", str(BUNDLED / "ocr-print"))
    assert found["weights"] == sum(found["parts"].values()) == sum(t.numel() for t in bundle.weights.values())
    assert found["parts"].keys() == {"encoder", "decoder", "ctc"}
    assert len(found["tokens"]) == len(bundle.tokenizer) - 3 and {"a", "ß", " "} <= set(found["tokens"])
    assert found["decoding"] == found["config"]["decoding"]
    assert found["decoding"].items() >= bundle.config["decoding"].items()
    assert found["config"]["encoder"]["size"] == bundle.config["encoder"]["size"]
    assert found["card"] == (BUNDLED / "ocr-print" / "README.md").read_text(encoding="utf-8")
    assert main(["model", "info", "ocr-print"]) == 0
    text = capsys.readouterr().out
    million = f"{found['weights'] / 1e6:.2f} million weights"
    for part in ("app ocr", million, "heads both", "encoder", "decoder", f"method {found['decoding']['method']}"):
        assert part in text
    assert f"tokens    {len(found['tokens'])}: " in text and f"and {len(found['tokens']) - 60} more" in text
    assert str(BUNDLED / "ocr-print" / "README.md") in text


@pytest.mark.parametrize("name", sorted(path.name for path in BUNDLED.glob("[!._]*")))
def test_info_of_every_bundled_model(name: str, capsys: Shown) -> None:
    assert main(["model", "info", name]) == 0
    assert capsys.readouterr().out.startswith(f"{name}: app {name.split('-')[0].replace('print', 'ocr')}, ")


def recordings(model: Path, folder: Path) -> Path:
    """Write recordings of which a model gets some words right and most wrong."""
    recogniser, rows = speech(model), []
    for i in range(6):
        path = write(folder / f"{i}.wav", noise(0.6 + 0.2 * i))
        heard = recogniser.transcribe(path).text.split()
        assert heard
        rows.append({"audio": path.name, "text": " ".join(["cab" for _ in heard] if i else heard)})
    (folder / "data.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    return folder / "data.jsonl"


def test_calibration_makes_confidences_mean_what_they_say(small_bundle: Path, tmp_path: Path, capsys: Shown) -> None:
    """The temperature is fitted and told; it is kept in the model if asked for, and only then; a plot is drawn."""
    model = copied(small_bundle, tmp_path)
    data = recordings(model, tmp_path)
    before = (model / "config.json").read_bytes()
    command = ["model", "calibrate", str(model), str(data), "--device", "cpu"]
    assert main([*command, "--plot", str(tmp_path / "plot.png"), "--test", str(data)]) == 0
    told = capsys.readouterr().out
    assert (model / "config.json").read_bytes() == before and (tmp_path / "plot.png").stat().st_size > 5000
    counted = re.search(r": (\d+) words, calibration error ([\d.]+) % before, ([\d.]+) % after", told)
    fitted = re.search(r"^temperature ([\d.]+)$", told, re.MULTILINE)
    assert counted is not None and fitted is not None
    assert float(counted[3]) < float(counted[2]) and 0.1 < float(fitted[1]) < 10
    assert main([*command, "--write", "true"]) == 0
    assert f"temperature {fitted[1]}\n" in capsys.readouterr().out
    kept = load_bundle(model)
    assert kept.config["decoding"]["temperature"] == float(fitted[1]) != 1
    assert kept.weights.keys() == load_bundle(small_bundle).weights.keys() and kept.config["encoder"]["size"] == 8
    plain, after = (
        [word.confidence for word in speech(m).transcribe(tmp_path / "1.wav").words] for m in (small_bundle, model)
    )
    assert after == pytest.approx(calibrated(plain, float(fitted[1])), abs=1e-6)
    assert main([*command, "--write", "true"]) == 0
    assert f"temperature {fitted[1]}\n" in capsys.readouterr().out, "it is fitted to the confidences as they come"


def test_calibration_is_fitted_on_dev_whatever_the_test_is_called(
    small_bundle: Path, tmp_path: Path, capsys: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A source may have both splits under one name; the temperature is that of dev, and both are shown."""
    data, told = recordings(small_bundle, tmp_path), []
    rows = [json.dumps({**json.loads(line), "text": "zz"}) for line in data.read_text().splitlines()]
    (tmp_path / "wrong.jsonl").write_text("\n".join(rows))
    files = {"dev": data, "test": tmp_path / "wrong.jsonl"}
    monkeypatch.setattr(
        "scriba.model.calibrate.read_examples",
        lambda name, media, split: read_examples(str(files[split]), media, split),
    )
    for options in ([], ["--test", "corpus"]):
        assert main(["model", "calibrate", str(small_bundle), "corpus", "--device", "cpu", *options]) == 0
        told.append(capsys.readouterr().out.splitlines())
    assert told[0][0] == told[1][0] and told[0][-1] == told[1][-1]
    assert [len(lines) for lines in told] == [2, 3] and told[1][1] != told[1][0]


def test_calibration_without_a_word_is_told(small_bundle: Path, tmp_path: Path, capsys: Shown) -> None:
    """A model that says nothing on the data has no confidences to calibrate."""
    weights = dict(load_bundle(small_bundle).weights)
    weights["ctc.output.bias"] = torch.tensor([100.0] + [0.0] * (len(weights["ctc.output.bias"]) - 1))
    old, silent = load_bundle(small_bundle), tmp_path / "silent"
    save_bundle(silent, task="asr", config=old.config, tokenizer=old.tokenizer, weights=weights, card="")
    assert main(["model", "calibrate", str(silent), "synth:dtmf:dev:2", "--device", "cpu"]) == 1
    assert "synth:dtmf:dev:2: no word is found in it" in capsys.readouterr().err


def rows_of(table: str) -> list[list[str]]:
    """Return the cells of a table's rows, the heading first."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line[:1] == "|"]
    return [rows[0], *rows[2:]]


def test_tuning_compares_searches_and_keeps_the_best(small_bundle: Path, tmp_path: Path, capsys: Shown) -> None:
    """A row for each search that differs, the command line of the best, and that in the model if asked for."""
    model = copied(small_bundle, tmp_path)
    before = (model / "config.json").read_bytes()
    command = ["asr", "tune", str(model), "synth:dtmf:dev:6", "--device", "cpu", "--beams", "[1, 3]"]
    command += ["--ctc_weight", "[0.2, 0.6]", "--consensus", "[0, 2]"]
    assert main(command) == 0
    told = capsys.readouterr().out
    heading, *rows = rows_of(told)
    assert heading == ["search", "beam", "language model", "weights", "cer %", "wer %", "seconds per s"]
    searches = [tuple(row[:4]) for row in rows]
    assert len(set(searches)) == len(searches) == 2 * (1 + 2) + 2 * (1 + 2)
    assert [row[:2] for row in rows[:3]] == [["ctc", "1"], ["ctc", "3"], ["ctc", "3"]]
    assert ("joint", "3", "", "ctc_weight 0.6, consensus 2") in searches
    assert (model / "config.json").read_bytes() == before
    best = min(rows, key=lambda row: float(row[4]))
    line = told.splitlines()[-1]
    assert line.startswith("best: ") and (f"--decoding.method {best[0]}" in line or best[0] == "ctc")
    assert (f"--decoding.beam_size {best[1]}" in line) == (best[1] != "1")
    assert main([*command, "--write", "true"]) == 0
    capsys.readouterr()
    kept = load_bundle(model).config["decoding"]
    assert (kept["method"], str(kept["beam_size"])) == (best[0], best[1])
    assert speech(model).recogniser.decoding.method == best[0]
    assert main(["asr", "tune", str(model), "synth:dtmf:dev:6", "--device", "cpu", "--methods", f"[{best[0]}]"]) == 0
    heading, *rows = rows_of(capsys.readouterr().out)
    assert [row[:2] for row in rows] == [[best[0], beam] for beam in ("1", "4", "8")]


def test_tuning_of_captions(capsys: Shown) -> None:
    """The highest CIDEr-D is the best, told in seconds per million pixels; one head is all that there is to decode."""
    assert main(["caption", "tune", "caption-scenes", "synth:scenes:dev:4", "--beams", "[1,3]"]) == 0
    told = capsys.readouterr().out
    heading, *rows = rows_of(told)
    assert heading[4:] == ["cider", "bleu4 %", "seconds per million px"]
    assert [row[:2] for row in rows] == [["attention", "1"], ["attention", "3"]]
    best = max(rows, key=lambda row: float(row[4]))
    assert f"--decoding.beam_size {best[1]}" in told.splitlines()[-1]


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        ("asr tune ocr-print synth:dtmf:dev:2", 1, "is a model for 'ocr', not for 'asr'"),
        ("asr tune MODEL none.jsonl", 1, "none.jsonl"),
        (
            "asr tune MODEL synth:dtmf:dev:2 --methods [attentoin]",
            2,
            "--methods [attentoin]: expected a list of one of",
        ),
        ("asr tune MODEL synth:dtmf:dev:2 --beams [0]", 2, "--beams [0]: give 1 or more."),
        ("caption tune caption-scenes synth:scenes:dev:1 --methods [ctc]", 2, "--decoding.method ctc: this model has"),
        ("model calibrate lm-an4-en synth:dtmf:dev:2", 1, "language model"),
        ("model info asr-an4", 1, "Did you mean 'asr-an4-en'?"),
        ("model info MODEL --format yaml", 2, "--format yaml: expected one of 'txt', 'json'."),
        ("model average MODEL MODEL --share 2 --out OUT", 2, "--share 2.0: give 0 to 1."),
        ("model average MODEL MODEL", 2, "--out: name a folder for the new model."),
        ("model average MODEL ocr-print --out OUT", 1, "have different tokenizers"),
        ("model narrow MODEL --channels [4] --size 4 --out OUT", 1, "is a model for 'asr', not for 'ocr'"),
        ("model narrow ocr-print --channels [4] --size 4", 2, "--out: name a folder for the new model."),
        ("model narrow ocr-print --channels [4] --size 4 --out OUT", 2, "--channels: give 7 numbers, not 1."),
    ],
)
def test_what_cannot_be_done_is_told_in_a_sentence(
    small_bundle: Path, tmp_path: Path, words: str, status: int, message: str, capsys: Shown
) -> None:
    """Nothing is written then."""
    line = words.replace("MODEL", str(small_bundle)).replace("OUT", str(tmp_path / "out"))
    assert main(line.split()) == status
    told = capsys.readouterr().err
    assert message in told and "Traceback" not in told and not list(tmp_path.iterdir())
    assert len([row for row in told.splitlines() if row.startswith("scriba: ")]) == 1


def test_average_of_two_models(tmp_path: Path) -> None:
    """Weights of the same name are averaged by their shares, those of the second alone kept."""
    folders = [tmp_path / name for name in ("one", "two", "other")]
    for folder, value, alphabet in zip(folders, (0.0, 1.0, 1.0), ("ab", "ab", "mnopqrstuvwxyz"), strict=True):
        weights = {"shared": torch.full((2,), value), "steps": torch.tensor(3 + 4 * int(value))}
        weights["wide" if folder.name == "one" else "head"] = torch.ones(3)
        weights["shape"] = torch.full((2 if folder.name == "one" else 4,), value)
        config = {"name": folder.name}
        save_bundle(folder, task="t", config=config, tokenizer=CharTokenizer(alphabet), weights=weights, card="card\n")
    one, two, other = map(load_bundle, folders)
    average(one, two, 0.25, tmp_path / "out")
    found = load_bundle(tmp_path / "out")
    assert (found.task, found.config) == ("t", {"name": "two"})
    assert found.weights.keys() == {"shared", "steps", "head", "shape"}
    assert found.weights["shared"].tolist() == [0.75, 0.75] and found.weights["head"].tolist() == [1.0] * 3
    assert found.weights["shape"].tolist() == [1.0] * 4 and int(found.weights["steps"]) == 7
    assert [tensor.dtype for tensor in found.weights.values()].count(torch.float16) == 3
    card = (tmp_path / "out" / "README.md").read_text()
    assert card.startswith("card\n") and f"Averaged with `{folders[0]}`" in card
    with pytest.raises(InputError, match="different tokenizers"):
        average(one, other, 0.5, tmp_path / "out")


def test_average_of_alphabets_that_differ(tmp_path: Path) -> None:
    """Rows of tokens that both models have are averaged, in whichever order they stand; others are those of the second.

    Of a CTC head that has more labels at a position than the first, each is averaged with the first's last.
    """
    loaded = []
    for name, alphabet, rate, value in (("one", "ba", 1, 0.0), ("two", "abc", 2, 1.0)):
        rows = torch.arange(3.0 + len(alphabet)).repeat(rate)[:, None] + 10 * value
        weights = {"ctc.output.weight": rows, "decoder.embedding.weight": rows[: 3 + len(alphabet)]}
        save_bundle(
            tmp_path / name, task="t", config={}, tokenizer=CharTokenizer(alphabet), weights=weights, card="card\n"
        )
        loaded.append(load_bundle(tmp_path / name))
    average(*loaded, 0.5, tmp_path / "out")
    found = load_bundle(tmp_path / "out")
    ids = [{t.piece(i): i for i in range(len(t))} for t in (bundle.tokenizer for bundle in loaded)]
    expected = [(ids[0][p] + ids[1][p] + 10) / 2 if p in ids[0] else ids[1][p] + 10 for p in ids[1]]
    assert found.weights["decoder.embedding.weight"].flatten().tolist() == expected
    assert found.weights["ctc.output.weight"].flatten().tolist() == expected * 2


def test_a_model_averaged_with_itself_is_itself(small_bundle: Path, tmp_path: Path, capsys: Shown) -> None:
    """By the command: the folder is told, and the model in it decodes as before."""
    out = tmp_path / "out"
    assert main(["model", "average", str(small_bundle), str(small_bundle), "--out", str(out), "--share", "0.3"]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    one, two = load_bundle(small_bundle), load_bundle(out)
    assert one.config == two.config
    for name, tensor in one.weights.items():
        torch.testing.assert_close(two.weights[name], tensor, rtol=2**-10, atol=1e-7)
    path = write(tmp_path / "a.wav", noise(1))
    texts = {speech(folder).transcribe(path).text for folder in (small_bundle, out)}
    assert len(texts) == 1


WIDE = (4, 6, 8, 8, 6, 6, 8)


def narrow_encoder(encoder: LineEncoder, channels: list[int], size: int) -> LineEncoder:
    """Return the encoder with fewer channels and units."""
    sizes: dict[str, Any] = {"channels": list(WIDE), "size": 5, "layers": 2, "dropout": 0.0}
    weights = {f"encoder.{name}": tensor for name, tensor in encoder.state_dict().items()}
    weights["ctc.output.weight"] = torch.ones(3, 10)
    before = {name: tensor.clone() for name, tensor in weights.items()}
    config, found = narrowed({"encoder": sizes, "seed": 1}, weights, channels, size)
    assert config == {"encoder": {**sizes, "channels": channels, "size": size}, "seed": 1}
    assert sizes["size"] == 5 and all(torch.equal(tensor, weights[name]) for name, tensor in before.items())
    result = LineEncoder(EncoderConfig(channels=tuple(channels), size=size, dropout=0.0), 32).eval()
    result.load_state_dict({n.removeprefix("encoder."): t for n, t in found.items() if n.startswith("encoder.")})
    return result


def test_narrowing_of_what_does_nothing() -> None:
    """Channels that are always zero and units that nobody reads can go: what is left says what it said before."""
    torch.manual_seed(0)
    wide = LineEncoder(EncoderConfig(channels=WIDE, size=5, dropout=0.0), 32).eval()
    idle = {0: [1], 1: [0, 5], 2: [3], 3: [3], 4: [2], 5: [2], 6: [7]}
    with torch.no_grad():
        for i, channels in idle.items():
            layer = wide.convolutions[i]
            norm = layer.norm if i < 2 else layer.pointwise.norm
            norm.weight[channels] = norm.bias[channels] = 0
        first = wide.recurrent.layers[0]
        for lstm in (first.ahead, first.back):
            lstm.weight_hh_l0[:, 2] = 0
        for j in (2, 5 + 2):
            wide.recurrent.norms[0].weight[j] = 0
    thin = narrow_encoder(wide, [3, 4, 7, 7, 5, 5, 7], 4)
    ink_BTF, lengths_B = torch.rand(2, 24, 32), torch.tensor([24, 17])
    states = []
    for encoder in (wide, thin):
        taken: list[torch.Tensor] = []
        encoder.recurrent.layers[0].register_forward_hook(lambda _m, _i, output, to=taken: to.append(output))
        encoder(ink_BTF, lengths_B)
        states.append(taken[0])
    torch.testing.assert_close(states[1], states[0][..., [0, 1, 3, 4, 5, 6, 8, 9]])


def test_narrowing_of_a_connection() -> None:
    """A convolution whose input is added keeps its channels; nothing becomes wider."""
    wide = LineEncoder(EncoderConfig(channels=WIDE, size=5, dropout=0.0), 32)
    for channels, size, told in (
        ([4, 6, 7, 8, 6, 6, 8], 5, "--channels: 8 in place 4; it has to be 7, as in the place before it"),
        ([9, 6, 8, 8, 6, 6, 8], 5, "--channels: 9 in place 1; it has to be at most 4"),
        ([4, 6], 5, "--channels: give 7 numbers, not 2"),
        ([4, 6, 8, 8, 6, 6, 8], 6, "--size 6: it has to be between 1 and 5"),
    ):
        with pytest.raises(UsageError, match=told):
            narrow_encoder(wide, channels, size)


@pytest.mark.parametrize(
    ("attention", "decoder", "heads"),
    [
        ({}, {}, "both"),
        ({"kind": "location"}, {}, "both"),
        ({"kind": "dot", "heads": 2}, {}, "both"),
        ({"selection": "hard"}, {"gate": True}, "both"),
        ({}, {"start": "mean"}, "both"),
        ({"kind": "none"}, {}, "both"),
        ({}, {}, "ctc"),
        ({}, {}, "attention"),
    ],
    ids=["additive", "location", "dot", "hard with a gate", "from the mean", "none", "CTC only", "attention only"],
)
def test_a_narrowed_model_is_a_model(
    attention: dict[str, Any], decoder: dict[str, Any], heads: str, tmp_path: Path, capsys: Shown
) -> None:
    """By the command: whatever its heads, they read the narrower memory."""
    values: dict[str, Any] = {
        "encoder": {"channels": list(WIDE), "size": 5, "layers": 2},
        "decoder": {"size": 8, "embedding_size": 4, **decoder},
        "attention": {"size": 8, **attention},
        "heads": heads,
    }
    wide, out = untrained_bundle(tmp_path / "wide", scriba.ocr.APP, values), tmp_path / "narrow"
    command = ["model", "narrow", str(wide), "--channels", "[3, 4, 7, 7, 5, 5, 7]", "--size", "4", "--out", str(out)]
    assert main(command) == 0
    assert capsys.readouterr().out == f"{out}\n"
    bundle = open_bundle(str(out))
    assert bundle.config == {
        **load_bundle(wide).config,
        "encoder": {**values["encoder"], "channels": [3, 4, 7, 7, 5, 5, 7], "size": 4},
    }
    model = open_recogniser(bundle, device="cpu").model
    assert model.encoder.memory_size == 8 and model.heads == (("ctc", "attention") if heads == "both" else (heads,))
    assert "not yet trained on" in (out / "README.md").read_text()
    assert read_json(out / "config.json", "")["task"] == "ocr"


def test_rows_without_a_text_are_told_and_left_out(tmp_path: Path, capsys: Shown) -> None:
    """As `eval` does: a picture without captions, and a broken row, do not end tuning or calibration."""
    rows = [{"image": f"{i}.png", "captions": ["a small red circle at the top"] if i else []} for i in range(3)]
    for i in range(3):
        Image.new("RGB", (32, 32), (90 * i, 30, 30)).save(tmp_path / f"{i}.png")
    (tmp_path / "data.jsonl").write_text("\n".join([*map(json.dumps, rows), "{"]))
    data = str(tmp_path / "data.jsonl")
    assert main(["caption", "tune", "caption-scenes", data, "--beams", "[1]"]) == 0
    assert main(["model", "calibrate", "caption-scenes", data]) == 0
    errors = capsys.readouterr().err
    assert errors.count("has no text to compare with") == 2 and errors.count("is not JSON") == 2


def test_the_best_of_a_table_is_told_against_the_model(small_bundle: Path, capsys: Shown) -> None:
    """What the line says of one search is what has to be typed for it, whatever was typed for the table."""
    command = ["asr", "tune", str(small_bundle), "synth:dtmf:dev:3", "--device", "cpu"]
    assert main([*command, "--methods", "[attention]", "--beams", "[2]", "--decoding.max_length_ratio", "0.2"]) == 0
    best = capsys.readouterr().out.splitlines()[-1]
    assert "--decoding.beam_size 2" in best and "--decoding.max_length_ratio 0.2" in best
    assert main([*command, "--lm_weight", "[0.5]"]) == 2
    assert "--lm_weight [0.5]: name the language model" in capsys.readouterr().err
