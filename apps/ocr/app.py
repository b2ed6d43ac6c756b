"""Line recognition as one value."""

from dataclasses import dataclass, field

from scriba.core.model import BackboneConfig, EncoderKinds
from scriba.core.scores import ErrorRates
from scriba.core.training import App, RunConfig
from scriba.ocr.backbone_encoder import BackboneEncoder
from scriba.ocr.encoder import EncoderConfig, LineEncoder
from scriba.ocr.inputs import AugmentConfig, LineInputs
from scriba.ocr.line import LineConfig
from scriba.ocr.reader import LineReader


@dataclass(frozen=True)
class OcrConfig(RunConfig):
    """A training run of a line recogniser.

    Args:
        line: Preparation of line images.
        augment: Augmentation of training lines.
        encoder: The line encoder.
        backbone: The convolutional network of the encoder kind backbone.
    """

    line: LineConfig = field(default_factory=LineConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    backbone: BackboneConfig = field(default_factory=lambda: BackboneConfig("resnet18", stages=6))


ENCODERS = EncoderKinds[OcrConfig](
    {
        "blstm": lambda config: LineEncoder(config.encoder, config.line.height),
        "backbone": lambda config: BackboneEncoder(config.encoder, config.backbone, config.line.height),
    }
)
APP = App(
    name="ocr",
    media="image",
    config=OcrConfig,
    encoder=ENCODERS,
    inputs=lambda config: LineInputs(config.line, config.augment),
    scores=ErrorRates(),
    use=LineReader,
)
