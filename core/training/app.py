"""An app: everything that the core and the commands ask of a task, as one value."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, Literal, TypeVar

from scriba.core.command import config_from_values
from scriba.core.example import Example
from scriba.core.inputs import Inputs
from scriba.core.model import Encoder
from scriba.core.recogniser import Recogniser
from scriba.core.scores import Scores
from scriba.core.training.config import RunConfig
from scriba.core.training.evaluation import score_heads

C = TypeVar("C", bound=RunConfig)
M = TypeVar("M", covariant=True)

Evaluate = Callable[[Recogniser, Sequence[Example], Scores, int], dict[str, float]]
"""Scores a model on examples, in batches of a size."""
Split = tuple[Literal["train", "dev"], Sequence[Example]]


@dataclass(frozen=True)
class App(Generic[C, M]):
    """A task.

    Attributes:
        name: Names it in commands, bundles and results.
        media: Column of the inputs in manifests: audio or image; text where there are none.
        config: A training run of it.
        encoder: Builds the encoder of a run, with fresh weights.
        inputs: Prepares the inputs of a run or a model.
        scores: What results are scored by.
        use: From a loaded model to how it is used from Python.
        defaults: Defaults of its runs by dotted name, where they differ from those of `RunConfig`.
        evaluate: Scores a model on dev.
        training_inputs: Prepares the inputs while training, where something can be computed beforehand: from the
            config, the encoder with the weights that training begins from, and the examples of each split.
    """

    name: str
    media: str
    config: type[C]
    encoder: Callable[[C], Encoder]
    inputs: Callable[[C], Inputs]
    scores: Scores
    use: Callable[[Recogniser], M]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    evaluate: Evaluate = score_heads
    training_inputs: Callable[[C, Encoder, Sequence[Split]], Inputs] | None = None

    def configure(self, **options: Any) -> C:
        """Return the config of a run: this app's defaults, with some sections or options given.

        Args:
            **options: Fields of the config, each whole.
        """
        config: C = config_from_values(self.config, {}, self.name, self.defaults)
        return replace(config, **options)
