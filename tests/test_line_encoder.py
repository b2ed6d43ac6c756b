"""The line encoder: padding never matters, lengths are right, evaluation folds the norm exactly."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from scriba.core.errors import UsageError
from scriba.ocr.encoder import EncoderConfig, LineEncoder, NormedConvolution, SeparableConvolution

SMALL = EncoderConfig(channels=(4, 4, 8, 8, 8, 8, 8), size=8, layers=2)


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
    """One convolution with changed weights is the convolution and then the norm: plain, depthwise and pointwise."""
    layers = [m for m in encoder().modules() if isinstance(m, NormedConvolution)]
    assert len(layers) == 2 + 2 * 5
    for layer in layers:
        images = torch.rand(2, layer.convolution.in_channels, 16, 8)
        torch.testing.assert_close(layer(images), layer.norm(layer.convolution(images)))


@torch.no_grad()
def test_separable_convolutions_add_their_input_where_the_shape_stays() -> None:
    images = torch.rand(2, 8, 6, 4)
    for after, stride, adds in ((8, 1, True), (8, 2, False), (6, 1, False)):
        layer = SeparableConvolution(8, after, stride).eval()
        plain = layer.pointwise(layer.depthwise(images))
        assert plain.shape == (2, after, 6, 4 // stride)
        torch.testing.assert_close(layer(images), plain + images if adds else plain)


@pytest.mark.parametrize(("channels", "height"), [((4,) * 6, 32), ((4,) * 7, 12)])
def test_sizes_that_do_not_fit_are_refused(channels: tuple[int, ...], height: int) -> None:
    """Too few numbers of channels, or so few rows that none is left: one sentence, not an error of a layer."""
    with pytest.raises(UsageError, match=r"--(encoder\.channels|line\.height).*\.$"):
        LineEncoder(EncoderConfig(channels=channels, size=4), height)
