"""Captioning: backbones, cached features, and the commands from drawn scenes to captions with pictures of attention."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from torch import nn
from torch.nn import functional as F

import scriba
from scriba.caption import APP
from scriba.caption.encoder import EncoderConfig, PictureConfig, PictureEncoder, cells_of
from scriba.caption.features import FeatureCache
from scriba.caption.inputs import AugmentConfig, PictureInputs
from scriba.caption.picture import read_pixels
from scriba.cli import main
from scriba.core.errors import InputError, UsageError
from scriba.core.example import Example
from scriba.core.files import load_bundle
from scriba.core.inputs import Draw
from scriba.core.model import Backbone, BackboneConfig
from scriba.core.model.backbone import pad_like_tensorflow
from scriba.core.training import check_run
from scriba.datasets.scenes import COLOURS, KINDS
from scriba.datasets.source import open_source

SMALL = PictureConfig("shufflenet_v2_x0_5", weights="none", stages=4, size=64)
OPTIONS = """
    --backbone.name resnet18 --backbone.weights none --backbone.stages 6 --backbone.size 32
    --encoder.size 32 --encoder.dropout 0 --attention.size 24 --decoder.size 48 --decoder.embedding_size 16
    --decoder.dropout 0 --tokenizer.min_count 1 --loss.label_smoothing 0 --device cpu
    --training.epochs 60 --training.learning_rate 0.01 --training.eval_every 20 --training.average none
