"""The model bundle: a folder with everything that using a model needs, and nothing that runs code.

config.json  tokenizer.json  model.safetensors  README.md (model card)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from scriba.core.errors import InputError, UsageError, nearest
from scriba.core.files.disk import read_json, read_tensors, replacing, write_json, write_text
from scriba.core.files.formats import FORMAT, upgraded
from scriba.core.files.opening import reading
from scriba.core.text import Tokenizer, tokenizer_from_json

REMEDY = "copy the model folder again"
MAX_TOKENIZER = 32 << 20
"""Bytes of a tokenizer.json: some hundred thousand tokens."""


@dataclass(frozen=True)
class Bundle:
    """A bundle in memory.

    Attributes:
        path: Its folder.
        task: Name of the app that made it.
        config: The app's config as plain values.
        tokenizer: The tokenizer.
        weights: The weights as stored, in float16.
    """

    path: Path
    task: str
    config: Mapping[str, Any]
    tokenizer: Tokenizer
    weights: Mapping[str, Tensor]


def save_bundle(
    path: Path,
    *,
    task: str,
    config: Mapping[str, Any],
    tokenizer: Tokenizer,
    weights: Mapping[str, Tensor],
    card: str,
) -> None:
    """Write a bundle; each file is replaced whole, the weights last.

    Args:
        path: The folder.
        task: Name of the app.
        config: The app's config as plain values.
        tokenizer: The tokenizer.
        weights: The weights; floating-point ones are stored as float16.
        card: Text of the model card.
    """
    write_json(path / "config.json", {"scriba": FORMAT, "task": task, **config})
    write_json(path / "tokenizer.json", tokenizer.to_json())
    write_text(path / "README.md", card)
    stored = {name: (t.half() if t.is_floating_point() else t).contiguous().cpu() for name, t in weights.items()}
    with replacing(path / "model.safetensors") as aside:
        save_file(stored, aside)


def load_bundle(path: Path) -> Bundle:
    """Read a bundle.

    Raises:
        InputError: The folder or one of its files is missing, damaged or of a newer format.
    """
    if not path.is_dir():
        raise InputError(f"{path}: no such model folder; give a bundle folder, a bundled model or hf:owner/name.")
    config = read_json(path / "config.json", REMEDY)
    version = config.pop("scriba", 0) if isinstance(config, dict) else 0
    if not isinstance(version, int) or not 1 <= version <= FORMAT or not isinstance(config.get("task"), str):
        newer = "update scriba, or " if isinstance(version, int) and version > FORMAT else ""
        raise InputError(
            f"{path / 'config.json'}: not the config of a scriba model (format 1 to {FORMAT}); {newer}{REMEDY}."
        )
    saved = read_json(path / "tokenizer.json", REMEDY, MAX_TOKENIZER)
    tokenizer = tokenizer_from_json(saved, str(path / "tokenizer.json"))
    weights, _ = read_tensors(path / "model.safetensors", REMEDY)
    if version < FORMAT:
        config, weights = upgraded(config, weights)
    return Bundle(path, config.pop("task"), config, tokenizer, weights)


def check_weights(model: nn.Module, weights: Mapping[str, Tensor], where: str) -> None:
    """Refuse weights of another model; the model may be one without memory, on torch's meta device.

    Raises:
        InputError: Names or shapes differ; the first difference is named.
    """
    own = model.state_dict()
    for name in sorted(own.keys() | weights.keys()):
        if name not in weights:
            raise InputError(f"{where}: lacks the weights '{name}'; its config.json is of another model.")
        if name not in own:
            raise InputError(f"{where}: has weights '{name}' that the configured model does not.{nearest(name, own)}")
        if own[name].shape != weights[name].shape:
            shapes = f"{tuple(weights[name].shape)} instead of {tuple(own[name].shape)}"
            raise InputError(f"{where}: '{name}' has shape {shapes}; model and weights do not belong together.")


def load_weights(model: nn.Module, weights: Mapping[str, Tensor], where: str) -> None:
    """Load weights into a model of exactly these shapes.

    Raises:
        InputError: Names or shapes differ, or some are no numbers; the first difference is named.
    """
    check_weights(model, weights, where)
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if not torch.isfinite(weights[name]).all():
                raise InputError(f"{where}: '{name}' holds what is no number; {REMEDY}.")
            tensor.copy_(weights[name])


def resolve_model(name: str, bundled: Path) -> Path:
    """Return the folder of a model.

    Args:
        name: A folder, the name of a bundled model, or hf:owner/name.
        bundled: The folder that holds the bundled models.

    Raises:
        InputError: There is no such model.
        UsageError: No model is named.
    """
    if not name:
        raise UsageError("--model: name a bundle folder, a bundled model or hf:owner/name.")
    if name.startswith("hf:"):
        return _download(name.removeprefix("hf:"))
    with reading(f"--model {name}"):
        if Path(name).is_dir():
            return Path(name)
        if (bundled / name / "config.json").is_file():
            return bundled / name
    names = sorted(p.parent.name for p in bundled.glob("*/config.json"))
    hint = nearest(name, names)
    raise InputError(f"{name}: neither a model folder nor a bundled model ({', '.join(names) or 'none'}).{hint}")


def _download(repository: str) -> Path:
    import huggingface_hub

    files = ["config.json", "tokenizer.json", "model.safetensors", "README.md"]
    try:
        return Path(huggingface_hub.snapshot_download(repository, allow_patterns=files))
    except Exception as error:  # every kind of network and repository error has a class of its own
        reason = str(error).split("\n")[0].rstrip(".")
        raise InputError(f"hf:{repository}: cannot be fetched ({reason}); check the name and the network.") from error
