"""Beam search against exhaustive search, against greedy search, and batches against single inputs."""

from __future__ import annotations

import itertools
import json
from typing import NamedTuple

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_ctc import log_probability
from test_search import ATTENTIONS, LENGTHS, TOKENIZER, assert_same, make, row_of

from scriba.core.attention import AttentionConfig
from scriba.core.beam import LOOKED_AT, Path, Rules, Scorers, Search, limits
from scriba.core.calibration import calibrated
from scriba.core.ctc import CTCHead
from scriba.core.decoder import Decoder, DecoderConfig, build_decoder
from scriba.core.errors import UsageError
from scriba.core.memory import Memory
from scriba.core.prefix import PrefixScorer
from scriba.core.search import IMPOSSIBLE, DecodingConfig, Method, decode, greedy_search, search_rules
from scriba.core.tokenizer import BLANK, SOS_EOS, UNK

LETTERS = (3, 4)
WIDE = 64
"""More than there are outputs of up to five letters of which two."""


class Bigrams(NamedTuple):
    """A language model that knows the token before."""

    log_probs_VV: torch.Tensor

    def start(self, rows: int, device: torch.device) -> torch.Tensor:
        return torch.zeros(rows, device=device)

    def step(self, state: torch.Tensor, tokens_R: torch.Tensor) -> tuple[torch.Tensor, CountState]:
        count_R = state.count_R if isinstance(state, CountState) else state
        return self.log_probs_VV[tokens_R], CountState(count_R + 1)


class CountState(NamedTuple):
    """A state that has to follow its row."""

    count_R: torch.Tensor

    def select(self, rows: torch.Tensor) -> CountState:
        return CountState(self.count_R[rows])


class Parts(NamedTuple):
    """All that can say something of an output."""

    decoder: Decoder
    ctc: CTCHead
    language: Bigrams
    memory: Memory

    def scorers(self) -> Scorers:
        prefix = PrefixScorer(self.ctc(self.memory), self.memory.lengths_B)
        return Scorers(self.decoder, prefix, self.language)

    def row(self, b: int) -> Parts:
        length = int(self.memory.lengths_B[b])
        return self._replace(memory=Memory(self.memory.states_BTD[b : b + 1, :length], torch.tensor([length])))


def tiny(seed: int, lengths: list[int]) -> Parts:
    """Models of two letters, with weights large enough for them to have opinions."""
    torch.manual_seed(seed)
    config = DecoderConfig(size=6, embedding_size=4)
    decoder = build_decoder(config, AttentionConfig(size=6), memory_size=5, vocabulary_size=5).double()
    ctc = CTCHead(5, 5).double()
    with torch.no_grad():
        for parameter in [*decoder.parameters(), *ctc.parameters()]:
            parameter.mul_(3)
        ctc.output.bias[[SOS_EOS, UNK]] = -1e4
    language = Bigrams(torch.randn(5, 5).double().log_softmax(-1))
    memory = Memory(torch.randn(len(lengths), max(lengths), 5).double(), torch.tensor(lengths))
    return Parts(decoder.eval(), ctc, language, memory)


@torch.no_grad()
def score(parts: Parts, rules: Rules, letters: tuple[int, ...]) -> float:
    """Equation (1) for an output of the one input, a token at a time, CTC as the sum over all paths."""
    state, last, attention, language = parts.decoder.init(parts.memory), SOS_EOS, 0.0, 0.0
    looked_T = torch.zeros(int(parts.memory.lengths_B[0]))
    for token in (*letters, SOS_EOS):
        logits, state = parts.decoder.step(state, torch.tensor([last]))
        logits[0, [BLANK, UNK]] = -torch.inf
        assert state.weights_BNT is not None
        looked_T = looked_T + state.weights_BNT[0].mean(0)
        attention += float(logits[0].log_softmax(-1)[token])
        language += float(parts.language.log_probs_VV[last, token])
        last = token
    ctc = float(log_probability(parts.ctc(parts.memory)[0].double(), letters))
    total = sum(
        weight * value
        for weight, value in (
            (1 - rules.ctc_weight, attention),
            (rules.ctc_weight, ctc),
            (rules.lm_weight, language),
            (rules.length_bonus, len(letters)),
            (rules.coverage, int((looked_T > LOOKED_AT).sum())),
        )
        if weight
    )
    return total / (len(letters) + 1) ** rules.length_penalty


def all_outputs(shortest: int, longest: int) -> list[tuple[int, ...]]:
    """Everything that can be said."""
    return [word for n in range(shortest, longest + 1) for word in itertools.product(LETTERS, repeat=n)]


