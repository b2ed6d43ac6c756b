"""Loading models: from a name to something that can be used."""

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import torch

from scriba.core.command import config_from_values
from scriba.core.errors import InputError, UsageError, nearest
from scriba.core.files import REMEDY, Bundle, check_weights, load_bundle, load_weights, resolve_model
from scriba.core.model import Seq2Seq, build_model
from scriba.core.precision import Device, Precision, resolve_device, resolve_precision
from scriba.core.recogniser import Recogniser
from scriba.core.search import (
    DecoderScorer,
    Decoding,
    DecodingConfig,
    NgramLanguageModel,
    Scorer,
    check_decoding,
)
from scriba.core.text import Tokenizer
from scriba.core.training import App, RunConfig, present

APPS = ("asr", "ocr", "caption")
"""The apps that recognise something."""
TASKS = (*APPS, "lm")
"""What makes bundles."""
ARPA = (".arpa", ".arpa.gz", ".klm")
"""Endings of n-gram models."""
BUNDLED = Path(__file__).resolve().parent / "models"
"""The models that come with the package."""


class Model(Protocol):
    """A loaded model, whichever app it is of; `scriba.asr.Model` and the others have their verbs beside this."""

    @property
    def recogniser(self) -> Recogniser:
        """The network, its tokens and how it decodes."""
        ...


def open_bundle(name: str) -> Bundle:
    """Read the bundle of a model: a folder, a bundled name or hf:owner/name."""
    return load_bundle(resolve_model(name, BUNDLED))


def open_app(name: str) -> App[Any, Any]:
    """Return an app that recognises something.

    Raises:
        UsageError: There is none of that name.
    """
    if name not in APPS:
        raise UsageError(f"{name}: no such app; use one of {', '.join(APPS)}.{nearest(name, APPS)}")
    return app_named(name)


def app_named(name: str) -> App[Any, Any]:
    """Return the app of a name in `TASKS`."""
    app: App[Any, Any] = importlib.import_module(f"scriba.{name}").APP
    return app


def app_of(bundle: Bundle) -> App[Any, Any]:
    """Return the app that made a bundle.

    Raises:
        InputError: This version of scriba has no such app.
    """
    if bundle.task not in TASKS:
        raise InputError(
            f"{bundle.path}: made by the app '{bundle.task}', which this version of scriba lacks; update scriba."
        )
    return app_named(bundle.task)


def read_config(bundle: Bundle, decoding: Mapping[str, Any] | None = None) -> RunConfig:
    """Return the config of a bundle as its app's dataclass, with some options of decoding replaced."""
    values = dict(bundle.config)
    if decoding:
        values["decoding"] = {**values.get("decoding", {}), **decoding}
    app = app_of(bundle)
    config: RunConfig = config_from_values(app.config, values, str(bundle.path / "config.json"), app.defaults)
    return config


def open_recogniser(
    bundle: Bundle, decoding: DecodingConfig | None = None, device: Device = "auto", precision: Precision = "auto"
) -> Recogniser:
    """Build the model of a bundle, ready for use.

    Args:
        bundle: The bundle.
        decoding: How text is found; None: as the bundle says.
        device: Where it runs.
        precision: Number format of convolutions and recurrent layers.

    Raises:
        InputError: Config and weights do not belong together, or recogniser and language model.
        UsageError: The device or precision is not there, or the decoding makes no sense.
    """
    config, processor = read_config(bundle), resolve_device(device)
    options = decoding or config.decoding
    check_decoding(options, present(config.model().heads))
    language = language_model(options.lm, processor)(bundle.tokenizer) if options.lm else None
    model = _build(bundle, config, processor)
    return Recogniser(
        app_of(bundle).inputs(config),
        model,
        bundle.tokenizer,
        Decoding(options, model.heads, language),
        processor,
        resolve_precision(precision, processor),
    )


def _build(bundle: Bundle, config: RunConfig, device: torch.device) -> Seq2Seq:
    def build() -> Seq2Seq:
        return build_model(config.model(), app_of(bundle).encoder(config), len(bundle.tokenizer))

    where = str(bundle.path / "model.safetensors")
    try:
        with torch.device("meta"):  # a config may ask for any size: nothing is allocated before the weights agree
            check_weights(build(), bundle.weights, where)
    except (RuntimeError, OverflowError) as error:  # torch counts in 64 bits
        reason = str(error).split("\n")[0]
        raise InputError(f"{bundle.path / 'config.json'}: asks for no possible model ({reason}); {REMEDY}.") from error
    model = build()
    load_weights(model, bundle.weights, where)
    return model.to(device).eval()


def language_model(name: str, device: torch.device) -> Callable[[Tokenizer], Scorer]:
    """Open a language model: a bundle, or n-grams in an .arpa file; returns what fits it to a recogniser's tokens.

    Raises:
        InputError: There is none of that name, it is damaged, or, once fitted, has other tokens than the recogniser.
        UsageError: N-grams need a package that is not there.
    """
    if name.endswith(ARPA):
        return lambda tokenizer: NgramLanguageModel(Path(name), tokenizer)
    bundle = open_bundle(name)
    check_task(bundle, "lm", "--decoding.lm")
    decoder = _build(bundle, read_config(bundle), device).decoder
    assert decoder is not None

    def fit(tokenizer: Tokenizer) -> Scorer:
        if bundle.tokenizer.to_json() != tokenizer.to_json():
            raise InputError(
                f"--decoding.lm {name}: has other tokens than the recogniser; "
                "train one with `scriba lm train … --like` it."
            )
        return DecoderScorer(decoder)

    return fit


def check_task(bundle: Bundle, task: str, option: str = "--model") -> None:
    """Refuse a bundle of another app.

    Args:
        bundle: The bundle.
        task: What it has to be for.
        option: What messages say it was given by.

    Raises:
        InputError: It is one.
    """
    if bundle.task != task:
        raise InputError(f"{bundle.path}: is a model for '{bundle.task}', not for '{task}'; choose another {option}.")
