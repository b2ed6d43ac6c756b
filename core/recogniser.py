"""A model in use: batches of examples in, hypotheses out, one result for each example in its order."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import torch
from torch import Tensor

from scriba.core.batching import pack_by_length, pad_inputs
from scriba.core.errors import InputError
from scriba.core.example import Example
from scriba.core.hypothesis import Hypothesis
from scriba.core.memory import Memory
from scriba.core.model import Seq2Seq
from scriba.core.precision import autocast
from scriba.core.search import DecodingConfig, Method, available_methods, decode
from scriba.core.task import Task
from scriba.core.tokenizer import Tokenizer

LOOKAHEAD = 16
"""Batches that are read together, so that inputs of similar length meet."""


@dataclass(frozen=True)
class Result:
    """What became of one example.

    Attributes:
        example: The example.
        extent: Its length in the task's unit; 0 if it could not be read.
        seconds: Time spent on it; a batch is shared out by length.
        hypotheses: One for each method asked for; empty if it could not be read.
        error: Why it could not be read.
    """

    example: Example
    extent: float
    seconds: float
    hypotheses: Mapping[Method, Hypothesis]
    error: InputError | None = None


@dataclass(frozen=True)
class Recogniser:
    """A model with what it needs to be used.

    Attributes:
        task: Prepares inputs.
        model: The model, in evaluation mode, on `device`.
        tokenizer: Turns ids into text.
        device: Where the model is.
        dtype: Number format of convolutions and recurrent layers.
        max_batch_frames: Frames in a batch at most, padding included.
    """

    task: Task
    model: Seq2Seq
    tokenizer: Tokenizer
    device: torch.device
    dtype: torch.dtype
    max_batch_frames: int = 60000

    @property
    def methods(self) -> tuple[Method, ...]:
        """Methods the model has a head for."""
        return available_methods(self.model)

    @torch.inference_mode()
    def encode(self, inputs: Sequence[Tensor]) -> Memory:
        """Encode prepared inputs as one batch."""
        padded, lengths_B = pad_inputs(inputs)
        with autocast(self.device, self.dtype):
            return self.model.encode(padded.to(self.device), lengths_B.to(self.device))

    @torch.inference_mode()
    def run(
        self,
        examples: Iterable[Example],
        decoding: DecodingConfig,
        *,
        methods: Sequence[Method] | None = None,
        batch_size: int = 16,
        keep_attention: bool = False,
    ) -> Iterator[Result]:
        """Recognise examples, in batches of similar length; results come in the order of the examples.

        An example that cannot be read gives a result with its error, and the rest go on.

        Args:
            examples: Any number of them; only a few batches are held at a time.
            decoding: How text is found.
            methods: Heads to decode; by default `decoding.method`.
            batch_size: Examples in a batch at most.
            keep_attention: Put attention weights into the hypotheses.
        """
        methods = methods or [decoding.method]
        stream = iter(examples)
        while chunk := list(islice(stream, batch_size * LOOKAHEAD if batch_size > 1 else 1)):
            yield from self._run_chunk(chunk, decoding, methods, batch_size, keep_attention)

    def _run_chunk(
        self,
        chunk: Sequence[Example],
        decoding: DecodingConfig,
        methods: Sequence[Method],
        batch_size: int,
        keep_attention: bool,
    ) -> list[Result]:
        results: dict[int, Result] = {}
        inputs: dict[int, Tensor] = {}
        for i, example in enumerate(chunk):
            start = time.perf_counter()
            try:
                inputs[i] = self.task.prepare(example)
                extent = len(inputs[i]) * self.task.frame_size
                results[i] = Result(example, extent, time.perf_counter() - start, {})
            except InputError as error:
                results[i] = Result(example, 0.0, time.perf_counter() - start, {}, error)
        order = sorted(inputs, key=lambda i: len(inputs[i]))
        for batch in pack_by_length([len(inputs[i]) for i in order], batch_size, self.max_batch_frames):
            rows = order[batch]
            start = time.perf_counter()
            memory = self.encode([inputs[i] for i in rows])
            found: dict[Method, list[Hypothesis]] = {}
            for method in methods:
                config = replace(decoding, method=method)
                found[method] = decode(
                    self.model, memory, self.tokenizer, config, self.task.position_size, keep_attention
                )
            rate = (time.perf_counter() - start) / sum(len(inputs[i]) for i in rows)
            for b, i in enumerate(rows):
                seconds = results[i].seconds + rate * len(inputs[i])
                hypotheses = {method: found[method][b] for method in methods}
                results[i] = replace(results[i], seconds=seconds, hypotheses=hypotheses)
        return [results[i] for i in range(len(chunk))]
