"""Results come in the order of the examples, whatever became of them and however many threads share the work."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from toy import ToyEncoder, ToyInputs, toy_example, toy_examples

from scriba.core.errors import UsageError
from scriba.core.example import Example
from scriba.core.model import AttentionConfig, DecoderConfig, ModelConfig, build_model
from scriba.core.precision import computes_bfloat16
from scriba.core.recogniser import Recogniser
from scriba.core.search import Decoding, DecodingConfig, Method
from scriba.core.text import CharTokenizer

TOKENIZER = CharTokenizer("abcdefgh ")


@pytest.fixture
def recogniser() -> Recogniser:
    torch.manual_seed(0)
    config = ModelConfig("both", AttentionConfig(size=8), DecoderConfig(size=8, embedding_size=4))
    model = build_model(config, ToyEncoder(), len(TOKENIZER)).eval()
    decoding = Decoding(DecodingConfig(), model.heads)
    return Recogniser(ToyInputs(), model, TOKENIZER, decoding, torch.device("cpu"), torch.float32)


@pytest.fixture
def threads() -> object:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("method", ["ctc", "attention"])
def test_threads_and_batches_change_nothing(recogniser: Recogniser, method: Method) -> None:
    """The same texts, scores and errors in the same order, for one thread or three, singly or in batches."""
    examples = toy_examples(["abc", "h", "gfedcba", "bb", "a c", "cab", "fed", "hgfe"] * 9)
    examples[5] = examples[40] = toy_example("empty", "")
    found = []
    for number, batch_size in ((1, 1), (1, 4), (3, 4), (3, 32)):
        torch.set_num_threads(number)
        results = list(recogniser.by(method).run(examples, batch_size=batch_size))
        assert [r.example for r in results] == examples
        assert [i for i, r in enumerate(results) if r.error is not None] == [5, 40]
        assert all(r.seconds > 0 for r in results)
        found.append([r.hypotheses[method].text if r.hypotheses else None for r in results])
    assert found[0] == found[1] == found[2] == found[3]


@pytest.mark.usefixtures("threads")
def test_reads_one_chunk_ahead(recogniser: Recogniser) -> None:
    """The next few inputs are read while the last are computed, and no more: any number of examples can stream."""
    taken: list[int] = []

    def examples() -> Iterator[Example]:
        for i, example in enumerate(toy_examples(["abc"] * 30)):
            taken.append(i)
            yield example

    stream = recogniser.run(examples(), batch_size=2, lookahead=3)
    assert [len(taken) for _ in stream] == [*[12] * 6, *[18] * 6, *[24] * 6, *[30] * 12]


@pytest.mark.usefixtures("threads")
def test_an_error_of_the_source_loses_nothing_before_it(recogniser: Recogniser) -> None:
    """Results of all chunks that were complete come before the error."""

    def examples() -> Iterator[Example]:
        yield from toy_examples(["abc"] * 20)
        raise ConnectionError("gone")

    found = []
    with pytest.raises(ConnectionError, match="gone"):
        for result in recogniser.run(examples(), batch_size=2, lookahead=3):
            found.append(result)
    assert len(found) == 18


@pytest.mark.usefixtures("threads")
def test_the_number_of_threads_is_left_as_it_was(recogniser: Recogniser) -> None:
    """Also for threads that begin afterwards, and when the results are not all taken."""
    torch.set_num_threads(3)
    stream = recogniser.run(toy_examples(["abc"] * 50), batch_size=2)
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    seen: list[int] = []
    late = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
    late.start()
    late.join()
    assert seen == [3] and torch.get_num_threads() == 3


def test_several_heads_at_once_say_what_each_says_alone(recogniser: Recogniser) -> None:
    """An input is encoded once for all of them; the first that was asked for is the one that counts."""
    examples = [*toy_examples(["abc", "hgf", "a c"]), toy_example("empty", "")]
    methods: tuple[Method, ...] = ("attention", "ctc", "joint")
    together = list(recogniser.run(examples, methods=methods))
    for method in methods:
        alone = [result.hypothesis.text for result in recogniser.by(method).run(examples)]
        assert alone == [r.hypotheses[method].text if r.hypotheses else "" for r in together]
    for result in together[:3]:
        assert tuple(result.hypotheses) == methods and result.hypothesis is result.hypotheses["attention"]
    assert together[3].error is not None and together[3].hypotheses == {} and together[3].hypothesis.text == ""


def test_places_follow_the_subsampling_of_the_encoder(recogniser: Recogniser) -> None:
    """A position is as many frames of the inputs as the encoder says; where it has no place, tokens have none."""
    assert isinstance(recogniser.model.encoder, ToyEncoder)
    places = {}
    for subsampling in (1, 4, None):
        recogniser.model.encoder.subsampling = subsampling
        assert recogniser.position_size == subsampling
        (result,) = recogniser.by("attention").run(toy_examples(["abcdefgh"]))
        places[subsampling] = [(token.start, token.end) for token in result.hypothesis.tokens]
    assert places[1] and None not in places[1][0]
    assert places[4] == [(4 * a, 4 * b) for a, b in places[1]]  # type: ignore[operator]
    assert set(places[None]) == {(None, None)}


def test_what_cannot_be_decoded_is_refused(recogniser: Recogniser) -> None:
    """Neither no examples at a time nor a head that is not there."""
    with pytest.raises(UsageError, match="--batch_size 0: give 1 or more"):
        list(recogniser.run(toy_examples(["abc"]), batch_size=0))
    with pytest.raises(UsageError, match=r"--decoding\.method joint: this model has one head only; use ctc"):
        Decoding(DecodingConfig("joint"), ("ctc",))


@pytest.mark.skipif(not computes_bfloat16(), reason="this processor has no bfloat16")
def test_the_layer_of_the_ctc_head_runs_in_the_number_format_of_the_encoder(recogniser: Recogniser) -> None:
    """It is the largest of a model with many characters; texts and confidences stay what they are in float32."""
    seen: list[torch.dtype] = []
    assert recogniser.model.ctc is not None
    recogniser.model.ctc.output.register_forward_hook(lambda layer, inputs, output: seen.append(output.dtype))
    examples = toy_examples(["abc", "gfedcba"])
    found = [
        [result.hypotheses["ctc"] for result in replace(recogniser.by("ctc"), dtype=dtype).run(examples)]
        for dtype in (torch.float32, torch.bfloat16)
    ]
    assert seen == [torch.float32, torch.bfloat16]
    for full, half in zip(*found, strict=True):
        assert full.text == half.text and full.confidence == pytest.approx(half.confidence, abs=0.01)
