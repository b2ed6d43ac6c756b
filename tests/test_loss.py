"""The joint loss and its parts."""

from __future__ import annotations

import itertools
import math
from typing import Literal

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from toy import BINS, ToyEncoder

from scriba.core.errors import UsageError
from scriba.core.model import (
    AttentionConfig,
    DecoderConfig,
    Memory,
    Trace,
    build_decoder,
    build_model,
    cross_entropy,
    ctc_loss,
    mean_per_token,
    teacher_tokens,
    with_wrong_tokens,
)
from scriba.core.model.recurrent_decoder import RecurrentDecoder
from scriba.core.text import BLANK, SOS_EOS
from scriba.core.training import RunConfig, check_run
from scriba.core.training.config import LossConfig
from scriba.core.training.objective import Objective, build_objective
from scriba.core.training.reinforce import GUIDE_WIDTH, Reinforce, looked_at_once, off_diagonal

BATCH = (torch.randn(2, 8, BINS), torch.tensor([8, 6]), torch.tensor([[3, 4, 5], [6, 3, 0]]), torch.tensor([3, 2]))


def make(heads: Literal["auto", "both", "ctc", "attention"] = "auto", **loss: float) -> Objective:
    torch.manual_seed(0)
    config = RunConfig(
        heads=heads,
        attention=AttentionConfig(size=8),
        decoder=DecoderConfig(size=8, embedding_size=4, dropout=0),
        loss=LossConfig(**loss),  # type: ignore[arg-type]
    )
    return build_objective(build_model(config.model(), ToyEncoder(), 8), config.loss, hard=False)


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_joint_loss_is_the_weighted_sum(weight: float) -> None:
    """L = w L_ctc + (1 - w) L_att; at the ends the other head is not even built."""
    objective = make(ctc_weight=weight)
    losses = objective(*BATCH)
    torch.testing.assert_close(losses.total, weight * losses.ctc + (1 - weight) * losses.attention)
    assert (objective.model.ctc is None) == (weight == 0) and (objective.model.decoder is None) == (weight == 1)
    assert (losses.ctc.item() == 0) == (weight == 0) and (losses.attention.item() == 0) == (weight == 1)


@pytest.mark.parametrize(("weight", "idle"), [(0.0, "ctc"), (1.0, "decoder")])
def test_a_head_that_is_not_trained_can_be_there(weight: float, idle: str) -> None:
    """With both heads and the weight of one alone, the other is kept as it is, and the loss is that of the one."""
    objective, alone = make("both", ctc_weight=weight), make(ctc_weight=weight)
    alone.model.load_state_dict(objective.model.state_dict(), strict=False)
    losses = objective(*BATCH)
    torch.testing.assert_close(losses, alone(*BATCH))
    losses.total.backward()
    trained = {name for name, parameter in objective.model.named_parameters() if parameter.grad is not None}
    assert trained == {name for name, _ in objective.model.named_parameters() if not name.startswith(f"{idle}.")}


@pytest.mark.parametrize(("heads", "weight"), [("ctc", 0.3), ("ctc", 0.0), ("attention", 0.3), ("attention", 1.0)])
def test_a_loss_of_a_head_that_is_not_there_is_refused(heads: Literal["ctc", "attention"], weight: float) -> None:
    """The message has the weight that suits the heads."""
    with pytest.raises(UsageError, match=rf"--loss\.ctc_weight {weight:g}: .*--heads {heads} give [01]\."):
        check_run(RunConfig(heads=heads, loss=LossConfig(weight)))


def test_both_parts_are_per_target_token() -> None:
    """Each part is the sum over the batch by its number of target tokens, the end symbol included for attention."""
    objective = make(ctc_weight=0.3, label_smoothing=0.0)
    losses, model = objective(*BATCH), objective.model
    inputs, lengths_B, targets_BU, sizes_B = BATCH
    memory = model.encode(inputs, lengths_B)
    assert model.ctc is not None and model.decoder is not None
    ctc = ctc_loss(model.ctc(memory), lengths_B, targets_BU, sizes_B).sum() / 5
    said, log_probs = [[3, 4, 5, SOS_EOS], [6, 3, SOS_EOS]], []
    for b, labels in enumerate(said):
        state, last = model.decoder.init(memory.select(torch.tensor([b]))), SOS_EOS
        for label in labels:
            logits_BV, state = model.decoder.step(state, torch.tensor([last]))
            log_probs.append(logits_BV.log_softmax(-1)[0, label])
            last = label
    torch.testing.assert_close(losses.ctc, ctc)
    torch.testing.assert_close(losses.attention, -torch.stack(log_probs).sum() / 7)


