"""Beam search against exhaustive search, against greedy search, and batches against single inputs."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import NamedTuple

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from models import ATTENTIONS, LENGTHS, assert_same, decoded, log_probability, make, row_of, spell

from scriba.core.errors import UsageError
from scriba.core.model.attention import AttentionConfig
from scriba.core.model.build import build_decoder
from scriba.core.model.ctc import CTCHead
from scriba.core.model.likelihood import allowed
from scriba.core.model.memory import Memory
from scriba.core.model.recurrent_decoder import DecoderConfig, RecurrentDecoder
from scriba.core.scores.calibration import calibrated
from scriba.core.search.beam import LOOKED_AT, BeamSearch
from scriba.core.search.config import DecodingConfig, Method
from scriba.core.search.decode import IMPOSSIBLE
from scriba.core.search.decoding import Decoding
from scriba.core.search.greedy import greedy_search
from scriba.core.search.outputs import Outputs, limits
from scriba.core.search.prefix import PrefixScorer
from scriba.core.search.scorer import DecoderScorer, Scored, Weighted
from scriba.core.text.tokenizer import BLANK, SOS_EOS, UNK

LETTERS = (3, 4)
WIDE = 64
"""More than there are outputs of up to five letters of which two."""


class Bigrams(NamedTuple):
    """A language model that knows the token before."""

    log_probs_VV: torch.Tensor
    name: str = "lm"
    of_input: bool = False
    only_falls: bool = True

    def start(self, batch: int, beam_size: int, device: torch.device) -> torch.Tensor:
        return torch.full((batch, beam_size), SOS_EOS, device=device)

    def score(self, state: torch.Tensor, tokens_BK: torch.Tensor) -> Scored:
        assert torch.equal(state, tokens_BK)  # the search tells the same twice
        return Scored(self.log_probs_VV.double()[tokens_BK], state)

    def advance(self, state: torch.Tensor, parents_BK: torch.Tensor, tokens_BK: torch.Tensor) -> torch.Tensor:
        assert parents_BK.shape == tokens_BK.shape == state.shape
        return tokens_BK


class Parts(NamedTuple):
    """All that can say something of an output."""

    decoder: RecurrentDecoder
    ctc: CTCHead
    language: Bigrams
    memory: Memory

    def prefix(self) -> PrefixScorer:
        return PrefixScorer(self.ctc(self.memory), self.memory.lengths_B)

    def weighted(self, options: DecodingConfig) -> list[Weighted]:
        return [
            Weighted(1 - options.ctc_weight, DecoderScorer(self.decoder, self.memory)),
            Weighted(options.ctc_weight, self.prefix()),
            Weighted(options.lm_weight, self.language),
        ]

    def search(self, options: DecodingConfig, count: int = 1) -> Outputs:
        return BeamSearch(self.weighted(options), self.memory, options).run(count)

    def row(self, b: int) -> Parts:
        return self._replace(memory=row_of(self.memory, b))


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
    language = Bigrams(allowed(torch.randn(5, 5).double()))
    memory = Memory(torch.randn(len(lengths), max(lengths), 5).double(), torch.tensor(lengths))
    return Parts(decoder.eval(), ctc, language, memory)


@torch.no_grad()
def score(parts: Parts, options: DecodingConfig, letters: tuple[int, ...]) -> float:
    """Equation (1) for an output of the one input, a token at a time, CTC as the sum over all paths."""
    state, last, attention, language = parts.decoder.init(parts.memory), SOS_EOS, 0.0, 0.0
    looked_T = torch.zeros(int(parts.memory.lengths_B[0]))
    for token in (*letters, SOS_EOS):
        logits, state = parts.decoder.step(state, torch.tensor([last]))
        logits[0, [BLANK, UNK]] = -torch.inf
        assert state.weights_RNT is not None
        looked_T = looked_T + state.weights_RNT[0].mean(0)
        attention += float(logits[0].log_softmax(-1)[token])
        language += float(parts.language.log_probs_VV[last, token])
        last = token
    ctc = float(log_probability(parts.ctc(parts.memory)[0].double(), letters))
    total = sum(
        weight * value
        for weight, value in (
            (1 - options.ctc_weight, attention),
            (options.ctc_weight, ctc),
            (options.lm_weight, language),
            (options.length_bonus, len(letters)),
            (options.coverage, int((looked_T > LOOKED_AT).sum())),
        )
        if weight
    )
    return total / (len(letters) + 1) ** options.length_penalty


def all_outputs(shortest: int, longest: int) -> list[tuple[int, ...]]:
    """Everything that can be said."""
    return [word for n in range(shortest, longest + 1) for word in itertools.product(LETTERS, repeat=n)]


def letters_of(ids_U: torch.Tensor) -> tuple[int, ...]:
    """An output without its end."""
    ids: list[int] = ids_U.tolist()
    return tuple(ids[: ids.index(SOS_EOS)])


options_drawn = st.builds(
    DecodingConfig,
    beam_size=st.just(WIDE),
    ctc_weight=st.sampled_from([0.0, 0.3, 1.0]),
    lm_weight=st.sampled_from([0.0, 0.5, -0.5]),
    length_bonus=st.sampled_from([0.0, 3.0, -0.5]),
    length_penalty=st.sampled_from([0.0, 0.5, 1.0]),
    coverage=st.sampled_from([0.0, 0.3]),
    min_length_ratio=st.sampled_from([0.0, 0.5]),
    max_length_ratio=st.sampled_from([0.5, 1.0]),
)


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.lists(st.integers(1, 4), min_size=1, max_size=3), options_drawn)
@torch.no_grad()
def test_a_beam_as_wide_as_the_space_finds_the_best(seed: int, lengths: list[int], options: DecodingConfig) -> None:
    """The best of all outputs under the joint score, for each input between its own length limits.

    Repeated labels, empty outputs and a single position are among them; so are the next best.
    """
    parts = tiny(seed, lengths)
    found = parts.search(options, count=2)
    for b, length in enumerate(lengths):
        longest = max(1, int(length * options.max_length_ratio))
        outputs = all_outputs(min(longest, int(length * options.min_length_ratio)), longest)
        scores = {letters: score(parts.row(b), options, letters) for letters in outputs}
        best = sorted(scores.values(), reverse=True)
        for n, value in enumerate(best[:2]):
            assert float(found.ranks_BN[b, n]) == pytest.approx(value, abs=1e-5)
            if value > -torch.inf:
                assert scores[letters_of(found.ids_BNU[b, n])] == pytest.approx(value, abs=1e-5)


@settings(max_examples=30)
@given(st.integers(0, 10_000), options_drawn, st.integers(1, 6))
@torch.no_grad()
def test_a_batch_of_joint_searches_equals_single_ones(seed: int, options: DecodingConfig, beam_size: int) -> None:
    """Neighbours and padding change nothing, whatever the weights."""
    options = replace(options, beam_size=beam_size)
    lengths = [5, 1, 3, 4]
    parts = tiny(seed, lengths)
    together = parts.search(options)
    for b in range(len(lengths)):
        single = parts.row(b).search(options)
        torch.testing.assert_close(together.ranks_BN[b], single.ranks_BN[0])
        if single.ranks_BN[0, 0] > -torch.inf:
            assert letters_of(together.ids_BNU[b, 0]) == letters_of(single.ids_BNU[0, 0])
            for name, part_BN in single.parts.items():
                torch.testing.assert_close(together.parts[name][b], part_BN[0])


@pytest.mark.parametrize("attention", ATTENTIONS, ids=lambda a: f"{a.kind}-{a.selection}")
@pytest.mark.parametrize("ratio", [0.3, 1.0, 2.5])
@torch.no_grad()
def test_a_beam_of_one_is_greedy(attention: AttentionConfig, ratio: float) -> None:
    model, memory = make(attention)
    assert model.decoder is not None
    expected = greedy_search(model.decoder, memory, ratio)
    for penalty in (0.0, 1.0):
        config = DecodingConfig("attention", max_length_ratio=ratio, length_penalty=penalty)
        found = BeamSearch([Weighted(1.0, DecoderScorer(model.decoder, memory))], memory, config).run()
        length = found.ids_BNU.shape[2]
        assert torch.equal(found.ids_BNU, expected.ids_BNU[..., :length]) and not expected.ids_BNU[..., length:].any()
        torch.testing.assert_close(found.log_probs_BNU, expected.log_probs_BNU[..., :length])
        assert penalty or torch.allclose(found.ranks_BN.float(), expected.ranks_BN, atol=1e-4)


@torch.no_grad()
def test_a_joint_beam_of_one_takes_the_best_token_of_every_step() -> None:
    """Under the joint score, each token is the best continuation of those before, and so is the end."""
    parts = tiny(5, [6])
    options = DecodingConfig(beam_size=1, ctc_weight=0.4)
    found = letters_of(parts.search(options).ids_BNU[0, 0])
    letters: tuple[int, ...] = ()
    while True:
        prefix = parts.prefix()
        ctc_V = prefix.continuations(spell(prefix, [letters]))[0, 0]
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
    for b, hypothesis in enumerate(decoded(model, memory, config, 0.04, keep_attention=True)):
        (single,) = decoded(model, row_of(memory, b), config, 0.04, keep_attention=True)
        assert_same(hypothesis, single)
        assert hypothesis.attention_UT is None or len(hypothesis.attention_UT) == len(hypothesis.tokens)
        heads = {"joint": ["attention", "ctc"]}.get(config.method, [config.method])
        assert list(hypothesis.scores) == heads


@torch.no_grad()
def test_confidences_and_scores_belong_to_the_output() -> None:
    """The log probabilities of the tokens add up to the score of the whole, wherever its slots were."""
    parts = tiny(7, [6, 3, 5])
    options = DecodingConfig(beam_size=5, ctc_weight=0.3)
    found = parts.search(options)
    for b in range(3):
        letters = letters_of(found.ids_BNU[b, 0])
        assert float(found.log_probs_BNU[b, 0].sum()) == pytest.approx(float(found.ranks_BN[b, 0]), abs=1e-4)
        assert score(parts.row(b), options, letters) == pytest.approx(float(found.ranks_BN[b, 0]), abs=1e-4)
        whole = 0.7 * found.parts["attention"][b, 0] + 0.3 * found.parts["ctc"][b, 0]
        assert float(whole) == pytest.approx(float(found.ranks_BN[b, 0]), abs=1e-6)


@pytest.mark.parametrize("method", ["ctc", "attention", "joint"])
@torch.no_grad()
def test_temperature_changes_confidences_alone(method: Method) -> None:
    model, memory = make(ATTENTIONS[0])
    plain = decoded(model, memory, DecodingConfig(method), 0.5)
    warm = decoded(model, memory, DecodingConfig(method, temperature=2.0), 0.5)
    for one, other in zip(plain, warm, strict=True):
        assert (one.text, one.score) == (other.text, other.score)
        assert [u.confidence for u in other.tokens] == calibrated([u.confidence for u in one.tokens], 2.0)


@torch.no_grad()
def test_alternatives() -> None:
    """The n best are different texts in the order of their scores; the first is what is found without more."""
    model, memory = make(ATTENTIONS[0])
    config = DecodingConfig("joint", beam_size=6, n_best=4)
    alone = decoded(model, memory, DecodingConfig("joint", beam_size=6), 0.5)
    for best, hypothesis in zip(alone, decoded(model, memory, config, 0.5), strict=True):
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
        options = DecodingConfig(beam_size=4, ctc_weight=0.5)
        found = BeamSearch(parts.weighted(options)[:2], parts.memory, options).run()
        letters = letters_of(found.ids_BNU[0, 0])
        prefix, agreed = parts.prefix(), []
        logits_BUV, _ = parts.decoder(parts.memory, torch.tensor([[SOS_EOS, *letters]]))
        logits_BUV[..., [BLANK, UNK]] = -torch.inf
        for u, token in enumerate((*letters, SOS_EOS)):
            ctc_V = prefix.continuations(spell(prefix, [letters[:u]]))[0, 0]
            agreed.append(int(logits_BUV[0, u].argmax()) == token == int(ctc_V.argmax()))
        assert found.agreed_BNU is not None
        assert found.agreed_BNU[0, 0, : len(agreed)].tolist() == agreed


def test_an_output_is_empty_only_if_that_scores_best() -> None:
    """Where the end is certain, nothing is said; a bonus for every token that outweighs it brings text."""
    parts = tiny(1, [4])
    with torch.no_grad():
        parts.decoder.output.bias[SOS_EOS] += 50
        for bonus, empty in ((0.0, True), (60.0, False)):
            options = DecodingConfig(beam_size=3, length_bonus=bonus)
            attention = Weighted(1.0, DecoderScorer(parts.decoder, parts.memory))
            found = BeamSearch([attention], parts.memory, options).run()
            assert (letters_of(found.ids_BNU[0, 0]) == ()) == empty


def test_a_bonus_is_waited_for() -> None:
    """The search does not end while tokens to come can still earn what the first of them cost."""
    log_probs_VV = torch.full((5, 5), -20.0)
    log_probs_VV[SOS_EOS, [SOS_EOS, 3]] = torch.tensor([-0.1, -7.0])
    log_probs_VV[3, [SOS_EOS, 3]] = torch.tensor([-5.0, -0.1])
    memory = Memory(torch.zeros(1, 6, 1), torch.tensor([6]))
    for bonus, letters in ((1.0, ()), (3.0, (3,) * 6)):
        options = DecodingConfig(beam_size=4, length_bonus=bonus)
        found = BeamSearch([Weighted(1.0, Bigrams(log_probs_VV))], memory, options).run()
        assert letters_of(found.ids_BNU[0, 0]) == letters


@torch.no_grad()
def test_an_impossible_length() -> None:
    """Where CTC allows nothing as long as was asked for, the result is empty, with a score that JSON can hold."""
    model, memory = make(ATTENTIONS[0])
    config = DecodingConfig("ctc", beam_size=2, min_length_ratio=2.0, max_length_ratio=2.0)
    for hypothesis in decoded(model, memory, config, 0.5):
        assert (hypothesis.text, hypothesis.tokens) == ("", ()) and hypothesis.score == IMPOSSIBLE
        json.dumps(hypothesis.to_json(), allow_nan=False)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (DecodingConfig("attention", beam_size=0), r"--decoding\.beam_size 0: give 1 to 1000\."),
        (DecodingConfig("joint", n_best=3), r"--decoding\.n_best 3: give 1 to the beam size, which is 1\."),
        (DecodingConfig("ctc", temperature=0.0), r"--decoding\.temperature 0\.0: give more than 0\."),
        (DecodingConfig("joint", beam_size=2, consensus=1.0), r"--decoding\.consensus 1\.0: .*beam_size 3 or more"),
        (DecodingConfig("joint", beam_size=9, consensus=-1.0), r"--decoding\.consensus -1\.0: give 0 or more"),
        (DecodingConfig("joint", ctc_weight=1.5), r"--decoding\.ctc_weight 1\.5: give 0 to 1\."),
        (DecodingConfig("joint", min_length_ratio=2.0), r"--decoding\.min_length_ratio 2\.0: give no more than "),
        (DecodingConfig("joint", min_length_ratio=-1.0), r"--decoding\.min_length_ratio -1\.0: give 0 or more\."),
        (DecodingConfig("ctc", n_best=0), r"--decoding\.n_best 0: give 1 to 1000\."),
    ],
    ids=lambda value: "",
)
def test_values_without_sense(options: DecodingConfig, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        Decoding(options, ("ctc", "attention"))


@torch.no_grad()
def test_a_joint_search_needs_both_heads() -> None:
    model, memory = make(ATTENTIONS[0], "attention")
    with pytest.raises(UsageError, match="joint: this model has one head only; use attention"):
        decoded(model, memory, DecodingConfig("joint"))
    assert len(LENGTHS) == len(decoded(model, memory, DecodingConfig("attention")))
