"""Averages of weights against plain loops; what a checkpoint of them holds."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load, save
from torch import Tensor, nn

from scriba.core.averaging import Average, Weights, copy_weights, mean_weights


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


def assert_same(found: Weights, expected: Weights) -> None:
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(found[name], tensor, rtol=1e-5, atol=1e-6)


def ema_by_loop(modules: list[nn.Module], decay: float) -> Weights:
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
        average.before_evaluation(module)  # at any time; only steps count
        average.after_step(module)
    assert_same(average.weights(modules[-1]), ema_by_loop(modules, decay))


@settings(max_examples=20)
@given(st.integers(1, 15), st.integers(1, 12), st.integers(0, 10**6))
def test_last_is_the_mean_of_the_last_evaluations(length: int, count: int, seed: int) -> None:
    """Only the newest N evaluations count, and steps between them do not; counters are the newest."""
    modules, average = history(length, seed), Average("last", count=count)
    for module in modules:
        average.after_step(module)
        average.before_evaluation(module)
    expected = {}
    for name, newest in modules[-1].state_dict().items():
        last = [module.state_dict()[name] for module in modules[-count:]]
        expected[name] = sum(last) / len(last) if newest.is_floating_point() else newest
    assert_same(average.weights(modules[-1]), expected)


@pytest.mark.parametrize("kind", ["none", "ema", "last"])
def test_before_anything_was_averaged_the_weights_themselves_count(kind: str) -> None:
    """Without steps or evaluations, and always for `none`, the present weights are evaluated."""
    first, second = history(2)
    average = Average(kind)  # type: ignore[arg-type]
    assert_same(average.weights(first), copy_weights(first))
    if kind == "none":
        average.after_step(first)
        average.before_evaluation(first)
        assert_same(average.weights(second), copy_weights(second))
        assert average.state() == {}


@pytest.mark.parametrize("kind", ["ema", "last"])
@pytest.mark.parametrize("stop", [1, 7, 12])
def test_resumed_in_the_middle_it_goes_on_the_same(kind: str, stop: int) -> None:
    """State and steps, through a file, are all that the average needs: it ends bit for bit as if never stopped."""
    modules = history(15)
    whole, before, after = (Average(kind, 0.9, 11) for _ in range(3))  # type: ignore[arg-type]

    def take(average: Average, part: list[nn.Module]) -> None:
        for module in part:
            average.after_step(module)
            average.before_evaluation(module)

    take(whole, modules)
    take(before, modules[:stop])
    after.load(load(save(before.state())), before.steps)
    take(after, modules[stop:])
    for name, tensor in whole.weights(modules[-1]).items():
        assert torch.equal(after.weights(modules[-1])[name], tensor), name


@pytest.mark.parametrize("kind", ["none", "ema", "last"])
def test_averages_are_copies(kind: str) -> None:
    """Training on does not change what was taken in, nor loading an average the model or the average itself."""
    module, later = history(2)
    average = Average(kind)  # type: ignore[arg-type]
    average.after_step(module)
    average.before_evaluation(module)
    expected, taken = copy_weights(module), average.weights(module)
    if kind != "none":
        module.load_state_dict(later.state_dict())
        assert_same(average.weights(module), expected)
    for tensor in taken.values():
        tensor.zero_()
    assert_same(average.weights(module), copy_weights(module) if kind == "none" else expected)


def test_mean_keeps_the_number_format() -> None:
    """The mean of weights can be loaded into the model they came from: shapes, types, scalars too."""

    def weights(value: float) -> dict[str, Tensor]:
        return {"a": torch.full((2, 3), value).half(), "b": torch.tensor(value).double(), "c": torch.tensor(int(value))}

    mean = mean_weights([weights(1), weights(2), weights(6)])
    assert mean["a"].tolist() == [[3] * 3] * 2 and float(mean["b"]) == 3 and int(mean["c"]) == 6
    assert [tensor.dtype for tensor in mean.values()] == [torch.float16, torch.float64, torch.int64]
