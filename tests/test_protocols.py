"""Parts that only these tests know fit where the core's own do: a part of the score of a search, and a decoder."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from models import ATTENTIONS, CPU, TOKENIZER, log_probability, make, row_of
from torch import Tensor, nn
from toy import ToyEncoder, ToyInputs, toy_examples

from scriba.core.data.batching import Batch, collate
from scriba.core.model.attention import AttentionConfig
from scriba.core.model.build import build_decoder
from scriba.core.model.ctc import CTCHead
from scriba.core.model.decoder import Decoder, Trace
from scriba.core.model.likelihood import allowed
from scriba.core.model.memory import Memory
from scriba.core.model.recurrent_decoder import DecoderConfig
from scriba.core.model.seq2seq import Seq2Seq
from scriba.core.recogniser import Recogniser
from scriba.core.search.beam import BeamSearch
from scriba.core.search.config import DecodingConfig, Method
from scriba.core.search.decode import decode
from scriba.core.search.decoding import Decoding
from scriba.core.search.greedy import greedy_search
from scriba.core.search.prefix import PrefixScorer
from scriba.core.search.scorer import DecoderScorer, Scored, Scorer, Weighted
from scriba.core.text.tokenizer import SOS_EOS, UNK, CharTokenizer
from scriba.core.training.config import LossConfig
from scriba.core.training.objective import build_objective

LETTERS = (3, 4)
WIDE = 64
"""More than there are outputs of up to five letters of which two."""
TEXTS = ["abc", "cab", "bca", "ba"]

Said = tuple[tuple[frozenset[int], ...], ...]


@dataclass(frozen=True)
class Once:
    """A part of the score: every token that was said before costs one, or earns one. Its state is no tensor."""

    vocabulary: int
    of_input: bool = False
    earns: bool = False
    name: str = "once"

    @property
    def only_falls(self) -> bool:
        return not self.earns

    def start(self, batch: int, beam_size: int, device: torch.device) -> Said:
        return ((frozenset(),) * beam_size,) * batch

    def score(self, state: Said, tokens_BK: Tensor) -> Scored:
        sign = 1.0 if self.earns else -1.0
        gains = [[[sign * (v in said) for v in range(self.vocabulary)] for said in row] for row in state]
        return Scored(torch.tensor(gains, dtype=torch.double), state)

    def advance(self, state: Said, parents_BK: Tensor, tokens_BK: Tensor) -> Said:
        rows = zip(state, parents_BK.tolist(), tokens_BK.tolist(), strict=True)
        return tuple(
            tuple(row[parent] | {token} for parent, token in zip(parents, tokens, strict=True))
            for row, parents, tokens in rows
        )


def repeats(output: Sequence[int]) -> int:
    """Number of tokens that were said before."""
    return len(output) - len(set(output))


class Heads(NamedTuple):
    """Attention and CTC over one memory, of two letters, with weights large enough for them to have opinions."""

    decoder: Decoder
    ctc: CTCHead
    memory: Memory

    def scorers(self) -> tuple[Scorer, Scorer]:
        prefix = PrefixScorer(self.ctc(self.memory), self.memory.lengths_B)
        return DecoderScorer(self.decoder, self.memory), prefix

    def scores(self, b: int, letters: tuple[int, ...]) -> tuple[float, float]:
        """Log probabilities of an output of one input: attention a token at a time, CTC over all paths."""
        memory = row_of(self.memory, b)
        state, last, attention = self.decoder.init(memory), SOS_EOS, 0.0
        for token in (*letters, SOS_EOS):
            logits, state = self.decoder.step(state, torch.tensor([last]))
            attention, last = attention + float(allowed(logits)[0, token]), token
        return attention, float(log_probability(self.ctc(memory)[0], letters))


def small_heads(seed: int, lengths: list[int]) -> Heads:
    torch.manual_seed(seed)
    config = DecoderConfig(size=6, embedding_size=4)
    decoder = build_decoder(config, AttentionConfig(size=6), memory_size=5, vocabulary_size=5).double()
    ctc = CTCHead(5, 5).double()
    with torch.no_grad():
        for parameter in [*decoder.parameters(), *ctc.parameters()]:
            parameter.mul_(3)
        ctc.output.bias[[SOS_EOS, UNK]] = -1e4
    memory = Memory(torch.randn(len(lengths), max(lengths), 5).double(), torch.tensor(lengths))
    return Heads(decoder.eval(), ctc, memory)


@settings(max_examples=40)
@given(
    st.integers(0, 10_000),
    st.lists(st.integers(1, 4), min_size=1, max_size=3),
    st.sampled_from([0.4, 3.0]),
    st.sampled_from([0.0, 2.0]),
    st.booleans(),
    st.booleans(),
)
@torch.no_grad()
def test_a_part_of_the_score_of_ones_own(
    seed: int, lengths: list[int], weight: float, bonus: float, of_input: bool, earns: bool
) -> None:
    """Beside attention and CTC: of all outputs the best two under the weighted sum are found, with each part by name.

    Confidences are about the parts that heard the input, whichever those are.
    """
    heads = small_heads(seed, lengths)
    attention, ctc = heads.scorers()
    weights = {"attention": 0.7, "ctc": 0.3, "once": weight}
    parts = [Weighted(0.7, attention), Weighted(0.3, ctc), Weighted(weight, Once(5, of_input, earns))]
    options = DecodingConfig(beam_size=WIDE, length_bonus=bonus)
    found = BeamSearch(parts, heads.memory, options).run(count=2)
    assert list(found.parts) == list(weights)
    for b, length in enumerate(lengths):
        everything = {}
        for letters in itertools.chain(*(itertools.product(LETTERS, repeat=n) for n in range(length + 1))):
            scores = dict(
                zip(weights, (*heads.scores(b, letters), repeats(letters) * (1.0 if earns else -1.0)), strict=True)
            )
            total = sum(weights[name] * value for name, value in scores.items()) + bonus * len(letters)
            everything[letters] = (total, scores)
        best = sorted((total for total, _ in everything.values()), reverse=True)
        for n in range(2):
            if best[n] == -torch.inf:
                continue
            ids = found.ids_BNU[b, n].tolist()
            total, scores = everything[tuple(ids[: ids.index(SOS_EOS)])]
            assert total == pytest.approx(best[n], abs=1e-5)
            assert float(found.ranks_BN[b, n]) == pytest.approx(best[n], abs=1e-5)
            assert {name: float(found.parts[name][b, n]) for name in weights} == pytest.approx(scores, abs=1e-5)
            heard = sum(weights[name] * scores[name] for name in weights if of_input or name != "once")
            assert float(found.log_probs_BNU[b, n].sum()) == pytest.approx(heard, abs=1e-4)


@pytest.mark.parametrize("method", ["attention", "ctc", "joint"])
@torch.no_grad()
def test_it_has_a_say_in_what_is_decoded(method: Method) -> None:
    """Given beside the head or heads, its name is among the scores and its weight counts."""
    model, memory = make(ATTENTIONS[0])
    said = set[int]()
    for weight in (0.01, 50.0):
        options = DecodingConfig(method, beam_size=8, length_bonus=3.0)
        decoding = Decoding(options, model.heads, others=(Weighted(weight, Once(len(TOKENIZER))),))
        for hypothesis in decode(model, memory, TOKENIZER, decoding):
            heads = {"joint": ["attention", "ctc"]}.get(method, [method])
            assert list(hypothesis.scores) == [*heads, "once"]
            assert hypothesis.scores["once"] == -repeats(TOKENIZER.encode(hypothesis.text))
            if hypothesis.scores["once"]:
                said.add(int(weight))
    assert said == {0}  # a light weight lets tokens be repeated, a heavy one does not


class BagState(NamedTuple):
    """What the bag of the memory came to, for each row; nothing changes from step to step."""

    bag_RH: Tensor

    @property
    def looked_RT(self) -> None:
        return None

    def spread(self, beam_size: int) -> BagState:
        return BagState(self.bag_RH.repeat_interleave(beam_size, 0))

    def reorder(self, rows: Tensor) -> BagState:
        return BagState(self.bag_RH[rows])


class BagDecoder(nn.Module):
    """Foresees a token from the one before and the mean of the memory; no recurrent layers, no attention."""

    def __init__(self, memory_size: int, vocabulary_size: int, size: int = 64) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, size)
        self.bag = nn.Linear(memory_size, size)
        self.output = nn.Linear(size, vocabulary_size)

    def init(self, memory: Memory) -> BagState:
        return BagState(self.bag(memory.mean_state()))

    def step(self, state: BagState, tokens_R: Tensor) -> tuple[Tensor, BagState]:
        return self.output(torch.tanh(state.bag_RH + self.embedding(tokens_R))), state

    def trace(self, memory: Memory, tokens_BU: Tensor) -> Trace:
        bag_B1H = self.bag(memory.mean_state())[:, None]
        return Trace(self.output(torch.tanh(bag_B1H + self.embedding(tokens_BU))))


class Lesson(NamedTuple):
    """A model with the decoder of these tests, and a few texts to learn."""

    model: Seq2Seq
    tokenizer: CharTokenizer
    batch: Batch


def lesson() -> Lesson:
    torch.manual_seed(1)
    tokenizer, encoder, inputs = CharTokenizer.train(TEXTS), ToyEncoder(), ToyInputs()
    items = [(e.id, inputs.prepare(e), tokenizer.encode(str(e.target)), e.texts) for e in toy_examples(TEXTS)]
    decoder: Decoder = BagDecoder(encoder.memory_size, len(tokenizer))
    model = Seq2Seq(encoder=encoder, decoder=decoder, ctc=CTCHead(encoder.memory_size, len(tokenizer)))
    return Lesson(model, tokenizer, collate(items))


def test_a_decoder_of_ones_own_learns_by_heart() -> None:
    """Under the joint loss, beside CTC; greedy, in a beam, jointly and in a recogniser it then says every text."""
    model, tokenizer, batch = lesson()
    assert model.heads == ("ctc", "attention")
    objective = build_objective(model, LossConfig(0.3, label_smoothing=0.0), hard=False)
    optimizer = torch.optim.AdamW(objective.parameters(), lr=0.01, weight_decay=0.0)
    ways = [
        *(DecodingConfig(method) for method in model.heads),
        DecodingConfig("attention", beam_size=4, length_penalty=0.5),
        DecodingConfig("joint", beam_size=4, n_best=2),
    ]
    found: list[list[str]] = []
    for step in range(1500):
        optimizer.zero_grad()
        losses = objective.train()(*batch.tensors())
        losses.total.backward()
        torch.nn.utils.clip_grad_norm_(objective.parameters(), 1.0)
        optimizer.step()
        if step % 50 == 49:
            with torch.no_grad():
                memory = model.eval().encode(batch.inputs, batch.lengths_B)
                found = [
                    [h.text for h in decode(model, memory, tokenizer, Decoding(options, model.heads))]
                    for options in ways
                ]
            if all(result == TEXTS for result in found):
                break
    assert found == [TEXTS] * len(ways)
    recogniser = Recogniser(ToyInputs(), model, tokenizer, Decoding(ways[-1], model.heads), CPU, torch.float32)
    results = list(recogniser.run(toy_examples(TEXTS), batch_size=2))
    assert [result.hypothesis.text for result in results] == TEXTS
    assert all(list(result.hypothesis.scores) == ["attention", "ctc"] for result in results)


@torch.no_grad()
def test_a_decoder_of_ones_own_is_searched_alike() -> None:
    """A beam of one takes what greedy decoding takes, and no weights are looked for where it has none."""
    model, _, batch = lesson()
    memory = model.eval().encode(batch.inputs, batch.lengths_B)
    assert model.decoder is not None
    greedy = greedy_search(model.decoder, memory)
    beam = BeamSearch([Weighted(1.0, DecoderScorer(model.decoder, memory))], memory, DecodingConfig(coverage=0.5)).run()
    length = beam.ids_BNU.shape[2]
    assert torch.equal(beam.ids_BNU, greedy.ids_BNU[..., :length]) and not greedy.ids_BNU[..., length:].any()
    torch.testing.assert_close(beam.ranks_BN.float(), greedy.ranks_BN)
    assert greedy.weights_BNUT is None and beam.weights_BNUT is None


def test_a_decoder_of_ones_own_is_trained_on_scores() -> None:
    """Sampling from it and rating what it says gives every weight of it a gradient."""
    model, _, batch = lesson()
    objective = build_objective(model, LossConfig(0.0, samples=4), hard=False)
    losses = objective.train()(*batch.tensors(), lambda samples: [[float(len(ids)) for ids in own] for own in samples])
    losses.total.backward()
    assert isinstance(model.decoder, nn.Module) and model.decoder.training
    for parameter in model.decoder.parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all() and parameter.grad.any()
