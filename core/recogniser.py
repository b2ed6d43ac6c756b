"""A model in use: batches of examples in, hypotheses out, one result for each example in its order."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice

import torch
from torch import Tensor

from scriba.core.data import pack_by_length, pad_inputs
from scriba.core.errors import InputError, UsageError
from scriba.core.example import Example
from scriba.core.inputs import Inputs
from scriba.core.model import Memory, Seq2Seq
from scriba.core.precision import autocast
from scriba.core.search import Decoding, Hypothesis, Method, align_text, decode
from scriba.core.text import Tokenizer

LOOKAHEAD = 16
"""Batches that are read together by default, so that inputs of similar length meet."""


@dataclass(frozen=True)
class Result:
    """What became of one example.

    Attributes:
        example: The example.
        extent: Its length in the app's unit; 0 if it could not be read.
        seconds: Time spent on it; a batch is shared out by length.
        hypotheses: One for each method asked for; empty if it could not be read.
        error: Why it could not be read.
    """

    example: Example
    extent: float
    seconds: float
    hypotheses: Mapping[Method, Hypothesis]
    error: InputError | None = None

    @property
    def hypothesis(self) -> Hypothesis:
        """That of the first method asked for; an empty one if it could not be read."""
        return next(iter(self.hypotheses.values()), Hypothesis("", 0.0))


@dataclass(frozen=True)
class Recogniser:
    """A model with what it needs to be used.

    Attributes:
        inputs: Prepares inputs.
        model: The model, in evaluation mode, on `device`.
        tokenizer: Turns ids into text.
        decoding: How text is found.
        device: Where the model is.
        dtype: Number format of convolutions, recurrent layers and the layer of the CTC head.
        max_batch_frames: Frames in a batch at most, padding included.
    """

    inputs: Inputs
    model: Seq2Seq
    tokenizer: Tokenizer
    decoding: Decoding
    device: torch.device
    dtype: torch.dtype
    max_batch_frames: int = 60000

    @property
    def position_size(self) -> float | None:
        """Extent of one encoder position in the unit of the inputs, or None where positions have no such place."""
        subsampling = self.model.encoder.subsampling
        return None if subsampling is None else self.inputs.frame_size * subsampling

    def by(self, method: Method) -> Recogniser:
        """Return the same, decoding another head or both."""
        return replace(self, decoding=self.decoding.by(method))

    @torch.inference_mode()
    def encode(self, inputs: Sequence[Tensor]) -> Memory:
        """Encode prepared inputs as one batch."""
        padded, lengths_B = pad_inputs(inputs)
        with autocast(self.device, self.dtype):
            return self.model.encode(padded.to(self.device), lengths_B.to(self.device))

    @torch.inference_mode()
    def align(self, example: Example) -> Hypothesis:
        """Return the text of an example with the places of its tokens and words.

        Raises:
            InputError: The input cannot be used, or its text does not fit it.
            UsageError: The model has no CTC head.
        """
        if self.model.ctc is None:
            raise UsageError("this model has no CTC head, which aligning needs; choose another --model.")
        memory = self.encode([self.inputs.prepare(example)])
        log_probs_TV = self.model.ctc(memory)[0, : int(self.model.ctc.lengths(memory)[0])].cpu()
        size = None if self.position_size is None else self.position_size / self.model.ctc.rate
        return align_text(log_probs_TV, example.texts[0], self.tokenizer, size, example.name)

    def run(
        self,
        examples: Iterable[Example],
        *,
        methods: Sequence[Method] | None = None,
        batch_size: int = 16,
        keep_attention: bool = False,
        lookahead: int = LOOKAHEAD,
    ) -> Iterator[Result]:
        """Recognise examples, in batches of similar length; results come in the order of the examples.

        An example that cannot be read gives a result with its error, and the rest go on.

        Args:
            examples: Any number of them; only a few batches are held at a time.
            methods: Heads to decode; by default that of the decoding.
            batch_size: Examples in a batch at most.
            keep_attention: Put attention weights into the hypotheses.
            lookahead: Batches that are read together, while those before are computed.

        Raises:
            UsageError: The batch size is no number of examples.
        """
        if batch_size < 1:
            raise UsageError(f"--batch_size {batch_size}: give 1 or more.")
        job = _Job(self, [self.decoding.by(m) for m in methods or [self.decoding.method]], keep_attention)
        stream = iter(examples)
        if batch_size == 1:
            for example in stream:
                (result, inputs) = job.read(example)
                yield result if inputs is None else job.finish([result], [inputs])[0]
            return
        with worker_pools(self.device) as (readers, computers):

            def read_some() -> Iterator[tuple[Result, Tensor | None]]:
                return readers.map(job.read, islice(stream, batch_size * lookahead))

            reading = read_some()
            while read := list(reading):
                begun = self._begin(read, job, batch_size, computers)
                try:
                    reading = read_some()  # while these are computed
                finally:  # where the examples end in an error, what came before it is not lost
                    yield from begun

    def _begin(
        self, read: Sequence[tuple[Result, Tensor | None]], job: _Job, batch_size: int, computers: Executor
    ) -> Iterator[Result]:
        """Begin to compute on what was read; return the results, waited for as they are asked for."""
        results = {i: result for i, (result, _) in enumerate(read)}
        inputs = {i: tensor for i, (_, tensor) in enumerate(read) if tensor is not None}
        order = sorted(inputs, key=lambda i: -len(inputs[i]))  # long ones first: the threads finish together
        lengths = [len(inputs[i]) for i in order]
        batches = [order[batch] for batch in pack_by_length(lengths, batch_size, self.max_batch_frames)]
        done = computers.map(lambda rows: job.finish([results[i] for i in rows], [inputs[i] for i in rows]), batches)
        return _in_order(results, batches, done)


def _in_order(
    results: dict[int, Result], batches: Sequence[Sequence[int]], done: Iterable[Sequence[Result]]
) -> Iterator[Result]:
    for rows, finished in zip(batches, done, strict=True):
        results |= zip(rows, finished, strict=True)
    yield from (results[i] for i in range(len(results)))


@contextmanager
def worker_pools(device: torch.device) -> Iterator[tuple[Executor, Executor]]:
    """Yield threads that read inputs and threads that compute on whole batches, one core for each.

    On a CPU as many compute as there are cores: models of this size leave a second core idle most of the time when
    it has to share in every single operation. A GPU is kept busy by one.
    """
    threads = torch.get_num_threads()

    def pool(size: int) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(size, initializer=torch.set_num_threads, initargs=(1,))

    try:
        with pool(threads) as readers, pool(threads if device.type == "cpu" else 1) as computers:
            yield readers, computers
    finally:
        torch.set_num_threads(threads)  # threads that begin later take the number that was set last


@dataclass(frozen=True)
class _Job:
    """What is done with each example, in whichever thread."""

    recogniser: Recogniser
    decodings: Sequence[Decoding]
    keep_attention: bool

    def read(self, example: Example) -> tuple[Result, Tensor | None]:
        """Prepare an input; None if it cannot be read."""
        start = time.perf_counter()
        inputs = self.recogniser.inputs
        try:
            frames = inputs.prepare(example)
        except InputError as error:
            return Result(example, 0.0, time.perf_counter() - start, {}, error), None
        return Result(example, len(frames) * inputs.frame_size, time.perf_counter() - start, {}), frames

    @torch.inference_mode()
    def finish(self, results: Sequence[Result], inputs: Sequence[Tensor]) -> list[Result]:
        """Encode and decode a batch, and return its results with their hypotheses."""
        start = time.perf_counter()
        recogniser = self.recogniser
        memory = recogniser.encode(inputs)
        tokenizer, size = recogniser.tokenizer, recogniser.position_size
        found: dict[Method, list[Hypothesis]] = {
            decoding.method: decode(
                recogniser.model, memory, tokenizer, decoding, size, self.keep_attention, recogniser.dtype
            )
            for decoding in self.decodings
        }
        rate = (time.perf_counter() - start) / sum(map(len, inputs))
        return [
            replace(
                result,
                seconds=result.seconds + rate * len(x),
                hypotheses={method: hypotheses[b] for method, hypotheses in found.items()},
            )
            for b, (result, x) in enumerate(zip(results, inputs, strict=True))
        ]