@pytest.mark.parametrize("weight", [-0.1, 1.5, math.nan])
def test_weight_out_of_range_is_refused(weight: float) -> None:
    """A CTC weight beyond [0, 1] is told by the option's name."""
    with pytest.raises(UsageError, match=r"--loss\.ctc_weight"):
        check_run(RunConfig(loss=LossConfig(weight)))


def test_teacher_tokens() -> None:
    """The decoder reads start + target and shall say target + end; padding is blank in both."""
    inputs, labels = teacher_tokens(torch.tensor([[3, 4, 5], [6, 0, 0]]), torch.tensor([3, 1]))
    assert inputs.tolist() == [[SOS_EOS, 3, 4, 5], [SOS_EOS, 6, BLANK, BLANK]]
    assert labels.tolist() == [[3, 4, 5, SOS_EOS], [6, SOS_EOS, BLANK, BLANK]]


@given(st.lists(st.lists(st.integers(2, 9), max_size=6), min_size=1, max_size=4))
def test_teacher_tokens_of_any_batch(targets: list[list[int]]) -> None:
    """Row by row, also for empty targets: what is read is what was said one step before."""
    longest = max(map(len, targets))
    padded = torch.tensor([target + [BLANK] * (longest - len(target)) for target in targets], dtype=torch.long)
    inputs, labels = teacher_tokens(padded, torch.tensor(list(map(len, targets))))
    for target, read, said in zip(targets, inputs.tolist(), labels.tolist(), strict=True):
        padding = [BLANK] * (longest - len(target))
        assert read == [SOS_EOS, *target, *padding] and said == [*target, SOS_EOS, *padding]


@given(st.integers(0, 1000), st.sampled_from([0.1, 0.5]))
def test_wrong_tokens_of_teacher_forcing(seed: int, share: float) -> None:
    """About that share of the tokens is another of the batch; start and padding stay, and the labels never change."""
    torch.manual_seed(seed)
    inputs = torch.cat([torch.full((40, 1), SOS_EOS), torch.randint(3, 50, (40, 30))], 1)
    inputs[::2, 20:] = BLANK
    read = with_wrong_tokens(inputs, share)
    assert (read[:, 0] == SOS_EOS).all() and (read[::2, 20:] == BLANK).all()
    assert set(read[:, 1:].unique().tolist()) <= set(inputs[:, 1:].unique().tolist())
    tokens = inputs[:, 1:] != BLANK
    changed = (read != inputs)[:, 1:][tokens].float().mean()
    assert abs(changed - share) < 0.08
    empty = torch.tensor([[SOS_EOS, BLANK]])
    assert with_wrong_tokens(empty, share).equal(empty)


def test_wrong_tokens_train_the_decoder_only() -> None:
    """The loss of the decoder is another with them, that of CTC is the same."""
    torch.manual_seed(1)
    batch = (torch.randn(8, 12, BINS), torch.full((8,), 12), torch.randint(3, 8, (8, 6)), torch.full((8,), 6))
    plain, noisy = make(ctc_weight=0.5), make(ctc_weight=0.5, wrong_tokens=0.9)
    torch.testing.assert_close(plain(*batch).ctc, noisy(*batch).ctc)
    assert not torch.equal(plain(*batch).attention, noisy(*batch).attention)


def test_label_smoothing_against_its_definition() -> None:
    """(1 - e) of the label's negative log likelihood plus e times the mean over all labels; 0 on padding."""
    logits, labels = torch.randn(2, 3, 5), torch.tensor([[3, 4, 1], [2, 1, 0]])
    log_probs = logits.log_softmax(-1)
    nll = -log_probs.gather(2, labels[:, :, None])[:, :, 0]
    expected = (0.9 * nll - 0.1 * log_probs.mean(-1)) * (labels != BLANK)
    torch.testing.assert_close(cross_entropy(logits, labels, 0.1), expected)
    torch.testing.assert_close(cross_entropy(logits, labels), nll * (labels != BLANK))


