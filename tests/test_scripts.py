"""The scripts that make figures: what they collect and write."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

from scriba.caption.backbone import Backbone, BackboneConfig, load_pretrained
from scriba.core.bundle import load_bundle, save_bundle
from scriba.core.errors import InputError, UsageError
from scriba.core.tokenizer import CharTokenizer
from scriba.ocr.encoder import EncoderConfig, LineEncoder

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

import average_models  # noqa: E402
import compare_attention  # noqa: E402
import compare_losses  # noqa: E402
import distil_backbone  # noqa: E402
import narrow_model  # noqa: E402


@pytest.fixture
def curves(tmp_path: Path) -> dict[str, list[list[float]]]:
    """Logs of two seeds and three epochs of each loss, as training writes them."""
    folders = {}
    for k, loss in enumerate(compare_losses.WEIGHTS):
        for seed in (1, 2):
            folder = tmp_path / f"{loss}-{seed}"
            folder.mkdir()
            rows = [{"kind": "train", "step": 1, "loss": 9.0}]
            rows += [{"kind": "dev", "ctc_cer": 10.0 * k + seed, "attention_cer": 50.0 + e * seed} for e in range(3)]
            (folder / "log.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
            folders[loss, seed] = folder
    return compare_losses.collect(folders, [1, 2])


def test_comparison_of_losses(curves: dict[str, list[list[float]]], tmp_path: Path) -> None:
    """Each head's dev CER by epoch, mean and standard deviation over seeds, in the table, the CSV and the plot."""
    assert curves["CTC only"] == [[11.0] * 3, [12.0] * 3]
    assert curves["attention only"] == [[50.0, 51.0, 52.0], [50.0, 52.0, 54.0]]
    compare_losses.write_csv(tmp_path / "c.csv", curves, [1, 2])
    rows = list(csv.reader((tmp_path / "c.csv").open()))
    assert rows[0] == ["loss and head", "epoch", "seed 1", "seed 2", "mean", "spread (std)"]
    assert ["attention only", "3", "52.00", "54.00", "53.00", "1.41"] in rows and len(rows) == 1 + 4 * 3
    assert "| attention only | 51.5 ± 0.7 | 53.0 ± 1.4 |" in compare_losses.table(curves)
    compare_losses.plot(tmp_path / "c.png", curves)
    assert (tmp_path / "c.png").stat().st_size > 5000


def test_comparison_of_attention() -> None:
    """Means and standard deviations over the seeds, a row for each kind of attention, a column for each score."""
    runs = [dict.fromkeys(compare_attention.SCORES, value) for value in (20.0, 22.0)]
    rows = compare_attention.table({"soft": runs, "none": runs[:1]}).splitlines()
    assert rows[0] == "| attention | BLEU-1 | BLEU-2 | BLEU-3 | BLEU-4 | CIDEr | ROUGE-L |"
    assert rows[2] == "| soft |" + " 21.0 ± 1.4 |" * 4 + " 21.00 ± 1.41 | 21.0 ± 1.4 |"
    assert rows[3] == "| none |" + " 20.0 ± 0.0 |" * 4 + " 20.00 ± 0.00 | 20.0 ± 0.0 |"


def test_average_of_two_models(tmp_path: Path) -> None:
    """Weights of the same name are averaged by their shares, those of the second alone kept; alphabets must agree."""
    folders = [tmp_path / name for name in ("one", "two", "other")]
    for folder, value, alphabet in zip(folders, (0.0, 1.0, 1.0), ("ab", "ab", "abc"), strict=True):
        weights = {"shared": torch.full((2,), value), "steps": torch.tensor(7)}
        if folder.name != "one":
            weights["head"] = torch.ones(3)
        save_bundle(folder, task="t", config={}, tokenizer=CharTokenizer(alphabet), weights=weights, card="card")
    average_models.average(folders[0], folders[1], 0.25, tmp_path / "out")
    found = load_bundle(tmp_path / "out").weights
    assert found["shared"].tolist() == [0.75, 0.75] and found["head"].tolist() == [1.0] * 3 and int(found["steps"]) == 7
    with pytest.raises(InputError, match="different tokenizers"):
        average_models.average(folders[0], folders[2], 0.5, tmp_path / "out")


