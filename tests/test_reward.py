"""Training on the score of sampled outputs: what is sampled, its gradient, and that training raises the score."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from toy import ToyEncoder, toy_app, toy_examples

import scriba.asr
import scriba.lm
from scriba.core.errors import UsageError
from scriba.core.files import load_bundle
from scriba.core.model import AttentionConfig, DecoderConfig, Memory, allowed, build_decoder
from scriba.core.model.recurrent_decoder import RecurrentDecoder
from scriba.core.scores.overlap import Cider, cider
from scriba.core.text import SOS_EOS, CharTokenizer
from scriba.core.training import NamedSource, RunConfig, Sources, check_run, train
from scriba.core.training.config import LossConfig, TrainingConfig
from scriba.core.training.reward import reward_loss, sample

TOKENIZER = CharTokenizer("ab")
LETTERS = [TOKENIZER.encode(letter)[0] for letter in "ab"]
Output = tuple[int, ...]


def make(positions: int, inputs: int = 1) -> tuple[RecurrentDecoder, Memory]:
    """Return a decoder over so short a memory that all its outputs can be listed."""
    torch.manual_seed(5)
    shape, size = DecoderConfig(size=8, embedding_size=4, dropout=0.5), ToyEncoder().memory_size
    decoder = build_decoder(shape, AttentionConfig(size=8), memory_size=size, vocabulary_size=len(TOKENIZER))
    memory = Memory(torch.randn(inputs, positions, size), torch.full((inputs,), positions))
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.mul_(2)
    return decoder, memory


def log_prob(decoder: RecurrentDecoder, memory: Memory, output: Output, limit: int) -> torch.Tensor:
    """Return log p of an output of the first input, a token at a time; at the limit the end is certain."""
    state, total, last = decoder.init(memory), torch.zeros(()), SOS_EOS
    for u, token in enumerate((*output, SOS_EOS)):
        logits_BV, state = decoder.step(state, torch.full((len(memory.lengths_B),), last))
        if u < limit:
            total = total + allowed(logits_BV)[0, token]
        last = token
    return total


def outputs(limit: int) -> list[Output]:
    return [output for length in range(limit + 1) for output in itertools.product(LETTERS, repeat=length)]


def test_outputs_are_sampled_as_often_as_they_are_probable() -> None:
    """Samples of an input follow each other, end by themselves or at the limit, and come as often as they should."""
    decoder, memory = make(positions=2, inputs=2)
    tokens_RU, lengths_R = sample(decoder.eval(), memory, 4000)
    assert len(tokens_RU) == 8000 and int(lengths_R.max()) == 2
    rows = zip(tokens_RU[:4000].tolist(), lengths_R[:4000].tolist(), strict=True)
    seen = Counter(tuple(row[:length]) for row, length in rows)
    assert set(seen) <= set(outputs(2))
    for output in outputs(2):
        assert seen[output] / 4000 == pytest.approx(log_prob(decoder, memory, output, 2).exp().item(), abs=0.03)


def test_gradient_is_that_of_the_expected_reward() -> None:
    """Over many samples, equation (1) comes to the derivative of the mean over all outputs, times a constant."""
    decoder, memory = make(positions=2)
    decoder.dropout.p = 0.0
    worth = {output: float(i * i % 5) for i, output in enumerate(outputs(2))}
    count = 20000
    loss = reward_loss(decoder, memory, count, lambda rows: [[worth[tuple(ids)] for ids in row] for row in rows])
    weights = list(decoder.parameters())
    found = torch.autograd.grad(loss, weights)
    probabilities = {output: log_prob(decoder, memory, output, 2).exp() for output in outputs(2)}
    expected = -torch.stack([worth[output] * p for output, p in probabilities.items()]).sum()
    assert loss.item() == pytest.approx(expected.item(), abs=0.05)
    length = sum((len(output) + 1) * p.item() for output, p in probabilities.items())
    wanted = torch.autograd.grad(expected, weights)
    a, b = (torch.cat([g.flatten() for g in gradient]) for gradient in (found, wanted))
    assert torch.cosine_similarity(a * length, b, dim=0) > 0.95


def test_training_on_samples_raises_the_score(tmp_path: Path) -> None:
    """A model that was trained a little gets better by its own samples alone, and CTC is trained along."""
    examples = toy_examples(["ab", "ba", "abc", "cab", "bca", "acb", "cc", "a b"])
    plan = TrainingConfig(epochs=25, batch_size=4, learning_rate=0.02, ema_decay=0.9, eval_every=25)
    settings = RunConfig(
        attention=AttentionConfig(size=16),
        decoder=DecoderConfig(size=24, embedding_size=8, dropout=0.0),
        loss=LossConfig(ctc_weight=0.3, label_smoothing=0.0),
        training=plan,
        run_dir=str(tmp_path / "first"),
        device="cpu",
        precision="float32",
    )
    data = NamedSource("toy", examples)
    train(toy_app(), settings, Sources(data, data))
    second = replace(
        settings,
        loss=replace(settings.loss, samples=8),
        training=replace(plan, epochs=100, learning_rate=0.01, eval_every=100),
        run_dir=str(tmp_path / "second"),
    )
    train(toy_app(), second, Sources(data, data, load_bundle(tmp_path / "first" / "bundle")))
    before, after = ((tmp_path / name / "log.jsonl").read_text() for name in ("first", "second"))
    rates = [float(text.rsplit('"attention_cer": ', 1)[1].strip("}\n").split(",")[0]) for text in (before, after)]
    assert rates[0] > 10 and rates[1] < rates[0]  # how much depends on the processor's sums


def test_cider_of_one_text_is_its_share_of_the_whole() -> None:
    """What training is rewarded by is what is reported at the end."""
    references = [("a dog runs on grass", "the dog runs"), ("a man in a red hat", "one man stands")]
    texts = ["a dog on grass", "the man in a hat"]
    alone = [Cider(references)(item, [text])[0] for item, text in zip(references, texts, strict=True)]
    assert sum(alone) / 2 == pytest.approx(cider(references, texts))
    assert alone[0] > Cider(references)(references[0], ["a cat"])[0]


def test_wrong_characters_are_what_speech_is_judged_by() -> None:
    """1 for the text itself, less for every wrong character."""
    judge = scriba.asr.APP.scores.judge([])
    assert judge(("four",), ["four", "for", ""]) == [1.0, 0.75, 0.0]


@pytest.mark.parametrize(
    ("attention", "loss"),
    [
        (AttentionConfig(), LossConfig(samples=1)),
        (AttentionConfig(), LossConfig(samples=-2)),
        (AttentionConfig(), LossConfig(ctc_weight=1.0, samples=4)),
        (AttentionConfig(selection="hard"), LossConfig(samples=4)),
    ],
)
def test_what_cannot_be_trained_on_samples_is_refused(attention: AttentionConfig, loss: LossConfig) -> None:
    """One sample has nothing to be compared with; CTC and hard attention have no place in equation (1)."""
    with pytest.raises(UsageError, match=r"--loss\.samples"):
        check_run(RunConfig(attention=attention, loss=loss))


def test_a_language_model_has_no_score_to_be_trained_on() -> None:
    with pytest.raises(UsageError, match=r"--loss\.samples"):
        scriba.lm.APP.scores.judge([])