def letters_of(ids_U: torch.Tensor) -> tuple[int, ...]:
    """An output without its end."""
    ids: list[int] = ids_U.tolist()
    return tuple(ids[: ids.index(SOS_EOS)])


rules_drawn = st.builds(
    Rules,
    beam_size=st.just(WIDE),
    ctc_weight=st.sampled_from([0.0, 0.3, 1.0]),
    lm_weight=st.sampled_from([0.0, 0.5]),
    length_bonus=st.sampled_from([0.0, 3.0, -0.5]),
    length_penalty=st.sampled_from([0.0, 0.5, 1.0]),
    coverage=st.sampled_from([0.0, 0.3]),
    min_length_ratio=st.sampled_from([0.0, 0.5]),
    max_length_ratio=st.sampled_from([0.5, 1.0]),
)


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.lists(st.integers(1, 4), min_size=1, max_size=3), rules_drawn)
@torch.no_grad()
def test_a_beam_as_wide_as_the_space_finds_the_best(seed: int, lengths: list[int], rules: Rules) -> None:
    """The best of all outputs under the joint score, for each input between its own length limits.

    Repeated labels, empty outputs and a single position are among them; so are the next best.
    """
    parts = tiny(seed, lengths)
    found = Search(parts.scorers(), parts.memory, rules).run(count=2)
    for b, length in enumerate(lengths):
        longest = max(1, int(length * rules.max_length_ratio))
        outputs = all_outputs(min(longest, int(length * rules.min_length_ratio)), longest)
        scores = {letters: score(parts.row(b), rules, letters) for letters in outputs}
        best = sorted(scores.values(), reverse=True)
        for n, value in enumerate(best[:2]):
            assert float(found.ranks_BN[b, n]) == pytest.approx(value, abs=1e-5)
            if value > -torch.inf:
                assert scores[letters_of(found.ids_BNU[b, n])] == pytest.approx(value, abs=1e-5)


@settings(max_examples=30)
@given(st.integers(0, 10_000), rules_drawn, st.integers(1, 6))
@torch.no_grad()
def test_a_batch_of_joint_searches_equals_single_ones(seed: int, rules: Rules, beam_size: int) -> None:
    """Neighbours and padding change nothing, whatever the weights."""
    rules = Rules(**{**vars(rules), "beam_size": beam_size})
    lengths = [5, 1, 3, 4]
    parts = tiny(seed, lengths)
    together = Search(parts.scorers(), parts.memory, rules).run()
    for b in range(len(lengths)):
        alone = parts.row(b)
        single = Search(alone.scorers(), alone.memory, rules).run()
        torch.testing.assert_close(together.ranks_BN[b], single.ranks_BN[0])
        if single.ranks_BN[0, 0] > -torch.inf:
            assert letters_of(together.ids_BNU[b, 0]) == letters_of(single.ids_BNU[0, 0])
            for name, part_BN in single.parts.items():
                torch.testing.assert_close(together.parts[name][b], part_BN[0])


def search(decoder: Decoder, memory: Memory, config: DecodingConfig) -> Path:
    """Beam search of the attention decoder."""
    return Search(Scorers(decoder), memory, search_rules(config)).run()


@pytest.mark.parametrize("attention", ATTENTIONS, ids=lambda a: f"{a.kind}-{a.selection}")
@pytest.mark.parametrize("ratio", [0.3, 1.0, 2.5])
@torch.no_grad()
def test_a_beam_of_one_is_greedy(attention: AttentionConfig, ratio: float) -> None:
    model, memory = make(attention)
    assert model.decoder is not None
    expected = greedy_search(model.decoder, memory, ratio)
    for penalty in (0.0, 1.0):
        config = DecodingConfig("attention", max_length_ratio=ratio, length_penalty=penalty)
        found = search(model.decoder, memory, config)
        length = found.ids_BNU.shape[2]
        assert torch.equal(found.ids_BNU, expected.ids_BNU[..., :length]) and not expected.ids_BNU[..., length:].any()
        torch.testing.assert_close(found.log_probs_BNU, expected.log_probs_BNU[..., :length])
        assert penalty or torch.allclose(found.ranks_BN.float(), expected.ranks_BN, atol=1e-4)