def test_reinforce_has_the_gradient_of_the_expected_reward() -> None:
    """Averaged over samples, the surrogate's gradient is that of E[log p(y | s)] for one step over three positions."""
    torch.manual_seed(0)
    energies = torch.tensor([0.3, -0.2, 0.5], requires_grad=True)
    logits_TV = torch.randn(3, 5)  # what the output layer says when position i was read
    label, draws = 3, 200_000
    rewards = logits_TV.log_softmax(-1)[:, label]
    exact = torch.autograd.grad((energies.softmax(0) * rewards).sum(), energies)[0]
    weights = energies.softmax(0)
    chosen = torch.multinomial(weights.detach(), draws, replacement=True)
    one_hot = torch.nn.functional.one_hot(chosen, 3).float()
    trace = Trace(logits_TV[chosen][:, None], weights.expand(draws, 1, 1, 3), one_hot[:, None, None], None)
    surrogate = Reinforce(weight=1.0, entropy_weight=0.0)
    surrogate.baseline.fill_(float(rewards.mean()))
    loss = surrogate(trace, torch.full((draws, 1), label))
    torch.testing.assert_close(-torch.autograd.grad(loss, energies)[0], exact, rtol=0.05, atol=0.005)


def hard_decoder(attention: AttentionConfig) -> RecurrentDecoder:
    torch.manual_seed(0)
    decoder = build_decoder(DecoderConfig("gru", 1, 3, 2, 0.0), attention, memory_size=4, vocabulary_size=5).double()
    assert decoder.attention is not None
    decoder.attention.expectation_probability = 0.0
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.mul_(2)  # freshly drawn, all positions are nearly as good, and there is little to learn
    return decoder


