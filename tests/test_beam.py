"""Beam search against exhaustive search, against greedy search, and batches against single inputs."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_search import ATTENTIONS, LENGTHS, TOKENIZER, assert_same, make, row_of

from scriba.core.attention import AttentionConfig
from scriba.core.beam import beam_search
from scriba.core.decoder import Decoder, DecoderConfig, build_decoder
from scriba.core.errors import UsageError
from scriba.core.memory import Memory
from scriba.core.search import DecodingConfig, decode, greedy_search
from scriba.core.tokenizer import BLANK, SOS_EOS, UNK

LETTERS = (3, 4)


def tiny(seed: int, lengths: list[int]) -> tuple[Decoder, Memory]:
    """A decoder of two letters, with weights large enough for it to have opinions."""
    torch.manual_seed(seed)
    decoder = build_decoder(
        DecoderConfig(size=6, embedding_size=4), AttentionConfig(size=6), memory_size=5, vocabulary_size=5
    ).double()
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.mul_(3)
    return decoder.eval(), Memory(torch.randn(len(lengths), max(lengths), 5).double(), torch.tensor(lengths))


@torch.no_grad()
def log_prob(decoder: Decoder, memory: Memory, tokens: tuple[int, ...]) -> float:
    """Log probability of an output of the one input, a token at a time."""
    state, last, total = decoder.init(memory), SOS_EOS, 0.0
    for token in tokens:
        logits, state = decoder.step(state, torch.tensor([last]))
        logits[0, [BLANK, UNK]] = -torch.inf
        total, last = total + float(logits[0].log_softmax(-1)[token]), token
    return total


def all_outputs(limit: int) -> list[tuple[int, ...]]:
    """Everything that can be said: up to `limit` tokens, the last of them the end or, at the limit, any."""
    letters = [word for n in range(limit) for word in itertools.product(LETTERS, repeat=n)]
    return [(*word, SOS_EOS) for word in letters] + list(itertools.product(LETTERS, repeat=limit))


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.lists(st.integers(1, 4), min_size=1, max_size=3), st.sampled_from([0.0, 0.5, 1.0]))
@torch.no_grad()
def test_a_beam_as_wide_as_the_space_finds_the_best(seed: int, lengths: list[int], penalty: float) -> None:
    """The best of all outputs under the score that ranks them, for each input up to its own length limit."""
    decoder, memory = tiny(seed, lengths)
    found = beam_search(decoder, memory, beam_size=40, length_penalty=penalty)
    for b, length in enumerate(lengths):
        alone = Memory(memory.states_BTD[b : b + 1, :length], memory.lengths_B[b : b + 1])
        scores = {t: log_prob(decoder, alone, t) / len(t) ** penalty for t in all_outputs(length)}
        ids = tuple(i for i in found.ids_BU[b].tolist() if i != BLANK)
        assert float(found.scores_B[b]) == pytest.approx(max(scores.values()), abs=1e-6)
        assert scores[ids] == pytest.approx(max(scores.values()), abs=1e-6)


@pytest.mark.parametrize("attention", ATTENTIONS, ids=lambda a: f"{a.kind}-{a.selection}")
@pytest.mark.parametrize("ratio", [0.3, 1.0, 2.5])
@torch.no_grad()
def test_a_beam_of_one_is_greedy(attention: AttentionConfig, ratio: float) -> None:
    model, memory = make(attention)
    assert model.decoder is not None
    for penalty in (0.0, 1.0):
        found = beam_search(model.decoder, memory, beam_size=1, max_length_ratio=ratio, length_penalty=penalty)
        expected = greedy_search(model.decoder, memory, ratio)
        length = found.ids_BU.shape[1]
        assert torch.equal(found.ids_BU, expected.ids_BU[:, :length]) and not expected.ids_BU[:, length:].any()
        torch.testing.assert_close(found.log_probs_BU, expected.log_probs_BU[:, :length])


@pytest.mark.parametrize("attention", ATTENTIONS, ids=lambda a: f"{a.kind}-{a.selection}")
@pytest.mark.parametrize("penalty", [0.0, 0.7])
@torch.no_grad()
def test_a_batch_equals_single_inputs(attention: AttentionConfig, penalty: float) -> None:
    """Neighbours and padding change nothing: text, scores, confidences and attention of each."""
    model, memory = make(attention)
    config = DecodingConfig("attention", beam_size=4, length_penalty=penalty)
    for b, hypothesis in enumerate(decode(model, memory, TOKENIZER, config, 0.04, keep_attention=True)):
        (single,) = decode(model, row_of(memory, b), TOKENIZER, config, 0.04, keep_attention=True)
        assert_same(hypothesis, single)
        assert hypothesis.attention_UT is None or len(hypothesis.attention_UT) == len(hypothesis.tokens)


@torch.no_grad()
def test_confidences_and_scores_belong_to_the_output() -> None:
    """The log probabilities of the tokens add up to the score of the whole, wherever its slots were."""
    model, memory = make(ATTENTIONS[0])
    assert model.decoder is not None
    found = beam_search(model.decoder, memory, beam_size=5)
    for b in range(len(LENGTHS)):
        tokens = tuple(i for i in found.ids_BU[b].tolist() if i != BLANK)
        alone = row_of(memory, b)
        assert float(found.log_probs_BU[b].sum()) == pytest.approx(float(found.scores_B[b]), abs=1e-4)
        assert log_prob(model.decoder, alone, tokens) == pytest.approx(float(found.scores_B[b]), abs=1e-3)


def test_a_beam_needs_a_size() -> None:
    model, memory = make(ATTENTIONS[0])
    with pytest.raises(UsageError, match=r"--decoding\.beam_size 0: give 1 or more\."):
        decode(model, memory, TOKENIZER, DecodingConfig("attention", beam_size=0))
