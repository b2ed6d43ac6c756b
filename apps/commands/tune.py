"""Choosing how a model decodes, for every app: a table of searches on dev, and the best of them."""

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from scriba.commands.options import MODEL, DecodingOptions, keep_decoding, parse_for_model
from scriba.core.command import build_parser, program, show
from scriba.core.errors import InputError, UsageError
from scriba.core.example import Example
from scriba.core.ranges import Count, NotNegative, Real, Share
from scriba.core.recogniser import Recogniser
from scriba.core.scores import Scores, unit_of
from scriba.core.search import Decoding, DecodingConfig, Method
from scriba.core.text import normalisation
from scriba.core.training import App, score_results
from scriba.loading import open_recogniser, read_config
from scriba.sources import read_examples

VARIED = ("ctc_weight", "lm_weight", "length_bonus", "length_penalty", "consensus")
"""Options of a search, several values of which can be compared."""
POSITIONALS = {
    "model": MODEL,
    "data": "Source to choose on, which is not the one that results are reported on.",
}


@dataclass(frozen=True)
class TuneConfig(DecodingOptions):
    """Options of tuning.

    Args:
        data: Source to choose on, which is not the one that results are reported on.
        methods: Heads to decode; by default each and both.
        beams: Beam sizes.
        ctc_weight: Values of decoding.ctc_weight; by default that of the model. So with the others.
        lm_weight: Values of decoding.lm_weight; with decoding.lm every case is tried without it, too.
        length_bonus: Values of decoding.length_bonus.
        length_penalty: Values of decoding.length_penalty.
        consensus: Values of decoding.consensus.
        decoding: What is not varied; defaults are those of the model.
        normalise: Normalisation of texts before scoring.
        limit: Use only the first so many examples, or null.
        write: Keep the best in the model.
    """

    data: str = ""
    methods: list[Method] = field(default_factory=list)
    beams: list[Count] = field(default_factory=lambda: [1, 4, 8])
    ctc_weight: list[Share] = field(default_factory=list)
    lm_weight: list[Real] = field(default_factory=list)
    length_bonus: list[Real] = field(default_factory=list)
    length_penalty: list[Real] = field(default_factory=list)
    consensus: list[NotNegative] = field(default_factory=list)
    normalise: str = "none"
    limit: Count | None = None
    write: bool = False


def tune(app: App[Any, Any], description: str) -> Callable[..., int]:
    """Return the command `scriba APP tune`, with the first lines of its help."""

    def body(words: Sequence[str]) -> int:
        parser = build_parser(f"scriba {app.name} tune", description, TuneConfig, positionals=POSITIONALS)
        bundle, options = parse_for_model(parser, TuneConfig, words, app.name)
        recogniser = open_recogniser(bundle, options.decoding, options.device, options.precision)
        examples, _ = read_examples(options.data, app.media, "dev", options.limit)
        best = compare(recogniser, examples, app.scores, options)
        print()
        show(f"best: {command_line(best, read_config(bundle).decoding)}")
        if options.write:
            keep_decoding(bundle, best)
        return 0

    return program(body)


def compare(recogniser: Recogniser, examples: Sequence[Example], scores: Scores, options: TuneConfig) -> DecodingConfig:
    """Print a table of searches, and return the one of the best score; of several, the first.

    The speed is seconds of work per unit of input, from files to texts, in batches; per million units where that is
    less than the length of a second.

    Raises:
        InputError: No example can be read.
    """
    unit, found = recogniser.inputs.unit, list[tuple[float, DecodingConfig]]()
    scale, per = (1.0, unit) if unit == "s" else (1e6, f"million {unit}")
    heads = " | ".join(f"{name}{unit_of(name)}" for name in scores.shown)
    print(f"| search | beam | language model | weights | {heads} | seconds per {per} |")
    print("| --- " * (5 + len(scores.shown)) + "|")
    list(recogniser.run(examples[:32], batch_size=options.batch_size))  # warms the libraries
    for decoding in cases(recogniser, options):
        start = time.perf_counter()
        results = list(replace(recogniser, decoding=decoding).run(examples, batch_size=options.batch_size))
        seconds = time.perf_counter() - start
        scored = score_results(results, decoding.method, scores, normalisation(options.normalise))
        if not scored.results:
            raise InputError(f"{options.data}: no example can be read; see `scriba data check`.")
        chosen = decoding.options
        used = [n for n in VARIED if getattr(chosen, n) and (n != "ctc_weight" or decoding.method == "joint")]
        weights = ", ".join(f"{name} {getattr(chosen, name):g}" for name in used)
        cells = [decoding.method, chosen.beam_size, "yes" if chosen.lm_weight else "", weights]
        cells += [f"{scored.scores[name]:.2f}" for name in scores.shown]
        rate = scale * seconds / sum(result.extent for result in scored.results)
        print("|", *(f"{cell} |" for cell in [*cells, f"{rate:.4f}"]), flush=True)
        found.append((scored.scores[scores.shown[0]], chosen))
    return (max if scores.higher_is_better else min)(found, key=lambda case: case[0])[1]


def cases(recogniser: Recogniser, options: TuneConfig) -> Iterator[Decoding]:
    """Yield the searches to compare; what a search does not use is not varied."""
    default, heads = recogniser.decoding.options, recogniser.model.heads
    methods: list[Method] = options.methods or [*heads, *(["joint"] if len(heads) > 1 else [])]  # type: ignore[list-item]
    values = {name: getattr(options, name) or [getattr(default, name)] for name in VARIED}
    if any(options.lm_weight) and not default.lm:
        raise UsageError(f"--lm_weight {options.lm_weight}: name the language model with --decoding.lm.")
    with_lm = [False, True] if default.lm and any(values["lm_weight"]) else [False]
    seen = set[DecodingConfig]()
    for method, beam_size, lm in itertools.product(methods, options.beams, with_lm):
        for chosen in itertools.product(*values.values()):
            weights = dict(zip(VARIED, chosen, strict=True))
            if method != "joint":
                weights["ctc_weight"] = default.ctc_weight
            if not lm:
                weights["lm_weight"], weights["lm"] = 0.0, None
                weights["length_bonus"] = 0.0 if len(with_lm) > 1 else weights["length_bonus"]
            if beam_size < 3:
                weights["consensus"] = 0.0
            n_best = min(default.n_best, beam_size)
            config = replace(default, method=method, beam_size=beam_size, n_best=n_best, **weights)
            if config not in seen:
                seen.add(config)
                yield replace(recogniser.decoding, options=config)


def command_line(chosen: DecodingConfig, default: DecodingConfig) -> str:
    """Return the options that make one search of another."""
    names = [f.name for f in fields(chosen) if getattr(chosen, f.name) != getattr(default, f.name)]
    values = ((n, "null" if getattr(chosen, n) is None else getattr(chosen, n)) for n in names)
    return " ".join(f"--decoding.{n} {value}" for n, value in values) or "as the model decodes already"
