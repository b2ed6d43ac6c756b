"""Scoring a model on data, for every app."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from scriba.commands.options import MODEL, DecodingOptions, open_for
from scriba.core.command import build_parser, program, say, track
from scriba.core.errors import InputError
from scriba.core.example import Example
from scriba.core.files import check_writable, write_json, write_text
from scriba.core.ranges import Count
from scriba.core.recogniser import Recogniser, Result
from scriba.core.scores import ErrorRates, Scores, unit_of
from scriba.core.text import UNK, Tokenizer, normalisation, plain_words
from scriba.core.training import App, methods_of, score_results
from scriba.sources import read_examples


@dataclass(frozen=True)
class EvalConfig(DecodingOptions):
    """Options of evaluation.

    Args:
        data: Source: a manifest, hf:NAME[:CONFIG[:SPLIT]] or synth:NAME.
        json: File to write the scores to, or null.
        texts: JSONL file to write every reference and result to, or null.
        normalise: Normalisation of texts before scoring.
        limit: Score only the first so many examples, or null.
        streaming: Read hf: sources as a stream.
    """

    data: str = ""
    json: str | None = None
    texts: str | None = None
    normalise: str = "none"
    limit: Count | None = None
    streaming: bool = False


POSITIONALS = {
    "model": MODEL,
    "data": "Source: a manifest, hf:NAME[:CONFIG[:SPLIT]] or synth:NAME.",
}
E_ = TypeVar("E_", bound=EvalConfig)
Recognise = Callable[[Recogniser, Iterable[Example], E_], Iterator[Result]]
"""How an app goes through examples, as its own command does."""


def in_batches(recogniser: Recogniser, examples: Iterable[Example], options: EvalConfig) -> Iterator[Result]:
    """Recognise each example as a whole."""
    return recogniser.run(examples, batch_size=options.batch_size)


def evaluate(
    app: App[Any, Any],
    description: str,
    config: type[E_] = EvalConfig,  # type: ignore[assignment]
    recognise: Recognise[E_] = in_batches,
    instead: Callable[[Recogniser, E_], int | None] = lambda recogniser, options: None,
) -> Callable[..., int]:
    """Return the command `scriba APP eval`, which scores a model on data, from each of its heads.

    Args:
        app: The app.
        description: First lines of the help, with an example.
        config: Its options.
        recognise: How it goes through the examples.
        instead: Another scoring that the options may ask for; it returns the exit status, None where they do not.
    """

    def body(words: Sequence[str]) -> int:
        parser = build_parser(f"scriba {app.name} eval", description, config, positionals=POSITIONALS)
        recogniser, options = open_for(parser, config, words, app.name)
        check_writable(options.json, "--json")
        check_writable(options.texts, "--texts")
        if (status := instead(recogniser, options)) is not None:
            return status
        simplify = normalisation(options.normalise)
        examples, broken = read_examples(options.data, app.media, "test", options.limit, options.streaming)
        plain = simplify if isinstance(app.scores, ErrorRates) else plain_words  # likeness is that of plain words
        unknown = tell_unknown(recogniser.tokenizer, examples, options, plain)
        scores = {
            method: score_method(recogniser.by(method), examples, app.scores, options, simplify, recognise, told)
            for method in methods_of(recogniser)
            for told in [method == recogniser.decoding.method]
        }
        chosen = scores[recogniser.decoding.method]
        for method, values in scores.items():
            shown = ", ".join(f"{n} {values[n]:.2f}{unit_of(n)}" for n in app.scores.shown if n in values)
            print(f"{method}: {shown} on {values['n']} examples in {values['seconds']:.1f} s")
        if options.json:
            used = replace(recogniser.decoding.options, method=recogniser.decoding.method)
            report = {
                "task": app.name,
                "model": options.model,
                "data": options.data,
                "normalise": options.normalise,
                "precision": str(recogniser.dtype).removeprefix("torch."),
                "device": recogniser.device.type,
                "batch_size": options.batch_size,
                "decoding": asdict(used),
                **chosen,
                "heads": scores,
                "broken_rows": broken,
                "unknown_characters": unknown,
            }
            write_json(Path(options.json), report)
        return 1 if chosen["failed"] or broken else 0

    return program(body)


def tell_unknown(
    tokenizer: Tokenizer, examples: Iterable[Example], options: EvalConfig, simplify: Callable[[str], str]
) -> dict[str, int]:
    """Say what of the references a model cannot write, and what helps; return it, with counts, most frequent first."""
    texts = [text for example in examples for text in example.texts]
    unknown, share = unknown_units(tokenizer, texts, simplify)
    if unknown:
        shown = ", ".join(f"{unit!r} {count}" for unit, count in islice(unknown.items(), 10))
        helps = unknown_units(tokenizer, texts, plain_words)[1] < share
        remedy = "--normalise words leaves case and punctuation out" if helps else "train one on texts that have them"
        more = ", …" if len(unknown) > 10 else ""
        say(f"{options.data}: the model cannot write {share:.3g} % of the references ({shown}{more}); {remedy}.")
    return unknown


def unknown_units(
    tokenizer: Tokenizer, texts: Iterable[str], simplify: Callable[[str], str]
) -> tuple[dict[str, int], float]:
    """Return the characters of texts, or words if those are the tokens, that a model cannot write, and their share.

    Args:
        tokenizer: That of the model.
        texts: The texts.
        simplify: Normalisation of these, and of what the model writes.

    Returns:
        How often each occurs, most frequent first, and their percentage of all.
    """
    split: Callable[[str], Iterable[str]] = str.split if tokenizer.to_json()["kind"] == "words" else list
    pieces = [tokenizer.piece(id) for id in range(UNK + 1, len(tokenizer))]
    known = {unit for piece in pieces for text in (piece, simplify(piece)) for unit in split(text)}
    counts = Counter(unit for text in texts for unit in split(simplify(text)))
    unknown = {unit: count for unit, count in counts.most_common() if unit not in known}
    return unknown, 100 * sum(unknown.values()) / max(counts.total(), 1)


def score_method(
    recogniser: Recogniser,
    examples: Sequence[Example],
    scores: Scores,
    options: E_,
    simplify: Callable[[str], str],
    recognise: Recognise[E_],
    told: bool,
) -> dict[str, Any]:
    """Recognise all examples by one method and score them; what cannot be read is left out, and `told` of once."""
    method = recogniser.decoding.method
    start = time.perf_counter()
    results = list(track(recognise(recogniser, examples, options), f"{method} decoding", len(examples)))
    seconds = time.perf_counter() - start
    for result in results:
        if result.error is not None and told:
            say(str(result.error))
    scored = score_results(results, method, scores, simplify)
    if not scored.results:
        raise InputError(f"{options.data}: no example can be read; see `scriba data check`.")
    extent, unit = sum(result.extent for result in scored.results), recogniser.inputs.unit
    if options.texts and told:
        rows = zip(scored.results, scored.references, scored.texts, strict=True)
        lines = [json.dumps({"id": r.example.id, "reference": a, "text": b}, ensure_ascii=False) for r, a, b in rows]
        write_text(Path(options.texts), "\n".join(lines) + "\n")
    return {
        "n": len(scored.results),
        "failed": [{"id": r.example.id, "error": str(r.error)} for r in results if r.error is not None],
        "seconds": round(seconds, 3),
        f"input_{unit}": round(extent, 3),
        "real_time_factor" if unit == "s" else f"seconds_per_{unit}": float(f"{seconds / extent:.4g}"),
        **scored.scores,
    }
