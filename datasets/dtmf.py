"""synth:dtmf: telephone keypad tones in noise -> digits, a real code made on the fly.

Tones after ITU-T Q.23 (two frequencies for each key), with the tolerances of Q.24 and more noise than it allows.
"""

import numpy as np
from numpy.typing import NDArray

from scriba.core.example import Example, Samples
from scriba.datasets.synthetic import Recipe

RATE = 8000
LOW = (697.0, 770.0, 852.0, 941.0)
HIGH = (1209.0, 1336.0, 1477.0)
KEYS = {digit: divmod(i, 3) for i, digit in enumerate("123456789")} | {"0": (3, 1)}
"""Row and column of each digit on the keypad."""

Wave = NDArray[np.float64]


def make_example(id: str, rng: np.random.Generator, split: str) -> Example:
    """Make a recording of 3 to 12 digits; `extra` holds their true times."""
    digits = "".join(rng.choice(list(KEYS), rng.integers(3, 13)))
    wave, spans = dial(digits, rng)
    return Example(id, Samples(degrade(wave, rng).astype(np.float32), RATE), digits, {"spans": spans})


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


DTMF = Recipe("dtmf", "audio", {"train": 2000, "dev": 200, "test": 200}, make_example)
