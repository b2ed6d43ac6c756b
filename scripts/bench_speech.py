"""Speed and error rate of a speech model: in batches and file by file, in float32 and bfloat16, in one run.

    python scripts/bench_speech.py asr-an4-en an4/test.jsonl

prints a table with medians over --repeats; the real-time factor is seconds of work per second of audio, reading and
features included.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time

import torch

from scriba.commands import open_named
from scriba.core.metrics import error_rates
from scriba.core.precision import Precision
from scriba.core.search import DecodingConfig, Method
from scriba.loading import build_recogniser, open_bundle, read_config


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("data")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--batch_sizes", type=int, nargs="+", default=[16, 1])
    options = parser.parse_args()
    bundle = open_bundle(options.model)
    examples = list(open_named(options.data, "audio", "test").examples)
    references = [str(example.target) for example in examples]
    print(f"{len(examples)} recordings, {torch.get_num_threads()} threads, medians of {options.repeats} runs\n")
    print("| precision | head | batch | real-time factor | spread | CER % | WER % |")
    print("| --- " * 7 + "|")
    precisions: tuple[Precision, Precision] = ("float32", "bfloat16")
    methods: tuple[Method, Method] = ("ctc", "attention")
    cases = list(itertools.product(precisions, methods, options.batch_sizes))
    recognisers = {p: build_recogniser(bundle, read_config(bundle), "cpu", p) for p in precisions}
    factors: dict[tuple[Precision, Method, int], list[float]] = {case: [] for case in cases}
    rates = {}
    for _ in range(options.repeats + 1):  # the first round warms up
        for case in cases:
            precision, method, batch_size = case
            start = time.perf_counter()
            decoding = DecodingConfig(method)
            results = list(recognisers[precision].run(examples, decoding, batch_size=batch_size))
            factors[case].append((time.perf_counter() - start) / sum(result.extent for result in results))
            rates[case] = error_rates(references, [result.hypotheses[decoding.method].text for result in results])
    for case in cases:
        measured = factors[case][1:]
        spread = f"{min(measured):.4f} to {max(measured):.4f}"
        scores = f"{rates[case]['cer']:.2f} | {rates[case]['wer']:.2f}"
        print(f"| {case[0]} | {case[1]} | {case[2]} | {statistics.median(measured):.4f} | {spread} | {scores} |")


if __name__ == "__main__":
    main()
