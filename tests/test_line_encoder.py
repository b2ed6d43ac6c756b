"""The line encoder: padding never matters, lengths are right, evaluation folds the norm exactly."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from scriba.ocr.encoder import EncoderConfig, LineEncoder, normalised

SMALL = EncoderConfig(channels=(4, 4, 8, 8, 8, 8), size=8, layers=2)


def encoder(height: int = 32) -> LineEncoder:
    """Not freshly made: with running statistics and scales of its own in every norm."""
    torch.manual_seed(0)
    made = LineEncoder(SMALL, height)
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, std=0.3)  # type: ignore[arg-type]
            nn.init.uniform_(module.running_var, 0.5, 2)  # type: ignore[arg-type]
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.3)
    return made.eval()


@pytest.mark.parametrize("height", [32, 48])
@torch.no_grad()
def test_padding_never_matters(height: int) -> None:
    """Each line of a batch gets the states it has alone, with or without padding and whatever the padding is."""
    model = encoder(height)
    lengths = [1, 3, 4, 37, 64, 91]
    lines = [torch.rand(length, height) for length in lengths]
    padded = torch.zeros(len(lines), 96, height)
    for row, line in zip(padded, lines, strict=True):
        row[: len(line)] = line
    memory = model(padded, torch.tensor(lengths))
    assert memory.lengths_B.tolist() == model.output_lengths(torch.tensor(lengths)).tolist()
    for b, line in enumerate(lines):
        single = model(line[None], torch.tensor([len(line)]))
        count = int(single.lengths_B)
        assert count == -(-len(line) // 4)
        torch.testing.assert_close(memory.states_BTD[b, :count], single.states_BTD[0, :count], rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_evaluation_folds_the_norm_into_the_convolution() -> None:
    """One convolution with changed weights is the convolution and then the norm."""
    model = encoder()
    images = torch.rand(2, 1, 16, 32)
    folded = normalised(model.convolutions[0], model.norms[0], images)
    torch.testing.assert_close(folded, model.norms[0](model.convolutions[0](images)))
