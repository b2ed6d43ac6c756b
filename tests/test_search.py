"""Greedy decoding against a loop over rows; hypotheses and their places."""

from __future__ import annotations

import json

import pytest
import torch
from toy import BINS, ToyEncoder

from scriba.core.attention import AttentionConfig
from scriba.core.decoder import DecoderConfig
from scriba.core.errors import UsageError
from scriba.core.hypothesis import Unit, group_words
from scriba.core.loss import LossConfig
from scriba.core.memory import Memory
from scriba.core.model import ModelConfig, Seq2Seq, build_model
from scriba.core.search import DecodingConfig, decode
from scriba.core.tokenizer import BLANK, SOS_EOS, UNK, CharTokenizer

TOKENIZER = CharTokenizer("abcd ")
LENGTHS = [9, 14, 3, 1]


def make(attention: AttentionConfig, ctc_weight: float = 0.3) -> tuple[Seq2Seq, Memory]:
    torch.manual_seed(3)
    config = ModelConfig(attention, DecoderConfig(size=8, embedding_size=4), LossConfig(ctc_weight))
    model = build_model(config, ToyEncoder(), len(TOKENIZER)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3)  # untrained models say one thing only; larger weights vary it
        return model, model.encode(torch.randn(len(LENGTHS), 14, BINS), torch.tensor(LENGTHS))


@torch.no_grad()
def attention_by_loop(model: Seq2Seq, memory: Memory, row: int, limit: int) -> tuple[list[int], float]:
    """Greedy decoding of one row, a token at a time."""
    assert model.decoder is not None
    state = model.decoder.init(memory.select(torch.tensor([row])))
    tokens, score, last = [], 0.0, SOS_EOS
    while len(tokens) < limit:
        logits, state = model.decoder.step(state, torch.tensor([last]))
        logits[0, [BLANK, UNK]] = -torch.inf
        log_probs = logits[0].log_softmax(-1)
        last = int(log_probs.argmax())
        score += float(log_probs[last])
        if last == SOS_EOS:
            break
        tokens.append(last)
    return tokens, score


@pytest.mark.parametrize("kind", ["additive", "location", "dot", "none"])
@pytest.mark.parametrize("ratio", [1.0, 2.5])
@torch.no_grad()
def test_attention_decoding_of_a_batch(kind: str, ratio: float) -> None:
    """A batch gives text, score and length limit of a row-by-row loop; nothing runs past its limit."""
    model, memory = make(AttentionConfig(kind, size=8))  # type: ignore[arg-type]
    found = decode(model, memory, TOKENIZER, DecodingConfig("attention", ratio), 0.5, keep_attention=True)
    for b, hypothesis in enumerate(found):
        tokens, score = attention_by_loop(model, memory, b, max(1, int(LENGTHS[b] * ratio)))
        assert hypothesis.text == TOKENIZER.decode(tokens)
        assert hypothesis.score == pytest.approx(score, abs=1e-3)
        assert (hypothesis.attention_UT is None) == (kind == "none")
        if hypothesis.attention_UT is not None:
            assert all(
                sum(row) == pytest.approx(1, abs=1e-4) and len(row) == LENGTHS[b] for row in hypothesis.attention_UT
            )


@torch.no_grad()
def test_ctc_decoding_of_a_batch_equals_single() -> None:
    """A batch gives what each utterance alone gives: text, score, tokens and their places."""
    model, memory = make(AttentionConfig(size=8))
    for b, hypothesis in enumerate(decode(model, memory, TOKENIZER, DecodingConfig("ctc"), 0.04)):
        alone = Memory(memory.states_BTD[b : b + 1, : LENGTHS[b]], memory.lengths_B[b : b + 1])
        (single,) = decode(model, alone, TOKENIZER, DecodingConfig("ctc"), 0.04)
        assert hypothesis.text == single.text
        assert hypothesis.score == pytest.approx(single.score, abs=1e-4)
        assert [(t.text, t.start, t.end) for t in hypothesis.tokens] == [
            (t.text, t.start, t.end) for t in single.tokens
        ]
        assert all(0 <= t.start < t.end <= 0.04 * LENGTHS[b] + 1e-9 for t in hypothesis.tokens)  # type: ignore[operator]


def test_words_are_grouped_at_spaces() -> None:
    """Words carry the span of their letters and the geometric mean of their confidences."""
    letters = [Unit(c, p, i, i + 1) for i, (c, p) in enumerate(zip(" ab  c", [1, 0.9, 0.4, 1, 1, 0.5], strict=True))]
    words = group_words(letters)
    assert [(w.text, w.start, w.end) for w in words] == [("ab", 1, 3), ("c", 5, 6)]
    assert [w.confidence for w in words] == pytest.approx([0.6, 0.5])


@torch.no_grad()
def test_hypotheses_are_plain_json() -> None:
    """Everything in a hypothesis can be written as JSON, with the keys users rely on."""
    model, memory = make(AttentionConfig(size=8))
    for method in ("ctc", "attention"):
        for hypothesis in decode(model, memory, TOKENIZER, DecodingConfig(method), 0.04, keep_attention=True):  # type: ignore[arg-type]
            row = json.loads(json.dumps(hypothesis.to_json()))
            assert {"text", "score", "scores", "tokens", "words", "confidence"} <= row.keys()
            assert all({"text", "confidence", "start", "end"} == token.keys() for token in row["tokens"])


def test_missing_head_is_told() -> None:
    """A method without its head names the methods that there are."""
    model, memory = make(AttentionConfig(size=8), ctc_weight=1.0)
    with pytest.raises(UsageError, match=r"--decoding\.method attention: .* use ctc\."):
        decode(model, memory, TOKENIZER, DecodingConfig("attention"))
