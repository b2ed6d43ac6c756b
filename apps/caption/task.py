"""Captioning as the core sees it: the config, the encoder and the preparation of pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from scriba.caption.backbone import Backbone, BackboneConfig
from scriba.caption.encoder import EncoderConfig, PictureEncoder
from scriba.caption.features import FeatureCache
from scriba.caption.picture import read_pixels
from scriba.core.attention import AttentionConfig
from scriba.core.config import DataConfig, RunConfig
from scriba.core.decoder import DecoderConfig
from scriba.core.errors import UsageError
from scriba.core.example import Example
from scriba.core.loss import LossConfig
from scriba.core.metrics import plain_words
from scriba.core.overlap import Cider, overlap
from scriba.core.reward import Judge
from scriba.core.search import DecodingConfig
from scriba.core.task import Draw
from scriba.core.tokenizer import TokenizerConfig


@dataclass(frozen=True)
class AugmentConfig:
    """Augmentation of training pictures.

    Args:
        views: Views of each picture that training draws from: 1 is the whole picture alone, 2 its mirror image too,
            more are cuts of it. The features of all views are kept, at 125 KB each for mobilenet_v2.
    """

    views: int = 1


@dataclass(frozen=True)
class CaptionConfig(RunConfig):
    """A training run of a captioner. Captions have no order along the picture, so there is no CTC.

    Args:
        data: Where examples come from.
        tokenizer: The units that captions are made of.
        attention: How the decoder looks at the memory.
        decoder: The recurrent decoder.
        loss: What is minimised.
        decoding: How text is found on dev and by default afterwards.
        augment: Augmentation of training pictures.
        backbone: The convolutional network.
        encoder: What is made of its feature map.
    """

    data: DataConfig = field(default_factory=lambda: DataConfig(normalise="words"))
    tokenizer: TokenizerConfig = field(default_factory=lambda: TokenizerConfig("words", min_count=5))
    attention: AttentionConfig = field(default_factory=lambda: AttentionConfig("additive", size=512))
    decoder: DecoderConfig = field(
        default_factory=lambda: DecoderConfig(size=512, embedding_size=256, dropout=0.5, start="mean", gate=True)
    )
    loss: LossConfig = field(default_factory=lambda: LossConfig(ctc_weight=0.0, doubly_stochastic=1.0))
    decoding: DecodingConfig = field(
        default_factory=lambda: DecodingConfig("attention", beam_size=5, length_penalty=0.7)
    )
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    backbone: BackboneConfig = field(default_factory=BackboneConfig)
    encoder: EncoderConfig = field(default_factory=EncoderConfig)


class CaptionTask:
    """The `Task` of captioning. Lengths are rows of the picture, or cells of its features.

    Args:
        config: The run's config.
        backbone: The network with its weights, to train with; by default one with random weights, to be loaded.
        cache: Features that are there already.

    Raises:
        UsageError: There is not one view at least.
    """

    name = "caption"
    unit = "px"
    shown = ("cider", "bleu4")
    higher_is_better = True
    frame_size = 1.0
    position_size = None

    def __init__(
        self, config: CaptionConfig, backbone: Backbone | None = None, cache: FeatureCache | None = None
    ) -> None:
        if config.augment.views < 1:
            raise UsageError(f"--augment.views {config.augment.views}: give 1 or more.")
        self.config = config
        self.backbone = backbone
        self.cache = cache

    def build_encoder(self) -> PictureEncoder:
        """Build the encoder around the backbone."""
        backbone = self.backbone if self.backbone is not None else Backbone(self.config.backbone)
        return PictureEncoder(self.config.encoder, backbone)

    def measure(self, example: Example) -> int:
        """Read the picture and return its rows, or the cells of its features."""
        return len(self.prepare(example))

    def prepare(self, example: Example, draw: Draw | None = None) -> Tensor:
        """Return the features of the picture if they are cached, else its pixels (size, size, 3).

        With `draw` they are those of any of the views that training draws from.
        """
        view = 0 if draw is None else draw.seed % self.config.augment.views
        features = None if self.cache is None else self.cache.get(example, view)
        return read_pixels(example, self.config.backbone.size, view) if features is None else features

    def score(self, references: Sequence[str | tuple[str, ...]], texts: Sequence[str]) -> Mapping[str, float]:
        """Return BLEU and ROUGE-L in percent and CIDEr-D, of lower-case words without punctuation."""
        sets = [tuple(map(plain_words, (r,) if isinstance(r, str) else r)) for r in references]
        return overlap(sets, [plain_words(text) for text in texts])

    def judge(self, references: Sequence[tuple[str, ...]]) -> Judge:
        """Rate texts by CIDEr-D, with the rarity of words among the training captions."""
        measure = Cider([tuple(map(plain_words, texts)) for texts in references])
        return lambda own, texts: measure([*map(plain_words, own)], [*map(plain_words, texts)])
