"""Make the example recordings of the demo: spoken by espeak-ng (Debian: apt-get install espeak-ng).

    python scripts/make_recordings.py

writes *.flac and metadata.jsonl into scripts/examples/speech. The sentences are our own, in the manner of
the AN4 task (spelled words, numbers, dates, commands).
"""

import io
import json
import subprocess
from pathlib import Path

import soundfile
import torch
import torchaudio.functional as AF

FOLDER = Path(__file__).resolve().parent / "examples" / "speech"
RATE = 16000
SENTENCES = {
    "spelled": ("s c r i b e", "s. c. r. i. b. e."),
    "number": ("four one seven nine two", "four, one, seven, nine, two"),
    "date": ("october twenty third nineteen sixty four", "october twenty third, nineteen sixty four"),
    "command": ("enter seven eight two", "enter, seven, eight, two"),
    "address": ("two hundred and twelve", "two hundred and twelve"),
    "erase": ("rubout g four six", "rubout, g., four, six"),
}
"""Text of each recording, and how espeak-ng is told to say it (a pause after each letter or digit)."""


def speak(text: str, voice: str = "en-us", speed: int = 130, pitch: int = 45) -> torch.Tensor:
    """Return espeak-ng's speech at 16 kHz; speed is in words a minute."""
    command = ["espeak-ng", "-v", voice, "-s", str(speed), "-p", str(pitch), "--stdout", text]
    wave = subprocess.run(command, check=True, capture_output=True).stdout
    samples, rate = soundfile.read(io.BytesIO(wave), dtype="float32")
    return AF.resample(torch.from_numpy(samples), rate, RATE)


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    rows = []
    for name, (text, said) in SENTENCES.items():
        soundfile.write(FOLDER / f"{name}.flac", speak(said).numpy(), RATE, subtype="PCM_16")
        rows.append(json.dumps({"file_name": f"{name}.flac", "text": text}))
    (FOLDER / "metadata.jsonl").write_text("\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