@pytest.mark.parametrize(
    ("attention", "positions", "targets"),
    [
        (AttentionConfig("additive", "hard", 4), 3, [[3]]),
        (AttentionConfig("additive", "hard", 4), 3, [[3], [4, 2]]),
        (AttentionConfig("dot", "hard", 4, heads=2), 3, [[3]]),
    ],
    ids=["two steps", "two and three steps", "two heads"],
)
def test_cross_entropy_and_reinforce_have_the_gradient_of_the_expected_loss(
    attention: AttentionConfig, positions: int, targets: list[list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Xu et al. 2015, equations (10) to (12), without sampling error: every sequence of positions is enumerated.

    Weighted by the probability of its sequence of positions, the gradient of cross entropy plus surrogate is that of
    the expected negative log likelihood per token, for every parameter and whatever the baseline.
    """
    decoder = hard_decoder(attention)
    batch, sizes_B = len(targets), torch.tensor(list(map(len, targets)))
    memory = Memory(torch.randn(batch, positions, 4, dtype=torch.double), torch.tensor([positions] * batch))
    targets_BU = torch.tensor([target + [BLANK] * (max(sizes_B) - len(target)) for target in targets])
    inputs_BU, labels_BU = teacher_tokens(targets_BU, sizes_B)
    surrogate = Reinforce(weight=1.0, entropy_weight=0.0).double().eval()
    surrogate.baseline.fill_(-1.3)
    script: list[Tensor] = []
    monkeypatch.setattr("scriba.core.model.attention.sample_position", lambda weights: script.pop(0))
    steps = [(b, t) for b, target in enumerate(targets) for t in range(len(target) + 1)]
    looks = list(itertools.product(range(positions), repeat=attention.heads))
    expected, found = torch.zeros(()), torch.zeros(())
    for sequence in itertools.product(looks, repeat=len(steps)):
        one_hot_BUNT = torch.zeros(*labels_BU.shape, attention.heads, positions, dtype=torch.double)
        one_hot_BUNT[..., 0] = 1  # what a padded step reads does not matter
        for (b, t), look in zip(steps, sequence, strict=True):
            one_hot_BUNT[b, t] = torch.nn.functional.one_hot(torch.tensor(look), positions)
        script[:] = one_hot_BUNT.unbind(1)
        trace = decoder.trace(memory, inputs_BU)
        assert trace.weights_BUNT is not None
        loss = mean_per_token(cross_entropy(trace.logits_BUV, labels_BU).sum(1), sizes_B + 1)
        chosen = [(trace.weights_BUNT[b, t] * one_hot_BUNT[b, t]).sum(-1).prod() for b, t in steps]
        probability = torch.stack(chosen).prod()
        expected = expected + probability * loss
        found = found + probability.detach() * (loss + surrogate(trace, labels_BU))
    parameters = list(decoder.parameters())
    gradients = [torch.autograd.grad(x, parameters, retain_graph=True) for x in (found, expected)]
    for (name, _), one, other in zip(decoder.named_parameters(), *gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-9, msg=lambda text, name=name: f"{name}: {text}")


def test_entropy_term_against_its_definition() -> None:
    """-entropy_weight * mean over tokens of -sum a log a; a position of weight 0 adds nothing."""
    weights = torch.tensor([[[[0.5, 0.25, 0.25]], [[1.0, 0.0, 0.0]]], [[[0.1, 0.9, 0.0]], [[0.2, 0.3, 0.5]]]])
    trace = Trace(torch.zeros(2, 2, 5), weights, weights, torch.tensor([True, True]))
    rows = weights.flatten(0, 2).tolist()
    mean = sum(-a * math.log(a) for row in rows for a in row if a) / len(rows)
    loss = Reinforce(weight=1.0, entropy_weight=0.5)(trace, torch.tensor([[3, 1], [4, 1]]))
    assert float(loss) == pytest.approx(-0.5 * mean, abs=1e-6)


@given(st.lists(st.lists(st.floats(-3, 3), min_size=5, max_size=5), min_size=1, max_size=5))
def test_baseline_moves_as_an_average(logits: list[list[float]]) -> None:
    """b <- 0.9 b + 0.1 r at each training pass, r the mean log likelihood per token, and it rests in evaluation."""
    surrogate, expected = Reinforce(weight=1.0, entropy_weight=0.0), 0.0
    weights = torch.full((1, 1, 1, 2), 0.5)
    for row in logits:
        trace = Trace(torch.tensor([[row]]), weights, weights, None)
        surrogate.train()(trace, torch.tensor([[3]]))
        expected = 0.9 * expected + 0.1 * (row[3] - math.log(sum(map(math.exp, row))))
        surrogate.eval()(trace, torch.tensor([[3]]))
        assert float(surrogate.baseline) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("reward", [math.nan, math.inf])
def test_baseline_survives_a_loss_that_is_not_finite(reward: float) -> None:
    """A batch that training skips leaves the baseline as it was: else every later loss would not be finite either."""
    surrogate = Reinforce(weight=1.0, entropy_weight=0.0)
    weights = torch.full((1, 1, 1, 2), 0.5)
    surrogate(Trace(torch.full((1, 1, 5), reward), weights, weights, None), torch.tensor([[3]]))
    assert surrogate.baseline.isfinite()


def test_utterances_that_read_the_expectation_are_left_out() -> None:
    """Nothing was sampled for them, so they add nothing to the sampled term."""
    weights = torch.full((2, 1, 1, 2), 0.5, requires_grad=True)
    trace = Trace(
        torch.zeros(2, 1, 5), weights, torch.tensor([[[[1.0, 0]]], [[[0.5, 0.5]]]]), torch.tensor([False, True])
    )
    surrogate = Reinforce(weight=1.0, entropy_weight=0.0)
    loss = surrogate(trace, torch.tensor([[3], [4]]))
    gradient = torch.autograd.grad(loss, weights)[0]
    assert gradient[0].any() and not gradient[1].any()


def test_every_position_should_be_looked_at_once() -> None:
    """The doubly stochastic penalty from its definition: heads as their mean, neither padding nor its steps counted."""
    torch.manual_seed(0)
    weights_BUNT = torch.rand(2, 4, 2, 5)
    labels_BU = torch.tensor([[3, 4, 1, 0], [3, 1, 0, 0]])
    lengths_B = torch.tensor([5, 3])
    terms = []
    for b, (steps, positions) in enumerate([(3, 5), (2, 3)]):
        for i in range(positions):
            looks = sum(float(weights_BUNT[b, u, n, i]) / 2 for u in range(steps) for n in range(2))
            terms.append((1 - looks) ** 2)
    expected = sum(terms) / len(terms)
    assert float(looked_at_once(weights_BUNT, labels_BU, lengths_B)) == pytest.approx(expected, rel=1e-5)


def test_attention_should_stay_near_the_diagonal() -> None:
    """The guided attention loss from its definition: heads as their mean, neither padding nor its steps counted."""
    torch.manual_seed(0)
    weights_BUNT = torch.rand(2, 4, 2, 5)
    weights_BUNT[1, :, :, 3:] = 0
    labels_BU = torch.tensor([[3, 4, 1, 0], [3, 1, 0, 0]])
    terms = []
    for b, (steps, positions) in enumerate([(3, 5), (2, 3)]):
        for u in range(steps):
            away = [(u + 0.5) / steps - (t + 0.5) / positions for t in range(positions)]
            cost = [1 - math.exp(-(a**2) / (2 * GUIDE_WIDTH**2)) for a in away]
            terms.append(sum(c * float(weights_BUNT[b, u, :, t].mean()) for t, c in enumerate(cost)))
    expected = sum(terms) / len(terms)
    assert float(off_diagonal(weights_BUNT, labels_BU, torch.tensor([5, 3]))) == pytest.approx(expected, rel=1e-4)
