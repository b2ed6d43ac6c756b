"""scriba model calibrate: confidences that mean what they say."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from matplotlib.figure import Figure

from scriba.commands.options import MODEL, DecodingOptions, keep_decoding, parse_for_model
from scriba.core.command import build_parser, parse_config, program, track
from scriba.core.errors import InputError
from scriba.core.files import check_writable, replacing
from scriba.core.recogniser import Recogniser
from scriba.core.scores import calibrated, calibration_error, fit_temperature, reliability, right_words
from scriba.core.text import normalisation
from scriba.loading import APPS, app_of, open_bundle, open_recogniser
from scriba.sources import read_examples

DESCRIPTION = """Fit the temperature of a model's word confidences on dev, so that of words with confidence 0.8 eight in
ten are right, and show what confidences mean before and after.

Example: scriba model calibrate asr-an4-en dev.jsonl --test test.jsonl --plot reliability.png
"""
POSITIONALS = {
    "model": MODEL,
    "data": "Source that the temperature is fitted on.",
}


@dataclass(frozen=True)
class CalibrateConfig(DecodingOptions):
    """Options of calibration.

    Args:
        data: Source that the temperature is fitted on.
        test: Another source that is shown, or null.
        plot: Reliability diagram to write, of the test source if there is one, or null.
        normalise: Normalisation of texts before they are compared.
        write: Keep the temperature, and how text is found, in the model.
    """

    data: str = ""
    test: str | None = None
    plot: str | None = None
    normalise: str = "none"
    write: bool = False


class Words(NamedTuple):
    """The words that were found: how sure of each, and whether it is right."""

    confidences: list[float]
    right: list[bool]


def _calibrate(argv: Sequence[str]) -> int:
    parser = build_parser("scriba model calibrate", DESCRIPTION, CalibrateConfig, positionals=POSITIONALS)
    app = app_of(open_bundle(parse_config(parser, CalibrateConfig, argv).model))
    if app.name not in APPS:
        raise InputError(f"{app.name}: is a language model, which has no confidences; choose another model.")
    bundle, options = parse_for_model(parser, CalibrateConfig, argv, app.name)
    check_writable(options.plot, "--plot")
    plain = replace(options.decoding, temperature=1.0)
    recogniser = open_recogniser(bundle, plain, options.device, options.precision)
    simplify = normalisation(options.normalise)
    named = [(options.data, "dev"), *([(options.test, "test")] if options.test else [])]
    words = [found_words(recogniser, name, app.media, split, simplify, options.batch_size) for name, split in named]
    temperature = round(fit_temperature(*words[0]), 3)
    for (name, _), (confidences, right) in zip(named, words, strict=True):
        before = calibration_error(confidences, right)
        after = calibration_error(calibrated(confidences, temperature), right)
        print(f"{name}: {len(right)} words, calibration error {before:.2f} % before, {after:.2f} % after")
    print(f"temperature {temperature}")
    if options.plot:
        with replacing(Path(options.plot)) as aside:
            draw(words[-1], temperature).savefig(aside, dpi=120, format=Path(options.plot).suffix.lstrip(".") or "png")
    if options.write:
        keep_decoding(bundle, replace(options.decoding, temperature=temperature))
    return 0


def found_words(
    recogniser: Recogniser, name: str, media: str, split: str, simplify: Callable[[str], str], batch_size: int
) -> Words:
    """Recognise the examples of a source and compare the words with those of its texts.

    Raises:
        InputError: No word is found.
    """
    examples, _ = read_examples(name, media, split)
    words = Words([], [])
    for result in track(recogniser.run(examples, batch_size=batch_size), name, len(examples)):
        if result.error is None:
            found = result.hypothesis.words
            words.confidences.extend(word.confidence for word in found)
            text = " ".join(simplify(word.text) or word.text for word in found)
            words.right.extend(right_words(simplify(result.example.texts[0]), text))
    if not words.right:
        raise InputError(f"{name}: no word is found in it, so there is nothing to calibrate by.")
    return words


def draw(words: Words, temperature: float) -> Figure:
    """Draw how often words of each confidence are right, before and after."""
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    titles = {"as the model says": 1.0, f"calibrated, temperature {temperature:.2f}": temperature}
    for i, (title, value) in enumerate(titles.items()):
        confidences = calibrated(words.confidences, value)
        axes = figure.add_subplot(1, 2, i + 1)
        rows = reliability(confidences, words.right)
        axes.plot([0, 1], [0, 1], color="grey", linestyle=":")
        axes.plot([r[0] for r in rows], [r[1] for r in rows], "o-")
        for mean, share, count in rows:
            axes.annotate(str(count), (mean, share), textcoords="offset points", xytext=(4, -12), fontsize=8)
        error = calibration_error(confidences, words.right)
        axes.set(title=f"{title}: error {error:.1f} %", xlabel="confidence of a word", ylabel="share that is right")
        axes.set(xlim=(0, 1.02), ylim=(0, 1.02))
    return figure


main = program(_calibrate)

if __name__ == "__main__":
    sys.exit(main())
