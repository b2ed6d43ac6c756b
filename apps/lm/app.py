"""Language modelling as one value: texts without any input."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

import torch
from torch import Tensor

from scriba.core.errors import InputError, UsageError
from scriba.core.example import Example
from scriba.core.inputs import Draw
from scriba.core.model import NoInput
from scriba.core.recogniser import Recogniser
from scriba.core.scores import Judge
from scriba.core.training import App, RunConfig
from scriba.lm.foresight import foresight

DEFAULTS: Mapping[str, Any] = {
    "attention.kind": "none",
    "attention.without": "state",
    "decoder.size": 256,
    "decoder.embedding_size": 64,
    "decoder.dropout": 0.3,
    "loss.ctc_weight": 0.0,
    "loss.label_smoothing": 0.0,
    "training.epochs": 30,
    "training.batch_size": 32,
    "training.max_batch_frames": 8192,
    "training.learning_rate": 3e-3,
    "decoding.method": "attention",
}


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


class TextInputs:
    """The `Inputs` of language modelling, which say nothing but how long a text is; lengths are characters."""

    unit = "characters"
    frame_size = 1.0

    def measure(self, example: Example) -> int:
        """Return the characters of the text, so that texts of one length meet in a batch."""
        return len(example.texts[0]) + 1

    def prepare(self, example: Example, draw: Draw | None = None) -> Tensor:
        """Return an empty input of that length."""
        return torch.zeros(self.measure(example))


class Perplexity:
    """The `Scores` of language modelling: nothing is recognised, so it is all in how well texts are foreseen."""

    shown = ("perplexity",)
    higher_is_better = False

    def score(self, references: Sequence[str | tuple[str, ...]], texts: Sequence[str]) -> Mapping[str, float]:
        """Score nothing."""
        return {}

    def judge(self, references: Sequence[tuple[str, ...]]) -> Judge:
        """Refuse."""
        raise UsageError("--loss.samples: a language model is trained on texts, not on scores; leave it at 0.")


def refuse(recogniser: Recogniser) -> NoReturn:
    """Say what a language model is for."""
    raise InputError(
        'this is a language model, which recognises nothing by itself; load a recogniser with lm="its name" and '
        "lm_weight=0.3, say, or use --decoding.lm and --decoding.lm_weight."
    )


APP = App(
    name="lm",
    media="text",
    config=LmConfig,
    encoder=lambda config: NoInput(),
    inputs=lambda config: TextInputs(),
    scores=Perplexity(),
    use=refuse,
    defaults=DEFAULTS,
    evaluate=foresight,
)
