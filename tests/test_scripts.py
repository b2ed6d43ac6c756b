"""The scripts that make figures: what they collect and write."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

from scriba.core.model import Backbone, BackboneConfig

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

import compare_attention  # noqa: E402
import compare_losses  # noqa: E402
import distil_backbone  # noqa: E402


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
    student = Backbone(BackboneConfig("shufflenet_v2_x0_5", str(run / "student.pth")))
    before = student.layers.conv1[0].weight.clone()
    student.load_pretrained()
    assert not student.layers.conv1[0].weight.equal(before)
