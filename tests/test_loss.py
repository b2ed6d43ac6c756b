"""The joint loss and its parts."""

from __future__ import annotations

import pytest
import torch
from toy import BINS, ToyEncoder

from scriba.core.attention import AttentionConfig
from scriba.core.decoder import DecoderConfig, Trace
from scriba.core.errors import UsageError
from scriba.core.loss import LossConfig, Reinforce, cross_entropy, teacher_tokens
from scriba.core.model import ModelConfig, Seq2Seq, build_model
from scriba.core.tokenizer import BLANK, SOS_EOS

BATCH = (torch.randn(2, 8, BINS), torch.tensor([8, 6]), torch.tensor([[3, 4, 5], [6, 3, 0]]), torch.tensor([3, 2]))


def model(**loss: float) -> Seq2Seq:
    torch.manual_seed(0)
    config = ModelConfig(
        AttentionConfig(size=8), DecoderConfig(size=8, embedding_size=4, dropout=0), LossConfig(**loss)
    )
    return build_model(config, ToyEncoder(), 8)


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_joint_loss_is_the_weighted_sum(weight: float) -> None:
    """L = w L_ctc + (1 - w) L_att; at the ends the other head is not even built."""
    seq2seq = model(ctc_weight=weight)
    losses = seq2seq(*BATCH)
    torch.testing.assert_close(losses.total, weight * losses.ctc + (1 - weight) * losses.attention)
    assert (seq2seq.ctc is None) == (weight == 0) and (seq2seq.decoder is None) == (weight == 1)


def test_weight_out_of_range_is_refused() -> None:
    """A CTC weight beyond [0, 1] is told by the option's name."""
    with pytest.raises(UsageError, match=r"--loss\.ctc_weight"):
        model(ctc_weight=1.5)


def test_teacher_tokens() -> None:
    """The decoder reads start + target and shall say target + end; padding is blank in both."""
    inputs, labels = teacher_tokens(torch.tensor([[3, 4, 5], [6, 0, 0]]), torch.tensor([3, 1]))
    assert inputs.tolist() == [[SOS_EOS, 3, 4, 5], [SOS_EOS, 6, BLANK, BLANK]]
    assert labels.tolist() == [[3, 4, 5, SOS_EOS], [6, SOS_EOS, BLANK, BLANK]]


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


def test_baseline_moves_as_an_average_and_expectations_are_left_out() -> None:
    """b <- 0.9 b + 0.1 r, and utterances that read the expectation add nothing to the sampled term."""
    weights = torch.full((2, 1, 1, 2), 0.5, requires_grad=True)
    trace = Trace(
        torch.zeros(2, 1, 5), weights, torch.tensor([[[[1.0, 0]]], [[[0.5, 0.5]]]]), torch.tensor([False, True])
    )
    surrogate = Reinforce(weight=1.0, entropy_weight=0.0)
    loss = surrogate(trace, torch.tensor([[3], [4]]))
    assert float(surrogate.baseline) == pytest.approx(0.1 * -torch.tensor(5.0).log().item())
    gradient = torch.autograd.grad(loss, weights)[0]
    assert gradient[0].any() and not gradient[1].any()
