"""Calibrate the word confidences of a model on dev, and show on test what they mean before and after.

    python scripts/calibrate.py asr-an4-en an4/dev.jsonl --test an4/test.jsonl --plot docs/reliability.png --write

--write keeps the temperature in the bundle's config; decoding options are those of the bundle unless given as JSON.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from matplotlib.figure import Figure

from scriba.commands import open_named
from scriba.core.calibration import calibrated, calibration_error, fit_temperature, reliability, right_words
from scriba.core.files import write_json
from scriba.core.metrics import normalisation
from scriba.loading import app_of, build_recogniser, open_bundle, read_config

Words = tuple[list[float], list[bool]]


def recognise(model: str, data: str, decoding: dict[str, object], normalise: str) -> Words:
    """Return the confidence of every word that is found, uncalibrated, and whether it is right."""
    bundle = open_bundle(model)
    config = read_config(bundle, {"decoding": {**decoding, "temperature": 1.0}})
    recogniser = build_recogniser(bundle, config, "auto", "auto", config.decoding.lm)
    examples = list(open_named(data, app_of(bundle).MEDIA, "test").examples)
    simplify = normalisation(normalise)
    confidences, right = list[float](), list[bool]()
    for result in recogniser.run(examples, config.decoding):
        if result.error is None:
            words = result.hypotheses[config.decoding.method].words
            confidences += [word.confidence for word in words]
            text = " ".join(simplify(word.text) or word.text for word in words)
            right += right_words(simplify(result.example.texts[0]), text)
    return confidences, right


def plot(path: Path, words: Words, temperature: float) -> None:
    """Draw how often words of each confidence are right, before and after."""
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    titles = {"as the model says": 1.0, f"calibrated, temperature {temperature:.2f}": temperature}
    for i, (title, value) in enumerate(titles.items()):
        confidences = calibrated(words[0], value)
        axes = figure.add_subplot(1, 2, i + 1)
        rows = reliability(confidences, words[1])
        axes.plot([0, 1], [0, 1], color="grey", linestyle=":")
        axes.plot([r[0] for r in rows], [r[1] for r in rows], "o-")
        for mean, share, count in rows:
            axes.annotate(str(count), (mean, share), textcoords="offset points", xytext=(4, -12), fontsize=8)
        error = calibration_error(confidences, words[1])
        axes.set(title=f"{title}: error {error:.1f} %", xlabel="confidence of a word", ylabel="share that is right")
        axes.set(xlim=(0, 1.02), ylim=(0, 1.02))
    figure.savefig(path, dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="bundle")
    parser.add_argument("dev", help="source that the temperature is fitted on")
    parser.add_argument("--test", help="source that is shown")
    parser.add_argument("--plot", type=Path, help="reliability diagram of --test")
    parser.add_argument("--decoding", type=json.loads, default={}, help='options of decoding: {"method": "joint"}')
    parser.add_argument("--normalise", default="none", help="normalisation of texts (default: %(default)s)")
    parser.add_argument("--write", action="store_true", help="keep the temperature in the bundle")
    options = parser.parse_args()
    confidences, right = recognise(options.model, options.dev, options.decoding, options.normalise)
    temperature = round(fit_temperature(confidences, right), 3)
    shown = {"dev": (confidences, right)}
    if options.test:
        shown["test"] = recognise(options.model, options.test, options.decoding, options.normalise)
    for name, words in shown.items():
        before = calibration_error(words[0], words[1])
        after = calibration_error(calibrated(words[0], temperature), words[1])
        print(f"{name}: {len(words[1])} words, calibration error {before:.2f} % before, {after:.2f} % after")
    print(f"temperature {temperature}")
    if options.plot:
        plot(options.plot, shown["test" if options.test else "dev"], temperature)
    if options.write:
        path = open_bundle(options.model).path / "config.json"
        config = json.loads(path.read_text(encoding="utf-8"))
        config["decoding"] = {**config.get("decoding", {}), **options.decoding, "temperature": temperature}
        write_json(path, config)


if __name__ == "__main__":
    main()
