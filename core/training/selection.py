"""Which weights of a run are kept: those that are best on dev, as the run's bundle."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from torch import Tensor

from scriba.core.example import Example
from scriba.core.files import save_bundle
from scriba.core.recogniser import Recogniser
from scriba.core.training.app import App
from scriba.core.training.averaging import StateDict
from scriba.core.training.card import model_card
from scriba.core.training.config import RunConfig
from scriba.core.training.evaluation import main_score
from scriba.core.training.run_folder import RunFolder, Standing

NOT_IN_BUNDLE = ("data", "loss", "training", "run_dir", "init", "device", "precision")
"""Options of a run that say nothing about how the model is used."""


@dataclass(frozen=True)
class Selection:
    """Scores weights on dev, and keeps the best.

    Attributes:
        app: Scores, and names the bundle.
        config: The run.
        recogniser: A model of its own, which takes the weights in.
        dev: The examples; without any, the last weights are kept.
        folder: Where the bundle goes.
    """

    app: App[Any, Any]
    config: RunConfig
    recogniser: Recogniser
    dev: Sequence[Example]
    folder: RunFolder

    def consider(self, weights: StateDict, standing: Standing) -> dict[str, float]:
        """Score weights as a bundle holds them, keep them if they are the best so far, and note that.

        Returns:
            The scores.
        """
        halved = {n: t.half() if t.is_floating_point() else t for n, t in weights.items()}
        self.recogniser.model.load_state_dict(halved)
        scores = self.app.evaluate(self.recogniser, self.dev, self.app.scores, self.config.training.batch_size)
        standing.waited += 1
        score = main_score(scores, self.recogniser, self.app.scores) if self.dev else math.nan
        if not self.dev or self._is_better(score, standing.best):
            standing.best, standing.waited = score, 0
            self._keep(halved, scores)
        return scores

    def _is_better(self, score: float, best: float) -> bool:
        return math.isnan(best) or (score > best if self.app.scores.higher_is_better else score < best)

    def _keep(self, weights: dict[str, Tensor], scores: dict[str, float]) -> None:
        decoding = replace(self.config.decoding, method=self.recogniser.decoding.method)
        parameters = sum(p.numel() for p in self.recogniser.model.parameters())
        config = replace(self.config, heads=self.config.model().heads, decoding=decoding)
        save_bundle(
            self.folder.bundle,
            task=self.app.name,
            config={n: v for n, v in asdict(config).items() if n not in NOT_IN_BUNDLE},
            tokenizer=self.recogniser.tokenizer,
            weights=weights,
            card=model_card(self.app.name, self.config, scores, parameters),
        )
