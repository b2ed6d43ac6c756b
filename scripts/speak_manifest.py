"""Speak the texts of a manifest with espeak-ng, in many voices: more training data for the same texts.

    python scripts/speak_manifest.py train.jsonl runs/spoken      (Debian: apt-get install espeak-ng)

writes OUT/*.flac and OUT/metadata.jsonl. The plain voice en-us, that of the demo's recordings, is left out.
"""

import argparse
import json
import random
from pathlib import Path

import soundfile
from make_recordings import RATE, speak
from tqdm import tqdm

from scriba.datasets.manifest import Manifest

ACCENTS = ("en-us", "en-gb", "en-gb-x-rp", "en-gb-scotland")
VARIANTS = ("m1", "m2", "m3", "m4", "m5", "m7", "f1", "f2", "f3", "f4", "f5")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=400, help="recordings to make (default: 400)")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    texts = [str(example.target) for example in Manifest(options.manifest, "audio")]
    options.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for i in tqdm(range(options.count), desc="speaking"):
        text = rng.choice(texts)
        voice = f"{rng.choice(ACCENTS)}+{rng.choice(VARIANTS)}"
        words = [f"{word}." if len(word) == 1 else word for word in text.split()]  # letters are named, not read
        said = (", " if rng.random() < 0.5 else " ").join(words)  # with or without a pause after each word
        wave = speak(said, voice=voice, speed=rng.randint(100, 170), pitch=rng.randint(30, 70))
        soundfile.write(options.out / f"{i}.flac", wave.numpy(), RATE, subtype="PCM_16")
        rows.append(json.dumps({"id": f"{voice}-{i}", "file_name": f"{i}.flac", "text": text}))
    (options.out / "metadata.jsonl").write_text("\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
