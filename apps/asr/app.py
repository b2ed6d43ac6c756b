"""Speech recognition as one value."""

from dataclasses import dataclass, field

from scriba.asr.encoder import EncoderConfig, SpeechEncoder
from scriba.asr.features import AugmentConfig, FeatureConfig
from scriba.asr.inputs import SpeechInputs
from scriba.asr.recogniser import SpeechRecogniser
from scriba.core.model import EncoderKinds
from scriba.core.scores import ErrorRates
from scriba.core.training import App, RunConfig


@dataclass(frozen=True)
class AsrConfig(RunConfig):
    """A training run of a speech recogniser.

    Args:
        features: Log-mel features.
        augment: Augmentation of training audio.
        encoder: The speech encoder.
    """

    features: FeatureConfig = field(default_factory=FeatureConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    encoder: EncoderConfig = field(default_factory=EncoderConfig)


ENCODERS = EncoderKinds[AsrConfig]({"blstm": lambda config: SpeechEncoder(config.encoder, config.features.mel_bins)})
APP = App(
    name="asr",
    media="audio",
    config=AsrConfig,
    encoder=ENCODERS,
    inputs=lambda config: SpeechInputs(config.features, config.augment),
    scores=ErrorRates(),
    use=SpeechRecogniser,
)