"""
"""A model that learns two pictures by heart within seconds."""


def picture(colour: tuple[int, int, int] = (200, 30, 30), side: int = 80) -> Image.Image:
    image = Image.new("RGB", (side, side), (240, 240, 240))
    image.paste(colour, (side // 4, side // 4, side // 2, side // 2))
    return image


def example(image: Image.Image, kind: str = "PNG", id: str = "x") -> Example:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return Example(id, buffer.getvalue(), "a text")


@pytest.mark.parametrize(
    ("name", "stages", "grid", "channels"),
    [
        ("mobilenet_v2", None, (2, 2), 1280),
        ("mobilenet_v2", 14, (4, 4), 96),
        ("resnet18", None, (2, 2), 512),
        ("shufflenet_v2_x0_5", 4, (4, 4), 96),
    ],
)
def test_the_feature_map_is_that_of_torchvisions_network(
    name: str, stages: int | None, grid: tuple[int, int], channels: int
) -> None:
    """The last map before the classifier, or that of an earlier stage: one cell for every 32 or 16 pixels."""
    backbone = Backbone(BackboneConfig(name, "none", stages)).eval()
    assert backbone.map_shape(64, 64) == (channels, *grid)
    pictures = torch.randint(0, 256, (2, 64, 64, 3), dtype=torch.uint8)
    assert backbone(pictures).shape == (2, channels, *grid)
    encoder = PictureEncoder(EncoderConfig(size=8), PictureConfig(name, "none", stages, size=64)).eval()
    memory = encoder(pictures, torch.tensor([64, 64]))
    assert memory.grid == encoder.grid == grid and memory.states_BTD.shape == (2, grid[0] * grid[1], 8)


def test_cells_are_in_row_order() -> None:
    """The position of a cell of the map tells its row and column."""
    map_BCHW = torch.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    cells_BTC = cells_of(map_BCHW)
    assert cells_BTC.shape == (2, 20, 3) and torch.equal(cells_BTC[:, 1 * 5 + 2], map_BCHW[:, :, 1, 2])


@torch.no_grad()
def test_weights_of_the_whole_network_are_taken_from_a_file(tmp_path: Path) -> None:
    """A state dict of torchvision's class gives torchvision's features for normalised pixels."""
    torch.manual_seed(0)
    network = torchvision.models.mobilenet_v2(weights=None).eval()
    torch.save(network.state_dict(), tmp_path / "w.pth")
    backbone = Backbone(BackboneConfig("mobilenet_v2", str(tmp_path / "w.pth"))).eval()
    backbone.load_pretrained()
    pictures = torch.randint(0, 256, (1, 64, 64, 3), dtype=torch.uint8)
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    pixels = ((pictures / 255 - mean) / deviation).permute(0, 3, 1, 2)
    torch.testing.assert_close(backbone(pictures), network.features(pixels))


@torch.no_grad()
@pytest.mark.parametrize("size", [7, 8, 9])
def test_padding_like_tensorflow(size: int) -> None:
    """What is odd goes to the right and bottom: as an explicit pad of (0, 1) before a stride of 2, kernel 3."""
    convolution = nn.Conv2d(1, 1, 3, stride=2, padding=1, bias=False)
    weight = convolution.weight.clone()
    pad_like_tensorflow(nn.Sequential(convolution))
    image = torch.rand(1, 1, size, size)
    pad = (0, 1, 0, 1) if size % 2 == 0 else (1, 1, 1, 1)
    torch.testing.assert_close(convolution(image), F.conv2d(F.pad(image, pad), weight, stride=2))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"name": "mobilnet_v2"}, "Did you mean 'mobilenet_v2'"),
        ({"name": "vit_b_16"}, "has no feature map"),
        ({"stages": 0}, r"--backbone\.stages 0: give 1 or more"),
        ({"stages": 20}, r"--backbone\.stages 20: mobilenet_v2 has 19"),
        ({"size": 0}, r"--backbone\.size 0: give 1"),
        ({"name": "googlenet", "weights": "torchvision"}, "googlenet's weights need symmetric"),
    ],
)
def test_networks_that_cannot_be_used_are_named(options: dict[str, Any], words: str) -> None:
    config = APP.configure(backbone=PictureConfig(**{"weights": "none", **options}))
    with pytest.raises(UsageError, match=words):
        check_run(config)
        APP.encoder(config)


def test_weights_in_old_files(tmp_path: Path) -> None:
    """Files without counts of batches, and densenets with the former names of their parts, give the same maps."""
    torch.manual_seed(0)
    network = torchvision.models.densenet121(weights=None).eval()
    state = {n: t for n, t in network.state_dict().items() if not n.endswith("num_batches_tracked")}
    old = {re.sub(r"(denselayer\d+\.(norm|conv))([12])\.", r"\1.\3.", name): tensor for name, tensor in state.items()}
    assert old.keys() != state.keys()
    torch.save(old, tmp_path / "old.pth")
    backbone = Backbone(BackboneConfig("densenet121", str(tmp_path / "old.pth"))).eval()
    backbone.load_pretrained()
    pixels = torch.randint(0, 256, (1, 64, 64, 3)).float()
    with torch.no_grad():
        normal = (pixels / 255 - backbone.mean_C) / backbone.deviation_C
        expected = F.relu(network.features(normal.permute(0, 3, 1, 2)))
        torch.testing.assert_close(backbone(pixels), expected, atol=1e-4, rtol=1e-4)


def trained(folder: Path, *options: str) -> dict[str, torch.Tensor]:
    """Train on one picture by commands, and return the weights."""
    picture().save(folder / "red.png")
    data = folder / "red.jsonl"
    data.write_text(json.dumps({"image": "red.png", "captions": ["a red square"]}))
    run = folder / f"run{len(list(folder.glob('run*')))}"
    options = ("--data.train", str(data), "--run_dir", str(run), *options)
    assert main(["caption", "train", *OPTIONS.split(), *options]) == 0
    return dict(load_bundle(run / "bundle").weights)


def test_random_networks_go_by_the_seed(tmp_path: Path) -> None:
    """A run that goes on meets the features that it began with, and the same command gives the same model."""
    cache = tmp_path / "cache"
    options = ("--encoder.cache", str(cache), "--training.max_steps", "1", "--seed")
    found = []
    for seed, networks in ((5, 1), (5, 1), (6, 2)):
        found.append(trained(tmp_path, *options, str(seed)))
        assert len(list(cache.iterdir())) == networks
    assert all(torch.equal(tensor, found[1][name]) for name, tensor in found[0].items())
    assert any(not torch.equal(tensor, found[2][name]) for name, tensor in found[0].items())
    other = trained(tmp_path, *options, "7", "--init", str(tmp_path / "run0" / "bundle"))
    assert len(list(cache.iterdir())) == 2, "a run that starts from a model has the network of that"
    network = [name for name in other if name.startswith("encoder.backbone.")]
    assert all(torch.equal(other[name], found[0][name]) for name in network)


def test_weights_in_a_bundle_meet_the_features_of_the_file_they_came_from(tmp_path: Path) -> None:
    """What a bundle rounds, and where a file lies, makes no other network of it: a second stage has its features."""
    backbone = Backbone(SMALL)
    rounded = Backbone(replace(SMALL, weights=str(tmp_path / "elsewhere.pth")))
    rounded.load_state_dict({n: t.half().to(t.dtype) for n, t in backbone.state_dict().items()})
    assert backbone.fingerprint() == rounded.fingerprint()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--data.train synth:scenes:train:4 --init ocr-print", "is a model for 'ocr', not for 'caption'"),
        ("", "--data.train: name the training data"),
        ("--data.train synth:scenes:train:4 --encoder.cache FILE", "name another --encoder.cache"),
        ("--data.train synth:scenes:train:4 --training.late.part encoder.backbone", "is frozen; let it be trained"),
    ],
)
def test_training_that_cannot_start_is_told_in_a_sentence(
    options: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("x")
    run = f"--run_dir {tmp_path / 'run'} --encoder.cache {tmp_path / 'cache'}"
    options = f"{OPTIONS} {run} {options}".replace("FILE", str(tmp_path / "file"))
    assert main(["caption", "train", *options.split()]) in (1, 2)
    assert words in capsys.readouterr().err


def test_weights_that_do_not_fit_are_named(tmp_path: Path) -> None:
    """A missing file, something else than weights, and weights of another shape: one sentence each."""
    other = torchvision.models.mobilenet_v2(weights=None, width_mult=0.5).state_dict()
    torch.save(other, tmp_path / "half.pth")
    torch.save(torchvision.models.resnet18(weights=None).state_dict(), tmp_path / "resnet.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    (tmp_path / "text.pth").write_text("hello")
    for file, words in (
        ("none.pth", "no such file"),
        ("text.pth", "no file of PyTorch weights"),
        ("list.pth", "holds no state dict"),
        ("half.pth", "has shape .* where mobilenet_v2 needs"),
        ("resnet.pth", "has nothing for 'features.0.0.weight'"),
    ):
        backbone = Backbone(BackboneConfig("mobilenet_v2", str(tmp_path / file)))
        with pytest.raises(InputError, match=rf"{file}: .*{words}"):
            backbone.load_pretrained()


@pytest.mark.parametrize("cache", ["null", "cache"])
def test_a_frozen_backbone_stays_as_it_is(cache: str, tmp_path: Path) -> None:
    """Neither its weights nor its running statistics move while the rest trains, with cached features or without."""
    cache = cache if cache == "null" else str(tmp_path / cache)
    frozen, free = (
        [trained(tmp_path, "--encoder.cache", cache, "--training.max_steps", steps, *options) for steps in "13"]
        for options in ((), ("--training.frozen=",))
    )
    kept, moved = (
        {name for name, tensor in one.items() if torch.equal(tensor, two[name])} for one, two in (frozen, free)
    )
    network = {name for name in frozen[0] if name.startswith("encoder.backbone.")}
    assert kept == network and not moved & network


def test_a_pretrained_backbone_is_tuned_from_a_given_step(tmp_path: Path) -> None:
    """Before that step it is what its file says, afterwards it has moved; its statistics are those of the file."""
    torch.manual_seed(0)
    network = torchvision.models.resnet18(weights=None)
    torch.save(network.state_dict(), tmp_path / "weights.pth")
    options = ["--backbone.weights", str(tmp_path / "weights.pth"), "--training.frozen="]
    options += ["--training.late.part", "encoder.backbone", "--training.late.from_step", "4"]
    options += ["--training.late.learning_rate", "0.01", "--training.max_steps"]
    moved = {}
    for steps in (4, 8):
        weights = trained(tmp_path, *options, str(steps))
        moved[steps] = float(
            (weights["encoder.backbone.layers.conv1.weight"] - network.conv1.weight.detach()).abs().max()
        )
        assert (
            weights["encoder.backbone.layers.bn1.running_mean"].float().equal(network.bn1.running_mean.half().float())
        )
    assert moved[4] < 1e-3 < moved[8]  # half precision in the file


def test_features_are_computed_once(tmp_path: Path) -> None:
    """What the cache gives is what the encoder makes of the picture, also from disk; a damaged part is made anew."""
    encoder = PictureEncoder(EncoderConfig(size=8, dropout=0), SMALL).eval()
    examples = [example(picture((i, 0, 0)), id=str(i)) for i in range(5)]
    bad = Example("bad", b"no picture", "a text")
    cache = FeatureCache(tmp_path, encoder.backbone, 64)
    cache.fill([*examples, bad], torch.device("cpu"), torch.float32)
    (part,) = cache.folder.iterdir()
    inputs, plain = PictureInputs(64, AugmentConfig(), cache), PictureInputs(64, AugmentConfig())
    for one in examples:
        cached, pixels = inputs.prepare(one)[None], plain.prepare(one)[None]
        assert cached.shape == (1, 16, 96) and pixels.shape == (1, 64, 64, 3)
        with torch.no_grad():
            from_cache, from_pixels = (encoder(x, torch.tensor([x.shape[1]])) for x in (cached, pixels))
        torch.testing.assert_close(from_cache.states_BTD, from_pixels.states_BTD, atol=2e-2, rtol=1e-2)
        assert from_cache.grid == (4, 4)
    twin = replace(examples[1], id="0")
    assert torch.equal(inputs.prepare(twin), inputs.prepare(examples[1])), "features go by content, not by id"
    with pytest.raises(InputError, match="not a picture"):
        inputs.prepare(bad)
    modified = part.stat().st_mtime_ns
    again = FeatureCache(tmp_path, encoder.backbone, 64)
    again.fill(examples, torch.device("cpu"), torch.float32)
    assert part.stat().st_mtime_ns == modified and torch.equal(again.get(examples[0]), cache.get(examples[0]))  # type: ignore[arg-type]
    part.write_bytes(part.read_bytes()[:100])
    third = FeatureCache(tmp_path, encoder.backbone, 64)
    third.fill(examples, torch.device("cpu"), torch.float32)
    assert torch.equal(third.get(examples[0]), cache.get(examples[0]))  # type: ignore[arg-type]
    other = Backbone(SMALL)
    assert FeatureCache(tmp_path, other, 64).folder != cache.folder, "other weights have features of their own"


def test_views_of_a_picture(tmp_path: Path) -> None:
    """The first view is the picture, the second its mirror image, others cuts; training draws from all of them."""
    left_is_red = Image.new("RGB", (64, 64), "blue")
    left_is_red.paste("red", (0, 0, 20, 64))
    one = example(left_is_red, "PNG")
    views = [read_pixels(one, 64, view) for view in range(6)]
    assert torch.equal(views[1], views[0].flip(1))
    reds = [int((view[..., 0] > 128).sum()) for view in views]
    assert reds[0] == reds[1] == 20 * 64 and len(set(reds[2:])) == 4, "every cut is another"
    assert [bool(view[32, 0, 0] > 128) for view in views[:2]] == [True, False]
    augment = AugmentConfig(views=3)
    cache = FeatureCache(tmp_path, Backbone(SMALL), 64)
    cache.fill([one], torch.device("cpu"), torch.float32, views=3)
    for inputs in (PictureInputs(64, augment, cache), PictureInputs(64, augment)):
        drawn = [inputs.prepare(one, Draw(seed, 0)) for seed in range(12)]
        assert all(torch.equal(x, inputs.prepare(one)) for x in drawn[::3]), "a view is drawn by the seed"
        assert not any(torch.equal(x, y) for x, y in combinations(drawn[:3], 2))
    with pytest.raises(UsageError, match=r"--augment\.views 0: give 1 or more"):
        check_run(APP.configure(augment=AugmentConfig(views=0)))


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA", "CMYK", "I;16", "LA"])
def test_pictures_of_every_mode(mode: str) -> None:
    """Any mode and size becomes a square of bytes; what is transparent is white."""
    image = picture((0, 0, 0))
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image.convert("L"), np.uint16) * 257)
    elif mode == "RGBA":
        image.putalpha(image.convert("L").point(lambda v: 255 - v))
    else:
        image = image.convert(mode)
    pixels = read_pixels(example(image, "TIFF" if mode == "CMYK" else "PNG"), 64)
    assert pixels.shape == (64, 64, 3) and pixels.dtype == torch.uint8
    assert pixels[20:28, 20:28].float().mean() < 60 < 180 < pixels[50:, 50:].float().mean()


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 2), (5000, 4000)])
def test_pictures_of_every_size(size: tuple[int, int]) -> None:
    assert read_pixels(example(Image.new("RGB", size, "red"), "JPEG"), 64).shape == (64, 64, 3)


def test_scenes_are_a_function_of_split_and_number() -> None:
    """The same picture and captions every time; five different captions that name what is drawn."""
    source = open_source("synth:scenes:dev:30", media="image")
    for one, again in zip(source, open_source("synth:scenes:dev:30", media="image"), strict=True):
        assert (one.source, one.target) == (again.source, again.target)
        assert len(set(one.target)) == 5
        for kind, colour, _, _ in one.extra["shapes"]:
            assert all(f"{colour} {kind}" in caption for caption in one.target)
    assert {len(one.extra["shapes"]) for one in source} == {1, 2, 3}


def test_the_bundled_model_knows_the_scenes_of_the_demo() -> None:
    """Every shape of the example scenes is named with its colour, and nothing else is."""
    folder = Path("scripts/examples/scenes")
    describer = scriba.load("caption-scenes")
    for line in (folder / "metadata.jsonl").read_text().splitlines():
        row = json.loads(line)
        found, truth = (
            {" ".join(pair) for pair in things(text)}
            for text in (describer.describe(folder / row["file_name"]).text, row["captions"][0])
        )
        assert found == truth


def things(caption: str) -> list[tuple[str, str]]:
    """Return the colours and kinds that a caption of a scene names."""
    words = caption.split()
    return [pair for pair in pairwise(words) if pair[0] in COLOURS and pair[1] in KINDS]


@pytest.mark.parametrize("selection", ["soft", "hard"])
def test_commands_from_pictures_to_captions(selection: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two pictures with two captions each are told apart, scored, described and drawn; bad files are told."""
    names = {"red": (200, 30, 30), "blue": (30, 30, 200)}
    for name, colour in names.items():
        Image.new("RGB", (80, 80), colour).save(tmp_path / f"{name}.png")
    rows = [{"image": f"{n}.png", "captions": [f"A {n} square on paper.", f"a square that is {n}"]} for n in names]
    data = tmp_path / "train.jsonl"
    data.write_text("\n".join(map(json.dumps, rows)))
    run = tmp_path / "run"
    options = [*OPTIONS.split(), "--attention.selection", selection, "--encoder.cache", str(tmp_path / "features")]
    options += ["--run_dir", str(run)]
    assert main(["caption", "train", "--data.train", str(data), "--data.dev", str(data), *options]) == 0
    out, bundle = tmp_path / "scores.json", str(run / "bundle")
    assert main(["caption", "eval", bundle, str(data), "--json", str(out)]) == 0
    report = json.loads(out.read_text())
    assert report["bleu4"] > 60 and report["decoding"]["beam_size"] == 5
    assert {"bleu1", "bleu2", "bleu3", "bleu4", "cider", "rouge_l"} <= report.keys()
    rows += [{"id": "c", "image": "red.png", "captions": []}]
    rows += [{"id": "d", "image": "blue.png", "captions": ["", "a square that is blue"]}]
    (tmp_path / "gaps.jsonl").write_text("\n".join(map(json.dumps, rows)))
    capsys.readouterr()
    assert main(["caption", "eval", bundle, str(tmp_path / "gaps.jsonl"), "--json", str(out)]) == 1
    told = capsys.readouterr()
    assert "has no text to compare with" in told.err and " %" not in told.out.split("cider")[1].split(",")[0]
    report = json.loads(out.read_text())
    assert (report["n"], report["broken_rows"]) == (3, 1)
    (tmp_path / "bad.png").write_bytes(b"no picture")
    files = [str(tmp_path / name) for name in ("red.png", "bad.png", "blue.png")]
    capsys.readouterr()
    plots = tmp_path / "plots"
    assert main(["caption", "describe", *files, "--model", bundle, "--format", "json", "--plot", str(plots)]) == 1
    shown = capsys.readouterr()
    found = [json.loads(line) for line in shown.out.splitlines()]
    assert ["red" in found[0]["text"].split(), "blue" in found[1]["text"].split()] == [True, True]
    assert "bad.png: is not a picture" in shown.err
    assert {p.name for p in plots.iterdir()} == {"red.png", "blue.png"}
    hypothesis = scriba.load(bundle).describe(tmp_path / "red.png")
    assert hypothesis.text == found[0]["text"] and len(hypothesis.attention_UT[0]) == 16  # a map of 4 x 4
    assert [word.text for word in hypothesis.words] == hypothesis.text.split()