def narrowed(encoder: LineEncoder, folder: Path, channels: list[int], size: int) -> LineEncoder:
    """Return the encoder after `narrow_model`, by way of bundles."""
    sizes = {"channels": [4, 6, 8, 8, 6, 6, 8], "size": 5, "layers": 2, "dropout": 0.0}
    weights = {f"encoder.{name}": tensor for name, tensor in encoder.state_dict().items()}
    weights["ctc.output.weight"] = torch.ones(3, 10)
    tokenizer = CharTokenizer("a")
    save_bundle(folder / "wide", task="ocr", config={"encoder": sizes}, tokenizer=tokenizer, weights=weights, card="")
    narrow_model.narrow(folder / "wide", channels, size, folder / "narrow")
    bundle = load_bundle(folder / "narrow")
    assert bundle.config["encoder"] == {**sizes, "channels": channels, "size": size}
    result = LineEncoder(EncoderConfig(tuple(channels), size, dropout=0.0), 32).eval()
    found = {n.removeprefix("encoder."): t.float() for n, t in bundle.weights.items() if n.startswith("encoder.")}
    result.load_state_dict(found)
    return result


def test_narrowing_of_what_does_nothing(tmp_path: Path) -> None:
    """Channels that are always zero and units that nobody reads can go: what is left says what it said before."""
    torch.manual_seed(0)
    wide = LineEncoder(EncoderConfig((4, 6, 8, 8, 6, 6, 8), 5, dropout=0.0), 32).eval()
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
        for tensor in wide.state_dict().values():
            if tensor.is_floating_point():
                tensor.copy_(tensor.half().float())  # as a bundle keeps them
    thin = narrowed(wide, tmp_path, [3, 4, 7, 7, 5, 5, 7], 4)
    ink_BTF, lengths_B = torch.rand(2, 24, 32), torch.tensor([24, 17])
    states = []
    for encoder in (wide, thin):
        taken: list[torch.Tensor] = []
        encoder.recurrent.layers[0].register_forward_hook(lambda _m, _i, output, to=taken: to.append(output))
        encoder(ink_BTF, lengths_B)
        states.append(taken[0])
    torch.testing.assert_close(states[1], states[0][..., [0, 1, 3, 4, 5, 6, 8, 9]])


def test_narrowing_of_a_connection(tmp_path: Path) -> None:
    """A convolution whose input is added keeps its channels; nothing becomes wider."""
    wide = LineEncoder(EncoderConfig((4, 6, 8, 8, 6, 6, 8), 5, dropout=0.0), 32)
    for channels, size, told in (
        ([4, 6, 7, 8, 6, 6, 8], 5, "--channels: 8 in place 4; it has to be 7, as in the place before it"),
        ([9, 6, 8, 8, 6, 6, 8], 5, "--channels: 9 in place 1; it has to be at most 4"),
        ([4, 6], 5, "--channels: give 7 numbers, not 2"),
        ([4, 6, 8, 8, 6, 6, 8], 6, "--size 6: it has to be between 1 and 5"),
    ):
        with pytest.raises(UsageError, match=told):
            narrowed(wide, tmp_path, channels, size)


def test_unexplained_share() -> None:
    """A copy leaves nothing unexplained; who says the mean of each channel explains nothing."""
    wanted_BTC = torch.randn(4, 9, 3, generator=torch.Generator().manual_seed(0))
    mean_C = wanted_BTC.mean((0, 1))
    assert distil_backbone.unexplained(wanted_BTC, wanted_BTC, mean_C) == 0
    assert float(distil_backbone.unexplained(mean_C.expand(4, 9, 3), wanted_BTC, mean_C)) == pytest.approx(1)


def test_distillation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A student's weights are written under torchvision's names after every epoch, and a run goes on where it stood."""
    rows = []
    for i in range(12):
        Image.new("RGB", (64, 64), (20 * i, 200 - 15 * i, 90)).save(tmp_path / f"{i}.png")
        rows.append(json.dumps({"image": f"{i}.png", "captions": ["a square"]}))
    (tmp_path / "data.jsonl").write_text("\n".join(rows))
    data, run = str(tmp_path / "data.jsonl"), tmp_path / "run"
    options = [data, "--dev", data, "--teacher", "resnet18", "--teacher_weights", "none", "--run_dir", str(run)]
    options += ["--student", "shufflenet_v2_x0_5", "--size", "64", "--batch_size", "4"]
    for epochs, told in ((1, "epoch 1: unexplained share on dev"), (2, "resuming")):
        monkeypatch.setattr(sys, "argv", ["distil_backbone.py", *options, "--epochs", str(epochs)])
        distil_backbone.main()
        assert told in capsys.readouterr().err
    student = Backbone(BackboneConfig("shufflenet_v2_x0_5", str(run / "student.pth"), size=64))
    before = student.layers.conv1[0].weight.clone()
    load_pretrained(student)
    assert not student.layers.conv1[0].weight.equal(before)
