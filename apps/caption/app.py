"""Captioning as one value. Captions have no order along the picture, so there is no CTC."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scriba.caption.describer import Describer
from scriba.caption.encoder import BACKBONE, EncoderConfig, PictureConfig, PictureEncoder
from scriba.caption.features import FeatureCache
from scriba.caption.inputs import AugmentConfig, PictureInputs
from scriba.core.example import Example
from scriba.core.model import Encoder, EncoderKinds
from scriba.core.precision import resolve_device, resolve_precision
from scriba.core.scores import WordOverlap
from scriba.core.training import App, RunConfig, within

DEFAULTS: Mapping[str, Any] = {
    "data.normalise": "words",
    "tokenizer.kind": "words",
    "tokenizer.min_count": 5,
    "attention.size": 512,
    "decoder.size": 512,
    "decoder.embedding_size": 256,
    "decoder.dropout": 0.5,
    "decoder.start": "mean",
    "decoder.gate": True,
    "loss.ctc_weight": 0.0,
    "loss.doubly_stochastic": 1.0,
    "training.frozen": BACKBONE,
    "decoding.method": "attention",
    "decoding.beam_size": 5,
    "decoding.length_penalty": 0.7,
}


@dataclass(frozen=True)
class CaptionConfig(RunConfig):
    """A training run of a captioner.

    Args:
        augment: Augmentation of training pictures.
        backbone: The convolutional network.
        encoder: What is made of its feature map.
    """

    augment: AugmentConfig = field(default_factory=AugmentConfig)
    backbone: PictureConfig = field(default_factory=PictureConfig)
    encoder: EncoderConfig = field(default_factory=EncoderConfig)


def with_features(
    config: CaptionConfig, encoder: Encoder, splits: Sequence[tuple[str, Sequence[Example]]]
) -> PictureInputs:
    """Return the inputs of a run; where the network stays as it is, with the features of all pictures computed."""
    cache = None
    if within(BACKBONE, config.training.frozen) and config.encoder.cache is not None:
        assert isinstance(encoder, PictureEncoder)
        cache = FeatureCache(Path(config.encoder.cache), encoder.backbone, config.backbone.size)
        device = resolve_device(config.device)
        for split, examples in splits:
            views = config.augment.views if split == "train" else 1
            cache.fill(examples, device, resolve_precision(config.precision, device), views)
    return PictureInputs(config.backbone.size, config.augment, cache)


ENCODERS = EncoderKinds[CaptionConfig]({"backbone": lambda config: PictureEncoder(config.encoder, config.backbone)})
APP = App(
    name="caption",
    media="image",
    config=CaptionConfig,
    encoder=ENCODERS,
    inputs=lambda config: PictureInputs(config.backbone.size, config.augment),
    scores=WordOverlap(),
    use=Describer,
    defaults=DEFAULTS,
    training_inputs=with_features,
)