@torch.no_grad()
def test_a_joint_beam_of_one_takes_the_best_token_of_every_step() -> None:
    """Under the joint score, each token is the best continuation of those before, and so is the end."""
    parts = tiny(5, [6])
    rules = Rules(beam_size=1, ctc_weight=0.4)
    found = letters_of(Search(parts.scorers(), parts.memory, rules).run().ids_BNU[0, 0])
    letters: tuple[int, ...] = ()
    while True:
        state = parts.scorers().prefix.start(1)  # type: ignore[union-attr]
        for token in letters:
            state = parts.scorers().prefix.advance(state, torch.tensor([[0]]), torch.tensor([[token]]))  # type: ignore[union-attr]
        ctc_V = parts.scorers().prefix.score(state)[0, 0]  # type: ignore[union-attr]
        logits_BUV, _ = parts.decoder(parts.memory, torch.tensor([[SOS_EOS, *letters]]))
        logits_BUV[..., [BLANK, UNK]] = -torch.inf
        best = int((0.6 * logits_BUV[0, -1].log_softmax(-1) + 0.4 * ctc_V)[1:].nan_to_num(-torch.inf).argmax()) + 1
        if best == SOS_EOS or len(letters) == int(limits(parts.memory, 1.0)):
            break
        letters = (*letters, best)
    assert found == letters


@pytest.mark.parametrize("attention", ATTENTIONS, ids=lambda a: f"{a.kind}-{a.selection}")
@pytest.mark.parametrize(
    "config",
    [
        DecodingConfig("attention", beam_size=4),
        DecodingConfig("attention", beam_size=4, length_penalty=0.7),
        DecodingConfig("ctc", beam_size=4),
        DecodingConfig("joint", beam_size=4, ctc_weight=0.4),
        DecodingConfig("joint"),
    ],
    ids=lambda c: f"{c.method}-{c.beam_size}-{c.length_penalty}",
)
@torch.no_grad()
def test_a_batch_equals_single_inputs(attention: AttentionConfig, config: DecodingConfig) -> None:
    """Neighbours and padding change nothing: text, scores, confidences, places and attention of each."""
    model, memory = make(attention)
    for b, hypothesis in enumerate(decode(model, memory, TOKENIZER, config, 0.04, keep_attention=True)):
        (single,) = decode(model, row_of(memory, b), TOKENIZER, config, 0.04, keep_attention=True)
        assert_same(hypothesis, single)
        assert hypothesis.attention_UT is None or len(hypothesis.attention_UT) == len(hypothesis.tokens)
        heads = {"joint": ["attention", "ctc"]}.get(config.method, [config.method])
        assert list(hypothesis.scores) == heads


@torch.no_grad()
def test_confidences_and_scores_belong_to_the_output() -> None:
    """The log probabilities of the tokens add up to the score of the whole, wherever its slots were."""
    parts = tiny(7, [6, 3, 5])
    rules = Rules(beam_size=5, ctc_weight=0.3)
    found = Search(parts.scorers(), parts.memory, rules).run()
    for b in range(3):
        letters = letters_of(found.ids_BNU[b, 0])
        assert float(found.log_probs_BNU[b, 0].sum()) == pytest.approx(float(found.ranks_BN[b, 0]), abs=1e-4)
        assert score(parts.row(b), rules, letters) == pytest.approx(float(found.ranks_BN[b, 0]), abs=1e-4)
        whole = 0.7 * found.parts["attention"][b, 0] + 0.3 * found.parts["ctc"][b, 0]
        assert float(whole) == pytest.approx(float(found.ranks_BN[b, 0]), abs=1e-6)


@pytest.mark.parametrize("method", ["ctc", "attention", "joint"])
@torch.no_grad()
def test_temperature_changes_confidences_alone(method: Method) -> None:
    model, memory = make(ATTENTIONS[0])
    plain = decode(model, memory, TOKENIZER, DecodingConfig(method), 0.5)
    warm = decode(model, memory, TOKENIZER, DecodingConfig(method, temperature=2.0), 0.5)
    for one, other in zip(plain, warm, strict=True):
        assert (one.text, one.score) == (other.text, other.score)
        assert [u.confidence for u in other.tokens] == calibrated([u.confidence for u in one.tokens], 2.0)


@torch.no_grad()
def test_alternatives() -> None:
    """The n best are different texts in the order of their scores; the first is what is found without more."""
    model, memory = make(ATTENTIONS[0])
    config = DecodingConfig("joint", beam_size=6, n_best=4)
    alone = decode(model, memory, TOKENIZER, DecodingConfig("joint", beam_size=6), 0.5)
    for best, hypothesis in zip(alone, decode(model, memory, TOKENIZER, config, 0.5), strict=True):
        assert_same(best, hypothesis)
        assert best.alternatives == () and 1 <= len(hypothesis.alternatives) <= 3
        everyone = [hypothesis, *hypothesis.alternatives]
        assert len({h.text for h in everyone}) == len(everyone)
        assert [h.score for h in everyone] == sorted((h.score for h in everyone), reverse=True)
        assert [h["text"] for h in hypothesis.to_json()["alternatives"]] == [h.text for h in hypothesis.alternatives]


