"""Averages of weights against plain loops; what a checkpoint of them holds."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load, save
from torch import nn

from scriba.core.training.averaging import Average, AverageKind, StateDict, copy_weights


def history(length: int, seed: int = 0) -> list[nn.Module]:
    """The same module at several moments: parameters, running statistics and a counter, all different."""
    generator = torch.Generator().manual_seed(seed)
    modules = []
    for step in range(length):
        module = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
        with torch.no_grad():
            for tensor in module.state_dict().values():
                if tensor.is_floating_point():
                    tensor.copy_(torch.randn(tensor.shape, generator=generator))
                else:
                    tensor.fill_(step)
        modules.append(module)
    return modules


def assert_same(found: StateDict, expected: StateDict) -> None:
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, rtol=1e-5, atol=1e-6)


def ema_by_loop(modules: list[nn.Module], decay: float) -> StateDict:
    """The recursion number by number: w <- d w + (1 - d) new, with the short memory of the first steps."""
    average = {name: tensor.flatten().tolist() for name, tensor in modules[0].state_dict().items()}
    for step, module in enumerate(modules[1:], start=2):
        d = min(decay, (1 + step) / (10 + step))
        for name, tensor in module.state_dict().items():
            new = tensor.flatten().tolist()
            mixed = [d * a + (1 - d) * b for a, b in zip(average[name], new, strict=True)]
            average[name] = mixed if tensor.is_floating_point() else new
    return {n: torch.tensor(average[n], dtype=t.dtype).reshape(t.shape) for n, t in modules[0].state_dict().items()}


@settings(max_examples=20)
@given(st.integers(1, 25), st.floats(0.0, 1.0), st.integers(0, 10**6))
def test_ema_against_a_loop(length: int, decay: float, seed: int) -> None:
    """EMA follows its recursion for every parameter and running statistic; counters are those of the newest weights."""
    modules, average = history(length, seed), Average("ema", decay=decay)
    for module in modules:
        average.after_step(module)
    assert_same(average.weights(modules[-1]), ema_by_loop(modules, decay))


@pytest.mark.parametrize("kind", ["none", "ema"])
def test_before_anything_was_averaged_the_weights_themselves_count(kind: AverageKind) -> None:
    """Without steps, and always for `none`, the present weights are evaluated."""
    first, second = history(2)
    average = Average(kind)
    assert_same(average.weights(first), copy_weights(first))
    if kind == "none":
        average.after_step(first)
        assert_same(average.weights(second), copy_weights(second))
        assert average.averaged == {}


@pytest.mark.parametrize("stop", [1, 7, 12])
def test_resumed_in_the_middle_it_goes_on_the_same(stop: int) -> None:
    """Tensors and steps, through a file, are all that the average needs: it ends bit for bit as if never stopped."""
    modules = history(15)
    whole, before, after = (Average("ema", 0.9) for _ in range(3))

    def take(average: Average, part: list[nn.Module]) -> None:
        for module in part:
            average.after_step(module)

    take(whole, modules)
    take(before, modules[:stop])
    after.load(load(save(before.averaged)), before.steps)
    take(after, modules[stop:])
    for name, tensor in whole.weights(modules[-1]).items():
        assert torch.equal(after.weights(modules[-1])[name], tensor), name


@pytest.mark.parametrize("kind", ["none", "ema"])
def test_averages_are_copies(kind: AverageKind) -> None:
    """Training on does not change what was taken in, nor loading an average the model or the average itself."""
    module, later = history(2)
    average = Average(kind)
    average.after_step(module)
    expected, taken = copy_weights(module), average.weights(module)
    if kind != "none":
        module.load_state_dict(later.state_dict())
        assert_same(average.weights(module), expected)
    for tensor in taken.values():
        tensor.zero_()
    assert_same(average.weights(module), copy_weights(module) if kind == "none" else expected)
