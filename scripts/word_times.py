"""Measure where forced alignment puts words: against true times where they are known, else against loudness.

    python scripts/word_times.py an4/test.jsonl --model asr-an4-en
    python scripts/word_times.py synth:dtmf:test:200 --model runs/dtmf/bundle

A source like synth:dtmf tells where each token lies: printed are the mean absolute errors of starts and ends. For other
recordings, a frame is speech where its loudness (25 ms, every 10 ms) lies above a threshold 35 % of the way from the
quiet to the loud frames, in decibels; pauses below 0.2 s, as of stop consonants, belong to speech. Printed is the share
of words whose start and end both lie in speech, or at most --tolerance from it, beside the share of all
frames that do.
"""

import argparse

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_closing, binary_dilation

from scriba.asr.audio import read_waveform
from scriba.core.search import TextSpan
from scriba.loading import open_bundle, open_recogniser
from scriba.sources import open_named

RATE = 16000
STEP = 160  # samples from frame to frame
WINDOW = 400
LEVEL = 0.35
PAUSE = 0.2  # seconds of quiet that are no pause yet

Mask = NDArray[np.bool_]


def speech(waveform: NDArray[np.float32], tolerance: float) -> Mask:
    """Return for each frame whether it is speech, or at most `tolerance` seconds from it."""
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(waveform, WINDOW // 2), WINDOW)[::STEP]
    decibels = 10 * np.log10(np.square(frames, dtype=np.float64).mean(1) + 1e-10)
    quiet, loud = np.percentile(decibels, [5, 95])
    loud_enough = decibels > quiet + LEVEL * (loud - quiet)
    closed = binary_closing(np.pad(loud_enough, 50), np.ones(round(PAUSE * RATE / STEP)))[50:-50]
    reach = round(tolerance * RATE / STEP)
    return binary_dilation(closed, np.ones(2 * reach + 1)) if reach else closed


def inside(word: TextSpan, mask: Mask) -> bool:
    """Tell whether a word begins and ends in speech."""
    assert word.start is not None and word.end is not None
    return all(mask[min(round(time * RATE / STEP), len(mask) - 1)] for time in (word.start, word.end))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", help="source of recordings with their texts")
    parser.add_argument("--model", default="asr-an4-en", help="bundle (default: %(default)s)")
    tolerance = "seconds beside speech that count as in it (default: %(default)s)"
    parser.add_argument("--tolerance", type=float, default=0.05, help=tolerance)
    options = parser.parse_args()
    recogniser = open_recogniser(open_bundle(options.model))
    late, found, masks = list[tuple[float, float]](), list[bool](), list[Mask]()
    for example in open_named(options.source, "audio", "test").examples:
        hypothesis = recogniser.align(example)
        if "spans" in example.extra:
            for token, (start, end) in zip(hypothesis.tokens, example.extra["spans"], strict=True):
                if token.start is not None and token.end is not None:
                    late.append((token.start - start, token.end - end))
        else:
            masks.append(speech(read_waveform(example, RATE, 600.0).numpy(), options.tolerance))
            found += [inside(word, masks[-1]) for word in hypothesis.words]
    if late:
        start, end = np.abs(late).mean(0) * 1000
        bias = np.mean(late, 0) * 1000
        print(f"{len(late)} tokens: starts are off by {start:.1f} ms on average, ends by {end:.1f} ms")
        print(f"(mean of the signed errors: {bias[0]:+.1f} ms and {bias[1]:+.1f} ms)")
    if found:
        share = 100 * np.concatenate(masks).mean()
        print(f"{len(found)} words: {100 * np.mean(found):.1f} % begin and end in speech; so do {share:.1f} % of all")


if __name__ == "__main__":
    main()
