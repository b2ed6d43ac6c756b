"""scriba caption train: train a captioner from a config file and options."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from scriba.caption.backbone import Backbone, load_pretrained
from scriba.caption.features import FeatureCache
from scriba.caption.task import CaptionConfig, CaptionTask
from scriba.commands import NO_TRAINING_DATA, open_all, train_app
from scriba.core.bundle import load_weights
from scriba.core.errors import UsageError
from scriba.core.options import build_parser, parse_config, run_command
from scriba.core.precision import resolve_device, resolve_precision
from scriba.loading import check_task, open_bundle

DESCRIPTION = """Train a captioner.

Example, with no data at all: scriba caption train --config apps/caption/configs/scenes.yaml --run_dir runs/scenes
"""
BACKBONE = "encoder.backbone."
"""Where the backbone's weights lie in a model."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    return run_command(_train, argv)


def _train(argv: Sequence[str]) -> int:
    config = parse_config(build_parser("scriba caption train", DESCRIPTION, CaptionConfig), CaptionConfig, argv)
    if not config.data.train:
        raise UsageError(NO_TRAINING_DATA)
    named = [(split, names) for split, names in (("train", config.data.train), ("dev", config.data.dev)) if names]
    sources = [open_all(names, "image", split) for split, names in named]  # before any weights are downloaded
    backbone = start_backbone(config)
    cache = None
    if config.encoder.frozen and config.encoder.cache is not None:
        cache = FeatureCache(Path(config.encoder.cache), backbone)
        device = resolve_device(config.device)
        for (split, _), source in zip(named, sources, strict=True):
            views = config.augment.views if split == "train" else 1
            cache.fill(source.examples, device, resolve_precision(config.precision, device), views)
    return train_app(CaptionTask(config, backbone, cache), config, media="image")


def start_backbone(config: CaptionConfig) -> Backbone:
    """Return the backbone with the weights that training begins from: those of `init`, or pretrained ones."""
    torch.manual_seed(config.seed)  # of random weights: a run that goes on has to meet the same features
    backbone = Backbone(config.backbone)
    if config.init is None:
        load_pretrained(backbone)
        return backbone
    bundle = open_bundle(config.init)
    check_task(bundle, "caption", "--init")
    own = {name.removeprefix(BACKBONE): t for name, t in bundle.weights.items() if name.startswith(BACKBONE)}
    load_weights(backbone, own, f"--init {config.init}, --backbone.name {config.backbone.name}")
    return backbone


if __name__ == "__main__":
    sys.exit(main())