@torch.no_grad()
def test_agreement_of_the_heads() -> None:
    """Tokens, the end among them, that attention alone and CTC alone would have chosen after the same beginning."""
    for seed in range(6):
        parts = tiny(seed, [5])
        found = Search(parts.scorers()._replace(language=None), parts.memory, Rules(beam_size=4, ctc_weight=0.5)).run()
        letters = letters_of(found.ids_BNU[0, 0])
        prefix = PrefixScorer(parts.ctc(parts.memory), parts.memory.lengths_B)
        state, agreed = prefix.start(1), []
        logits_BUV, _ = parts.decoder(parts.memory, torch.tensor([[SOS_EOS, *letters]]))
        logits_BUV[..., [BLANK, UNK]] = -torch.inf
        for u, token in enumerate((*letters, SOS_EOS)):
            agreed.append(int(logits_BUV[0, u].argmax()) == token == int(prefix.score(state)[0, 0].argmax()))
            state = prefix.advance(state, torch.tensor([[0]]), torch.tensor([[token]]))
        assert found.agreed_BNU is not None
        assert found.agreed_BNU[0, 0, : len(agreed)].tolist() == agreed


def test_an_output_is_empty_only_if_that_scores_best() -> None:
    """Where the end is certain, nothing is said; a bonus for every token that outweighs it brings text."""
    parts = tiny(1, [4])
    with torch.no_grad():
        parts.decoder.output.bias[SOS_EOS] += 50
        for bonus, empty in ((0.0, True), (60.0, False)):
            rules = Rules(beam_size=3, length_bonus=bonus)
            found = Search(Scorers(parts.decoder), parts.memory, rules).run()
            assert (letters_of(found.ids_BNU[0, 0]) == ()) == empty


def test_a_bonus_is_waited_for() -> None:
    """The search does not end while tokens to come can still earn what the first of them cost."""
    log_probs_VV = torch.full((5, 5), -20.0)
    log_probs_VV[SOS_EOS, [SOS_EOS, 3]] = torch.tensor([-0.1, -7.0])
    log_probs_VV[3, [SOS_EOS, 3]] = torch.tensor([-5.0, -0.1])
    memory = Memory(torch.zeros(1, 6, 1), torch.tensor([6]))
    for bonus, letters in ((1.0, ()), (3.0, (3,) * 6)):
        rules = Rules(beam_size=4, lm_weight=1.0, length_bonus=bonus)
        found = Search(Scorers(language=Bigrams(log_probs_VV)), memory, rules).run()
        assert letters_of(found.ids_BNU[0, 0]) == letters


@torch.no_grad()
def test_an_impossible_length() -> None:
    """Where CTC allows nothing as long as was asked for, the result is empty, with a score that JSON can hold."""
    model, memory = make(ATTENTIONS[0])
    config = DecodingConfig("ctc", beam_size=2, min_length_ratio=2.0, max_length_ratio=2.0)
    for hypothesis in decode(model, memory, TOKENIZER, config, 0.5):
        assert (hypothesis.text, hypothesis.tokens) == ("", ()) and hypothesis.score == IMPOSSIBLE
        json.dumps(hypothesis.to_json(), allow_nan=False)


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (DecodingConfig("attention", beam_size=0), r"--decoding\.beam_size 0: give 1 or more\."),
        (DecodingConfig("joint", n_best=3), r"--decoding\.n_best 3: give 1 to the beam size, which is 1\."),
        (DecodingConfig("ctc", temperature=0.0), r"--decoding\.temperature 0\.0: give more than 0\."),
        (DecodingConfig("joint", beam_size=2, consensus=1.0), r"--decoding\.consensus 1\.0: .*beam_size 3 or more"),
        (DecodingConfig("joint", beam_size=9, consensus=-1.0), r"--decoding\.consensus -1\.0: give 0 or more"),
        (DecodingConfig("joint", ctc_weight=1.5), r"--decoding\.ctc_weight 1\.5: give a share between 0 and 1\."),
        (DecodingConfig("joint", min_length_ratio=2.0), r"--decoding\.min_length_ratio 2\.0: give 0 or more, and no"),
    ],
    ids=lambda value: "",
)
def test_values_without_sense(config: DecodingConfig, told: str) -> None:
    model, memory = make(ATTENTIONS[0])
    with pytest.raises(UsageError, match=told):
        decode(model, memory, TOKENIZER, config)


@torch.no_grad()
def test_a_joint_search_needs_both_heads() -> None:
    model, memory = make(ATTENTIONS[0], ctc_weight=0.0)
    with pytest.raises(UsageError, match="joint: this model has one head only; use attention"):
        decode(model, memory, TOKENIZER, DecodingConfig("joint"))
    assert len(LENGTHS) == len(decode(model, memory, TOKENIZER, DecodingConfig("attention")))
