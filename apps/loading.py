"""Loading models: from a name to something that can be used."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from scriba.core.beam import LanguageModel
from scriba.core.bundle import Bundle, load_bundle, load_weights, resolve_model
from scriba.core.config import RunConfig
from scriba.core.decoder import Decoder
from scriba.core.errors import InputError, UsageError, nearest
from scriba.core.language import NeuralLanguageModel, NgramLanguageModel
from scriba.core.model import Seq2Seq, build_model
from scriba.core.options import config_from_values
from scriba.core.precision import Device, Precision, resolve_device, resolve_precision
from scriba.core.recogniser import Recogniser
from scriba.core.tokenizer import Tokenizer

APPS = ("asr", "ocr", "caption")
"""The apps there are."""
TASKS = (*APPS, "lm")
"""What makes bundles."""
ARPA = (".arpa", ".arpa.gz", ".klm")
"""Endings of n-gram models."""
BUNDLED = Path(__file__).resolve().parent / "models"
"""The models that come with the package."""


def open_bundle(name: str) -> Bundle:
    """Read the bundle of a model: a folder, a bundled name or hf:owner/name."""
    return load_bundle(resolve_model(name, BUNDLED))


def open_app(name: str) -> ModuleType:
    """Return the package of an app.

    Raises:
        UsageError: There is none of that name.
    """
    if name not in APPS:
        raise UsageError(f"{name}: no such app; use one of {', '.join(APPS)}.{nearest(name, APPS)}")
    return importlib.import_module(f"scriba.{name}")


def app_of(bundle: Bundle) -> ModuleType:
    """Return the package of the app that made a bundle.

    Raises:
        InputError: This version of scriba has no such app.
    """
    if bundle.task not in TASKS:
        raise InputError(
            f"{bundle.path}: made by the app '{bundle.task}', which this version of scriba lacks; update scriba."
        )
    return importlib.import_module(f"scriba.{bundle.task}")


def read_config(bundle: Bundle, overrides: Mapping[str, Any] | None = None) -> RunConfig:
    """Return the config of a bundle as its app's dataclass, with some sections' values replaced."""
    values = {name: dict(v) if isinstance(v, dict) else v for name, v in bundle.config.items()}
    for section, changed in (overrides or {}).items():
        values[section] = {**values.get(section, {}), **changed}
    config: RunConfig = config_from_values(app_of(bundle).Config, values, str(bundle.path / "config.json"))
    return config


def build_recogniser(
    bundle: Bundle, config: RunConfig, device: Device, precision: Precision, lm: str | None = None
) -> Recogniser:
    """Build the model of a bundle, ready for use.

    Args:
        bundle: The bundle.
        config: From `read_config`.
        device: Where it runs.
        precision: Number format of convolutions and recurrent layers.
        lm: The language model that helps it, or None.

    Raises:
        InputError: Config and weights do not belong together, or recogniser and language model.
        UsageError: The device or precision is not there.
    """
    place = resolve_device(device)
    model = _build(bundle, config, place)
    language = open_language_model(lm, bundle.tokenizer, place) if lm else None
    task = app_of(bundle).Task(config)
    return Recogniser(task, model, bundle.tokenizer, place, resolve_precision(precision, place), language)


def _build(bundle: Bundle, config: RunConfig, device: torch.device) -> Seq2Seq:
    encoder = app_of(bundle).Task(config).build_encoder()
    model = build_model(config.model(), encoder, len(bundle.tokenizer))
    load_weights(model, bundle.weights, str(bundle.path / "model.safetensors"))
    return model.to(device).eval()


def open_language_model(name: str, tokenizer: Tokenizer, device: torch.device) -> LanguageModel:
    """Open the language model for a recogniser: a bundle, or n-grams in an .arpa file.

    Raises:
        InputError: There is none of that name, it is damaged, or it has other tokens than the recogniser.
        UsageError: N-grams need a package that is not there.
    """
    if name.endswith(ARPA):
        return NgramLanguageModel(Path(name), tokenizer)
    bundle = open_bundle(name)
    check_task(bundle, "lm", "--decoding.lm")
    if bundle.tokenizer.to_json() != tokenizer.to_json():
        raise InputError(
            f"--decoding.lm {name}: has other tokens than the recogniser; train one with `scriba lm train … --like` it."
        )
    return NeuralLanguageModel(open_neural(bundle, device))


def open_neural(bundle: Bundle, device: torch.device) -> Decoder:
    """Return the decoder of a language model's bundle.

    Raises:
        InputError: It is no language model, or damaged.
    """
    check_task(bundle, "lm")
    decoder = _build(bundle, read_config(bundle), device).decoder
    assert decoder is not None
    return decoder


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
