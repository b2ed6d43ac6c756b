"""Greedy decoding against a loop over rows; hypotheses and their places."""

from __future__ import annotations

import json
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from models import ATTENTIONS, LENGTHS, TOKENIZER, assert_same, decoded, make, row_of

from scriba.core.errors import UsageError
from scriba.core.model.attention import AttentionConfig
from scriba.core.model.build import Heads
from scriba.core.model.memory import Memory
from scriba.core.model.seq2seq import Seq2Seq
from scriba.core.search.config import DecodingConfig, Method
from scriba.core.search.consensus import expected_likeness
from scriba.core.search.hypothesis import TextSpan, group_words
from scriba.core.text.tokenizer import BLANK, SOS_EOS, UNK


@torch.no_grad()
def attention_by_loop(model: Seq2Seq, memory: Memory, limit: int) -> tuple[list[int], list[float], list[list[float]]]:
    """Greedy decoding of one row, a token at a time: tokens, log probabilities (of the end too) and looks."""
    assert model.decoder is not None
    state = model.decoder.init(memory)
    tokens, log_probs, looks, last = [], [], [], SOS_EOS
    while True:
        logits, state = model.decoder.step(state, torch.tensor([last]))
        logits[0, [BLANK, UNK]] = -torch.inf
        distribution = logits[0].log_softmax(-1)
        last = SOS_EOS if len(tokens) == limit else int(distribution.argmax())
        log_probs.append(float(distribution[last]))
        if last == SOS_EOS:
            break
        tokens.append(last)
        if state.weights_RNT is not None:
            looks.append(state.weights_RNT[0].mean(0).tolist())
    return tokens, log_probs, looks


def ctc_by_loop(log_probs_TV: torch.Tensor) -> tuple[list[tuple[int, float, int, int]], float]:
    """Greedy decoding of one row, a position at a time: (token, confidence, start, end) of each label, and score."""
    found: list[tuple[int, float, int, int]] = []
    score, last = 0.0, BLANK
    for t, row in enumerate(log_probs_TV):
        label, log_prob = int(row.argmax()), float(row.max())
        score += log_prob
        if label != BLANK and label == last:
            token, confidence, start, _ = found.pop()
            found.append((token, max(confidence, math.exp(log_prob)), start, t + 1))
        elif label != BLANK:
            found.append((label, math.exp(log_prob), t, t + 1))
        last = label
    return found, score


@pytest.mark.parametrize("attention", ATTENTIONS, ids=lambda a: f"{a.kind}-{a.selection}")
@pytest.mark.parametrize("ratio", [0.3, 1.0, 2.5])
@torch.no_grad()
def test_attention_decoding_of_a_batch(attention: AttentionConfig, ratio: float) -> None:
    """A batch gives what a row-by-row loop gives: text, score, confidences, looks, places in the app's unit."""
    model, memory = make(attention)
    found = decoded(model, memory, DecodingConfig("attention", max_length_ratio=ratio), 0.5, keep_attention=True)
    for b, hypothesis in enumerate(found):
        tokens, log_probs, looks = attention_by_loop(model, row_of(memory, b), max(1, int(LENGTHS[b] * ratio)))
        assert hypothesis.text == TOKENIZER.decode(tokens)
        assert hypothesis.score == pytest.approx(sum(log_probs), abs=1e-3)
        assert hypothesis.scores["attention"] == pytest.approx(sum(log_probs), abs=1e-3)
        assert [u.text for u in hypothesis.tokens] == [TOKENIZER.piece(token) for token in tokens]
        confidences = [math.exp(log_prob) for log_prob in log_probs[: len(tokens)]]
        assert [u.confidence for u in hypothesis.tokens] == pytest.approx(confidences, abs=1e-4)
        if attention.kind == "none":
            assert hypothesis.attention_UT is None and {u.start for u in hypothesis.tokens} <= {None}
            continue
        assert hypothesis.attention_UT is not None and len(hypothesis.attention_UT) == len(looks)
        for row, look in zip(hypothesis.attention_UT, looks, strict=True):
            assert row == pytest.approx(look, abs=1e-4)
        places = [look.index(max(look)) for look in looks]
        spans = [(0.5 * max(t - 0.5, 0), 0.5 * (t + 0.5)) for t in places]
        assert [(u.start, u.end) for u in hypothesis.tokens] == spans


