"""Results come in the order of the examples, whatever became of them and however many threads share the work."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch
from toy import ToyTask, toy_example, toy_examples

from scriba.core.attention import AttentionConfig
from scriba.core.decoder import DecoderConfig
from scriba.core.example import Example
from scriba.core.model import ModelConfig, build_model
from scriba.core.recogniser import Recogniser
from scriba.core.search import DecodingConfig, Method
from scriba.core.tokenizer import CharTokenizer

TOKENIZER = CharTokenizer("abcdefgh ")


@pytest.fixture
def recogniser() -> Recogniser:
    torch.manual_seed(0)
    config = ModelConfig(AttentionConfig(size=8), DecoderConfig(size=8, embedding_size=4))
    task = ToyTask()
    model = build_model(config, task.build_encoder(), len(TOKENIZER)).eval()
    return Recogniser(task, model, TOKENIZER, torch.device("cpu"), torch.float32)


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
        results = list(recogniser.run(examples, DecodingConfig(method), batch_size=batch_size))
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

    stream = recogniser.run(examples(), DecodingConfig("ctc"), batch_size=2, lookahead=3)
    assert [len(taken) for _ in stream] == [*[12] * 6, *[18] * 6, *[24] * 6, *[30] * 12]


@pytest.mark.usefixtures("threads")
def test_an_error_of_the_source_loses_nothing_before_it(recogniser: Recogniser) -> None:
    """Results of all chunks that were complete come before the error."""

    def examples() -> Iterator[Example]:
        yield from toy_examples(["abc"] * 20)
        raise ConnectionError("gone")

    found = []
    with pytest.raises(ConnectionError, match="gone"):
        for result in recogniser.run(examples(), DecodingConfig("ctc"), batch_size=2, lookahead=3):
            found.append(result)
    assert len(found) == 18


@pytest.mark.usefixtures("threads")
def test_the_number_of_threads_is_left_as_it_was(recogniser: Recogniser) -> None:
    """Also for threads that begin afterwards, and when the results are not all taken."""
    torch.set_num_threads(3)
    stream = recogniser.run(toy_examples(["abc"] * 50), DecodingConfig("ctc"), batch_size=2)
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    seen: list[int] = []
    late = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
    late.start()
    late.join()
    assert seen == [3] and torch.get_num_threads() == 3
