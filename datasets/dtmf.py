"""synth:dtmf: telephone keypad tones in noise -> digits, a real code made on the fly.

Tones after ITU-T Q.23 (two frequencies for each key), with the tolerances of Q.24 and more noise than it allows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from scriba.core.errors import UsageError, nearest
from scriba.core.example import Example, Samples

RATE = 8000
LOW = (697.0, 770.0, 852.0, 941.0)
HIGH = (1209.0, 1336.0, 1477.0)
KEYS = {"1": (0, 0), "2": (0, 1), "3": (0, 2), "4": (1, 0), "5": (1, 1)} | {
    "6": (1, 2), "7": (2, 0), "8": (2, 1), "9": (2, 2), "0": (3, 1)
}  # fmt: skip
"""Row and column of each digit on the keypad."""
SIZES = {"train": 2000, "dev": 200, "test": 200}

Wave = NDArray[np.float64]


class DtmfSource(Sequence[Example]):
    """Keypad tones; example i is a pure function of split and i.

    Args:
        split: train, dev or test; each has seeds of its own.
        size: Number of examples.

    Raises:
        UsageError: There is no such split.
    """

    def __init__(self, split: str = "train", size: int | None = None) -> None:
        if split not in SIZES:
            raise UsageError(f"synth:dtmf:{split}: the splits are {', '.join(SIZES)}.{nearest(split, SIZES)}")
        self.split = split
        self.size = SIZES[split] if size is None else size

    def __len__(self) -> int:
        return self.size

    def __iter__(self) -> Iterator[Example]:
        return (self[i] for i in range(self.size))

    def __getitem__(self, index: int) -> Example:  # type: ignore[override]
        if not -self.size <= index < self.size:
            raise IndexError(index)
        index %= self.size
        rng = np.random.default_rng([list(SIZES).index(self.split), index])
        digits = "".join(rng.choice(list(KEYS), rng.integers(3, 13)))
        wave, spans = dial(digits, rng)
        samples = Samples(degrade(wave, rng).astype(np.float32), RATE)
        return Example(f"dtmf-{self.split}-{index}", samples, digits, {"spans": spans})


def dial(digits: str, rng: np.random.Generator) -> tuple[Wave, list[tuple[float, float]]]:
    """Return the clean tones of digits at 8 kHz, and start and end of each in seconds.

    Tones last 50 to 150 ms and pauses 40 to 200 ms; the two frequencies of a tone differ in loudness by up to 6 dB
    and are off by up to 1.5 %.
    """
    tones = rng.uniform(0.05, 0.15, len(digits))
    pauses = rng.uniform(0.04, 0.2, len(digits) + 1)
    ends = np.cumsum(pauses[:-1] + tones)
    starts = ends - tones
    wave = np.zeros(round((ends[-1] + pauses[-1]) * RATE))
    for digit, start, end in zip(digits, starts, ends, strict=True):
        time = np.arange(round(start * RATE), round(end * RATE)) / RATE
        row, column = KEYS[digit]
        twist = 10 ** rng.uniform(-0.15, 0.15)
        for frequency, loudness in ((LOW[row], twist), (HIGH[column], 1 / twist)):
            exact = frequency * rng.uniform(0.985, 1.015)
            phase = rng.uniform(0, 2 * np.pi)
            wave[round(start * RATE) : round(end * RATE)] += loudness * np.sin(2 * np.pi * exact * time + phase)
    return wave, [(float(start), float(end)) for start, end in zip(starts, ends, strict=True)]


def degrade(wave: Wave, rng: np.random.Generator) -> Wave:
    """Add white noise at 0 to 20 dB below the tones, mains hum and clicks, at a random level."""
    noise = rng.standard_normal(len(wave)) * 10 ** (-rng.uniform(0, 20) / 20)
    hum = rng.uniform(0, 0.1) * np.sin(2 * np.pi * 50 * np.arange(len(wave)) / RATE)
    clicks = (rng.random(len(wave)) < 2e-4) * rng.uniform(-3, 3, len(wave))
    loud = wave + noise + hum + clicks
    return loud * rng.uniform(0.1, 0.9) / np.abs(loud).max()
