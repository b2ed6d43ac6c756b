"""Language modelling as the core sees it: texts without any input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from scriba.core.attention import AttentionConfig
from scriba.core.config import RunConfig, TrainingConfig
from scriba.core.decoder import DecoderConfig
from scriba.core.errors import UsageError
from scriba.core.example import Example
from scriba.core.language import NoInput, text_scores
from scriba.core.loss import LossConfig
from scriba.core.recogniser import Recogniser
from scriba.core.reward import Judge
from scriba.core.search import DecodingConfig
from scriba.core.task import Draw


@dataclass(frozen=True)
class LmConfig(RunConfig):
    """A training run of a language model.

    Args:
        texts: Training texts: files with one on each line, or sources whose texts are taken.
        like: Recogniser that it is to help, and whose tokens it therefore has (folder, bundled name or
            hf:owner/name), or null for tokens of its own.
    """

    texts: list[str] = field(default_factory=list)
    like: str | None = None
    attention: AttentionConfig = field(default_factory=lambda: AttentionConfig("none", without="state"))
    decoder: DecoderConfig = field(default_factory=lambda: DecoderConfig(size=256, embedding_size=64, dropout=0.3))
    loss: LossConfig = field(default_factory=lambda: LossConfig(ctc_weight=0.0, label_smoothing=0.0))
    training: TrainingConfig = field(
        default_factory=lambda: TrainingConfig(epochs=30, batch_size=32, max_batch_frames=8192, learning_rate=3e-3)
    )
    decoding: DecodingConfig = field(default_factory=lambda: DecodingConfig("attention"))


class LmTask:
    """The `Task` of language modelling. Lengths are characters.

    Args:
        config: The run's config.
    """

    name = "lm"
    unit = "characters"
    shown = ("perplexity",)
    higher_is_better = False
    frame_size = 1.0
    position_size = None

    def __init__(self, config: LmConfig) -> None:
        self.config = config

    def build_encoder(self) -> NoInput:
        """Build what stands for an encoder."""
        return NoInput()

    def measure(self, example: Example) -> int:
        """Return the characters of the text, so that texts of one length meet in a batch."""
        return len(example.texts[0]) + 1

    def prepare(self, example: Example, draw: Draw | None = None) -> Tensor:
        """Return an input that says nothing but how long the text is."""
        return torch.zeros(self.measure(example))

    def score(self, references: Sequence[str | tuple[str, ...]], texts: Sequence[str]) -> Mapping[str, float]:
        """Nothing is recognised, so there is nothing to score."""
        return {}

    def judge(self, references: Sequence[tuple[str, ...]]) -> Judge:
        """Refuse: nothing is recognised."""
        raise UsageError("--loss.samples: a language model is trained on texts, not on scores; leave it at 0.")


def foresight(recogniser: Recogniser, examples: Sequence[Example], config: RunConfig) -> dict[str, float]:
    """Return how well the model foresees the texts of examples."""
    assert recogniser.model.decoder is not None
    texts = [text for example in examples for text in example.texts]
    return text_scores(recogniser.model.decoder, recogniser.tokenizer, texts, recogniser.device) if texts else {}
