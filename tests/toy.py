"""A task small enough for tests of the core.

Every character of the text is a frame of a fixed pattern, then a frame of silence; the last bin tells the place,
which a frame-by-frame encoder could not know.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from scriba.core.command import config_from_values
from scriba.core.errors import InputError
from scriba.core.example import Example, Samples
from scriba.core.files import save_bundle
from scriba.core.inputs import Draw
from scriba.core.model import Memory, build_model
from scriba.core.recogniser import Recogniser
from scriba.core.scores import ErrorRates
from scriba.core.text import CharTokenizer
from scriba.core.training import App, RunConfig

BINS = 6
PATTERNS = np.random.default_rng(0).standard_normal((128, BINS)).astype(np.float32)


def toy_example(id: str, text: str, frames_per_character: int = 2) -> Example:
    """Return an example whose frames spell its text."""
    frames = np.zeros((len(text), frames_per_character, BINS), np.float32)
    frames[:, 0] = PATTERNS[[ord(c) for c in text]]
    frames = frames.reshape(-1, BINS)
    frames[:, -1] = np.arange(len(frames)) - 3
    return Example(id, Samples(frames, 1), text)


def toy_examples(texts: Sequence[str]) -> list[Example]:
    return [toy_example(f"toy-{i}", text) for i, text in enumerate(texts)]


class ToyEncoder(nn.Module):
    """One linear layer, one position for each frame."""

    subsampling: int | None = 1

    def __init__(self, size: int = 16) -> None:
        super().__init__()
        self.layer = nn.Linear(BINS, size)
        self.memory_size = size

    def output_lengths(self, lengths_B: Tensor) -> Tensor:
        return lengths_B

    def forward(self, inputs: Tensor, lengths_B: Tensor) -> Memory:
        return Memory(torch.tanh(self.layer(inputs)), lengths_B)


class ReadingEncoder(ToyEncoder):
    """A causal LSTM, whose last state knows the whole text."""

    def __init__(self, size: int = 16) -> None:
        super().__init__(size)
        self.recurrent = nn.LSTM(size, size, batch_first=True)

    def forward(self, inputs: Tensor, lengths_B: Tensor) -> Memory:
        return Memory(self.recurrent(torch.tanh(self.layer(inputs)))[0], lengths_B)


class ToyInputs:
    """The `Inputs` of the toy."""

    unit = "frames"
    frame_size = 1.0

    def measure(self, example: Example) -> int:
        return len(self.prepare(example))

    def prepare(self, example: Example, draw: Draw | None = None) -> Tensor:
        assert isinstance(example.source, Samples)
        if len(example.source.values) == 0:
            raise InputError(f"{example.id}: has no frames.")
        return torch.from_numpy(example.source.values)


TOY = App[RunConfig, Recogniser](
    name="toy",
    media="text",
    config=RunConfig,
    encoder=lambda config: ToyEncoder(),
    inputs=lambda config: ToyInputs(),
    scores=ErrorRates(shown=("cer",)),
    use=lambda recogniser: recogniser,
)


def toy_app(**changes: Any) -> App[RunConfig, Recogniser]:
    """Return the toy as an app, with some of its fields replaced."""
    return replace(TOY, **changes)


def untrained_bundle(folder: Path, app: App[Any, Any], values: Mapping[str, Any], alphabet: str = "abc ") -> Path:
    """Write the bundle of a model of any app that was never trained.

    Args:
        folder: The bundle.
        app: The app.
        values: Options of the model where they differ from the app's defaults.
        alphabet: Its characters.
    """
    config = config_from_values(app.config, values, app.name, app.defaults)
    tokenizer = CharTokenizer(alphabet)
    torch.manual_seed(0)
    model = build_model(config.model(), app.encoder(config), len(tokenizer))
    kept = {**values, "heads": config.model().heads}
    save_bundle(folder, task=app.name, config=kept, tokenizer=tokenizer, weights=model.state_dict(), card="")
    return folder
