"""Encoders by name: each app's registry, and the network of torchvision as the encoder of lines."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from scriba.cli import main
from scriba.core.errors import UsageError
from scriba.core.files import load_bundle
from scriba.core.model import Backbone, BackboneConfig, EncoderKinds, Memory
from scriba.loading import APPS, app_named
from scriba.ocr.app import APP, OcrConfig
from scriba.ocr.backbone_encoder import BackboneEncoder
from scriba.ocr.encoder import EncoderConfig

SMALL = BackboneConfig("resnet18", "none", stages=5)


@pytest.mark.parametrize("name", APPS)
def test_an_unknown_kind_is_answered_with_the_known_ones(name: str) -> None:
    app = app_named(name)
    config = app.configure()
    wrong = replace(config, encoder=replace(config.encoder, kind="blsmt"))
    with pytest.raises(UsageError, match=r"--encoder\.kind blsmt: use "):
        app.encoder(wrong)


def test_a_new_kind_is_one_line() -> None:
    """A registry is a plain mapping of builders; the config is the app's own."""
    kinds = EncoderKinds[OcrConfig]({**APP.encoder.kinds, "mine": lambda config: f"of {config.line.height}"})  # type: ignore[attr-defined, dict-item]
    config = OcrConfig(encoder=EncoderConfig("mine"))
    assert kinds(config) == "of 32"


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2"])
def test_a_network_of_torchvision_reads_lines(name: str) -> None:
    """A position for every step of its map along the line; padding does not count; gradients reach the network."""
    torch.manual_seed(0)
    encoder = BackboneEncoder(EncoderConfig(size=8, layers=1, dropout=0.0), BackboneConfig(name, "none", stages=5), 32)
    lengths_B = torch.tensor([100, 37])
    memory: Memory = encoder(torch.rand(2, 100, 32), lengths_B)
    assert memory.lengths_B.tolist() == encoder.output_lengths(lengths_B).tolist()
    assert memory.states_BTD.shape[1] >= int(memory.lengths_B.max()) >= 100 // encoder.subsampling
    assert memory.states_BTD.shape[2] == encoder.memory_size == 16
    memory.states_BTD.sum().backward()
    assert all(p.grad is not None for p in encoder.parameters())
    with pytest.raises(UsageError, match=r"--line\.height 4: .* leaves no row|has no feature map"):
        BackboneEncoder(EncoderConfig(size=8), BackboneConfig("mobilenet_v2", "none"), 0)


def test_training_from_a_pretrained_network_that_stays_as_it_is(tmp_path: Path) -> None:
    """Lines as captions: weights from a file, frozen by the core, and the rest learns around them."""
    torch.manual_seed(3)
    weights = tmp_path / "resnet.pth"
    network = Backbone(SMALL)
    state = {n.removeprefix("layers.").replace("features_", "features."): t for n, t in network.state_dict().items()}
    torch.save(state, weights)
    options = (
        f"--encoder.kind backbone --backbone.weights {weights} --backbone.stages 5 --training.frozen encoder.backbone"
    )
    options += " --encoder.size 16 --encoder.layers 1 --loss.ctc_weight 1 --training.epochs 1 --device cpu"
    data = "--data.train synth:lines:train:4 --data.dev synth:lines:dev:2"
    assert main(["ocr", "train", *options.split(), *data.split(), "--run_dir", str(tmp_path / "run")]) == 0
    found = load_bundle(tmp_path / "run" / "bundle").weights
    for name, tensor in network.state_dict().items():
        if tensor.is_floating_point():
            assert torch.equal(found[f"encoder.backbone.{name}"], tensor.half()), name
    model = str(tmp_path / "run" / "bundle")
    assert main(["ocr", "read", "scripts/examples/print/book.png", "--model", model, "--device", "cpu"]) == 0