@pytest.mark.parametrize("ratio", [0.3, 1.0, 2.5])
@torch.no_grad()
def test_decoding_stops_at_the_length_limit(ratio: float) -> None:
    """A decoder that never says the end stops after `max_length_ratio` tokens per position of its own row."""
    model, memory = make(AttentionConfig(size=8))
    assert model.decoder is not None
    model.decoder.output.bias[SOS_EOS] = -1e4
    found = decoded(model, memory, DecodingConfig("attention", max_length_ratio=ratio))
    assert [len(hypothesis.tokens) for hypothesis in found] == [max(1, int(n * ratio)) for n in LENGTHS]


@torch.no_grad()
def test_a_decoder_that_ends_at_once_says_nothing() -> None:
    """An empty text is a result like any other: no tokens, no words, its score that of the end symbol."""
    model, memory = make(AttentionConfig(size=8))
    assert model.decoder is not None
    model.decoder.output.bias[SOS_EOS] = 1e4
    for hypothesis in decoded(model, memory, DecodingConfig("attention"), 0.5, keep_attention=True):
        assert (hypothesis.text, hypothesis.tokens, hypothesis.words, hypothesis.attention_UT) == ("", (), (), ())
        assert hypothesis.score == pytest.approx(0) and hypothesis.confidence == 0
        json.dumps(hypothesis.to_json())


@torch.no_grad()
def test_ctc_decoding_of_a_batch() -> None:
    """A batch gives what a loop over the positions of each row gives: text, score, confidences and places."""
    model, memory = make(AttentionConfig(size=8))
    assert model.ctc is not None
    for b, hypothesis in enumerate(decoded(model, memory, DecodingConfig("ctc"), 0.5)):
        expected, score = ctc_by_loop(model.ctc(row_of(memory, b))[0])
        assert hypothesis.text == TOKENIZER.decode([token for token, *_ in expected])
        assert hypothesis.score == hypothesis.scores["ctc"] == pytest.approx(score, abs=1e-4)
        assert [(u.text, u.start, u.end) for u in hypothesis.tokens] == [
            (TOKENIZER.piece(token), 0.5 * max(start - 0.5, 0), 0.5 * (end - 0.5)) for token, _, start, end in expected
        ]
        assert [u.confidence for u in hypothesis.tokens] == pytest.approx([c for _, c, _, _ in expected], abs=1e-5)
    assert any(hypothesis.tokens for hypothesis in decoded(model, memory, DecodingConfig("ctc")))


@pytest.mark.parametrize("method", ["ctc", "attention"])
@torch.no_grad()
def test_tokens_words_and_text_agree(method: Method) -> None:
    """Tokens and words spell the text, so special labels, which give no text, are not among them."""
    model, memory = make(AttentionConfig(size=8))
    assert model.ctc is not None and model.decoder is not None
    for head in (model.ctc.output, model.decoder.output):
        head.bias[UNK] = 1.0
    model.ctc.output.bias[SOS_EOS] = 1.0
    for hypothesis in decoded(model, memory, DecodingConfig(method)):
        assert "".join(token.text for token in hypothesis.tokens) == hypothesis.text
        assert [word.text for word in hypothesis.words] == hypothesis.text.split()


@pytest.mark.parametrize("method", ["ctc", "attention"])
@pytest.mark.parametrize("attention", ATTENTIONS, ids=lambda a: f"{a.kind}-{a.selection}")
@torch.no_grad()
def test_a_batch_equals_single_inputs(method: Method, attention: AttentionConfig) -> None:
    """A batch of different lengths gives what each utterance alone, without padding, gives."""
    model, memory = make(attention)
    config = DecodingConfig(method)
    for b, hypothesis in enumerate(decoded(model, memory, config, 0.04, keep_attention=True)):
        (single,) = decoded(model, row_of(memory, b), config, 0.04, keep_attention=True)
        assert_same(hypothesis, single)
        for unit in (*hypothesis.tokens, *hypothesis.words):
            assert unit.start is None or 0 <= unit.start < unit.end <= 0.04 * LENGTHS[b] + 1e-9  # type: ignore[operator]


