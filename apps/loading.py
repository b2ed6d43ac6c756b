"""Loading models: from a name to something that can be used."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from scriba.core.bundle import Bundle, load_bundle, load_weights, resolve_model
from scriba.core.config import RunConfig
from scriba.core.errors import InputError, UsageError, nearest
from scriba.core.model import build_model
from scriba.core.options import config_from_values
from scriba.core.precision import Device, Precision, resolve_device, resolve_precision
from scriba.core.recogniser import Recogniser

APPS = ("asr", "ocr", "caption")
"""The apps there are."""
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
    if bundle.task not in APPS:
        raise InputError(
            f"{bundle.path}: made by the app '{bundle.task}', which this version of scriba lacks; update scriba."
        )
    return open_app(bundle.task)


def read_config(bundle: Bundle, overrides: Mapping[str, Any] | None = None) -> RunConfig:
    """Return the config of a bundle as its app's dataclass, with some sections' values replaced."""
    values = {name: dict(v) if isinstance(v, dict) else v for name, v in bundle.config.items()}
    for section, changed in (overrides or {}).items():
        values[section] = {**values.get(section, {}), **changed}
    config: RunConfig = config_from_values(app_of(bundle).Config, values, str(bundle.path / "config.json"))
    return config


def build_recogniser(bundle: Bundle, config: RunConfig, device: Device, precision: Precision) -> Recogniser:
    """Build the model of a bundle, ready for use.

    Raises:
        InputError: Config and weights do not belong together.
        UsageError: The device or precision is not there.
    """
    task = app_of(bundle).Task(config)
    model = build_model(config.model(), task.build_encoder(), len(bundle.tokenizer))
    load_weights(model, bundle.weights, str(bundle.path / "model.safetensors"))
    place = resolve_device(device)
    return Recogniser(task, model.to(place).eval(), bundle.tokenizer, place, resolve_precision(precision, place))


def check_task(bundle: Bundle, task: str) -> None:
    """Refuse a bundle of another app.

    Raises:
        InputError: It is one.
    """
    if bundle.task != task:
        raise InputError(f"{bundle.path}: is a model for '{bundle.task}', not for '{task}'; choose another --model.")
