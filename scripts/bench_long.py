"""Join recordings to one that lasts an hour, with silences of random length, and compare it with its parts.

    python scripts/bench_long.py an4/test.jsonl --model asr-an4-en

prints the WER of the parts recognised singly, that of the long recording, and the peak memory of the latter.
"""

import argparse
import json
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

import scriba
from scriba.asr.audio import read_waveform
from scriba.core.example import Example
from scriba.core.scores import error_rates
from scriba.datasets.source import open_source

RATE = 16000


def join(examples: list[Example], seconds: float, seed: int, path: Path) -> list[Example]:
    """Write a recording of that length, of parts in random order with 0.3 to 4 s of silence after each."""
    rng = np.random.default_rng(seed)
    used: list[Example] = []
    order: list[int] = []
    written = 0
    with soundfile.SoundFile(path, "w", RATE, 1) as file:
        while written < seconds * RATE:
            order = order or rng.permutation(len(examples)).tolist()
            used.append(examples[order.pop()])
            silence = rng.normal(0, 1e-4, int(rng.uniform(0.3, 4.0) * RATE))  # next to nothing
            for part in (read_waveform(used[-1], RATE, 600.0).numpy(), silence):
                file.write(part)
                written += len(part)
    return used


def transcribe(model: str, path: str, decoding: dict[str, Any]) -> dict[str, Any]:
    """Recognise a recording in a process of its own; returns text, seconds and peak memory."""
    recogniser = scriba.load(model, **decoding)
    start = time.perf_counter()
    text = recogniser.transcribe(path).text
    seconds = time.perf_counter() - start
    return {"text": text, "seconds": seconds, "MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", help="source of the recordings")
    parser.add_argument("--model", default="asr-an4-en", help="bundle (default: %(default)s)")
    parser.add_argument("--minutes", type=float, default=60.0, help="length of the recording (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of order and silences (default: %(default)s)")
    parser.add_argument("--decoding", type=json.loads, default={}, help='options of decoding: {"beam_size": 8}')
    parser.add_argument("--texts", type=Path, help="file to write both texts of the long recording to")
    options = parser.parse_args()
    examples = list(open_source(options.source, media="audio", default_split="test"))
    singly = scriba.load(options.model, **options.decoding)
    texts = {e.id: r.hypothesis.text for e, r in zip(examples, singly.transcribe_all(examples), strict=True)}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.flac"
        used = join(examples, 60 * options.minutes, options.seed, path)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            whole = pool.apply(transcribe, (options.model, str(path), options.decoding))
        seconds = soundfile.info(path).duration
    said = [str(e.target) for e in used]
    parts = error_rates(said, [texts[e.id] for e in used])["wer"]
    long = error_rates([" ".join(said)], [whole["text"]])["wer"]
    if options.texts:
        options.texts.write_text(f"{' '.join(said)}\n{whole['text']}\n", encoding="utf-8")
    print(f"{len(used)} utterances, {seconds / 60:.1f} min: WER {parts:.2f} % singly, {long:.2f} % as one")
    print(f"{whole['seconds']:.1f} s of work, peak memory {whole['MiB']:.0f} MiB")


if __name__ == "__main__":
    main()
