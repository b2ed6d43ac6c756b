"""scriba: writes down what is heard, written or seen, with one attention and CTC core.

import scriba
print(scriba.load("asr-an4-en").transcribe("recording.wav").text)
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scriba.core.precision import Device, Precision

try:
    __version__ = version("scriba")
except PackageNotFoundError:  # run from a folder that was never installed
    __version__ = "0"

__all__ = ["__version__", "load"]


def load(model: str, *, device: Device = "auto", precision: Precision = "auto", **decoding: Any) -> Any:
    """Load a model for use.

    Args:
        model: Bundle folder, name of a bundled model, or hf:owner/name.
        device: auto takes a GPU when there is one.
        precision: Number format of convolutions and recurrent layers; auto asks the hardware for bfloat16.
        **decoding: Options of decoding in place of the model's own, such as method="attention".

    Returns:
        The app's model class, such as `scriba.asr.Model` with its method `transcribe`.

    Raises:
        InputError: There is no such model, or it is damaged.
    """
    from scriba.loading import app_of, build_recogniser, open_bundle, read_config

    bundle = open_bundle(model)
    config = read_config(bundle, {"decoding": decoding})
    return app_of(bundle).Model(
        build_recogniser(bundle, config, device, precision, config.decoding.lm), config.decoding
    )