@given(st.text("ab \t\n", max_size=20))
def test_words_are_those_of_split(text: str) -> None:
    """Characters joined at white space are the words that `str.split` finds, over the places of their letters."""
    words = group_words([TextSpan(c, 1.0, i, i + 1) for i, c in enumerate(text)])
    assert [word.text for word in words] == text.split()
    assert all(text[int(w.start) : int(w.end)] == w.text for w in words)  # type: ignore[arg-type]


def test_words_are_grouped_at_spaces() -> None:
    """Words carry the span of their letters and the geometric mean of their confidences."""
    letters = [
        TextSpan(c, p, i, i + 1) for i, (c, p) in enumerate(zip(" ab  c", [1, 0.9, 0.4, 1, 1, 0.5], strict=True))
    ]
    words = group_words(letters)
    assert [(w.text, w.start, w.end) for w in words] == [("ab", 1, 3), ("c", 5, 6)]
    assert [w.confidence for w in words] == pytest.approx([0.6, 0.5])


@pytest.mark.parametrize("method", ["ctc", "attention"])
@torch.no_grad()
def test_hypotheses_are_plain_json(method: Method) -> None:
    """Everything in a hypothesis can be written as JSON, strictly, with the keys users rely on."""
    model, memory = make(AttentionConfig(size=8))
    for keep in (False, True):
        for b, hypothesis in enumerate(decoded(model, memory, DecodingConfig(method), 0.04, keep)):
            row = json.loads(json.dumps(hypothesis.to_json(), allow_nan=False))
            keys = {"text", "score", "scores", "tokens", "words", "confidence"}
            assert row.keys() == (keys | {"attention_UT"} if keep and method == "attention" else keys)
            assert row["scores"].keys() == {method}
            for unit in row["tokens"] + row["words"]:
                assert unit.keys() == {"text", "confidence", "start", "end"} and 0 <= unit["confidence"] <= 1
            assert all(len(weights) == LENGTHS[b] for weights in row.get("attention_UT", []))


@torch.no_grad()
def test_without_a_unit_there_are_no_places() -> None:
    """Where encoder positions have no place in the app's unit, tokens and words have none either."""
    model, memory = make(AttentionConfig(size=8))
    for method in ("ctc", "attention"):
        for hypothesis in decoded(model, memory, DecodingConfig(method)):  # type: ignore[arg-type]
            units = (*hypothesis.tokens, *hypothesis.words)
            assert all(unit.start is None and unit.end is None for unit in units)


@pytest.mark.parametrize(("missing", "there"), [("attention", "ctc"), ("ctc", "attention")])
def test_missing_head_is_told(missing: Method, there: Heads) -> None:
    """A method without its head is refused with the methods that there are."""
    model, memory = make(AttentionConfig(size=8), there)
    assert model.heads == (there,)
    with pytest.raises(UsageError, match=rf"--decoding\.method {missing}: .* use {there}\."):
        decoded(model, memory, DecodingConfig(missing))


@pytest.mark.parametrize(("heads", "method"), [("both", "ctc"), ("ctc", "ctc"), ("attention", "attention")])
@torch.no_grad()
def test_without_a_method_the_heads_decide(heads: Heads, method: Method) -> None:
    """Nothing said of the method, CTC is decoded where there is that head, and attention otherwise."""
    model, memory = make(AttentionConfig(size=8), heads)
    assert decoded(model, memory, DecodingConfig()) == decoded(model, memory, DecodingConfig(method))


@torch.no_grad()
@pytest.mark.parametrize("method", ["attention", "ctc", "joint"])
def test_consensus_chooses_among_what_the_beam_found(method: Method) -> None:
    """Whatever the head: the choice is that of equation (1) of `core/consensus.py` over all results of the search."""
    model, memory = make(AttentionConfig(size=8))
    plain = decoded(model, memory, DecodingConfig(method, beam_size=6, n_best=6))
    chosen = decoded(model, memory, DecodingConfig(method, beam_size=6, n_best=2, consensus=2.0))
    for row, best in zip(plain, chosen, strict=True):
        found = [row, *row.alternatives]
        outputs = [TOKENIZER.encode(hypothesis.text) for hypothesis in found]
        liked = expected_likeness(outputs, [hypothesis.score for hypothesis in found], 2.0)
        assert best.text == found[liked.index(max(liked))].text
        assert len(best.alternatives) <= 1
    assert any(row.text != best.text for row, best in zip(plain, chosen, strict=True))
