"""scriba: writes down what is heard, written or seen, with one attention and CTC core.

import scriba
print(scriba.load("asr-an4-en").transcribe("recording.wav").text)
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any, Literal, overload

if TYPE_CHECKING:
    from scriba.asr import Model as SpeechModel
    from scriba.caption import Model as CaptionModel
    from scriba.core.precision import Device, Precision
    from scriba.loading import Model
    from scriba.ocr import Model as PrintModel

try:
    __version__ = version("scriba")
except PackageNotFoundError:  # run from a folder that was never installed
    __version__ = "0"

__all__ = ["__version__", "load"]


@overload
def load(
    model: Literal["asr-an4-en"], *, device: Device = ..., precision: Precision = ..., **decoding: Any
) -> SpeechModel: ...


@overload
def load(
    model: Literal["ocr-print"], *, device: Device = ..., precision: Precision = ..., **decoding: Any
) -> PrintModel: ...


@overload
def load(
    model: Literal["caption-photo", "caption-scenes"],
    *,
    device: Device = ...,
    precision: Precision = ...,
    **decoding: Any,
) -> CaptionModel: ...


@overload
def load(model: str, *, device: Device = ..., precision: Precision = ..., **decoding: Any) -> Model: ...


def load(model: str, *, device: Device = "auto", precision: Precision = "auto", **decoding: Any) -> Model:
    """Load a model for use.

    Args:
        model: Bundle folder, name of a bundled model, or hf:owner/name.
        device: auto takes a GPU when there is one.
        precision: Number format of convolutions and recurrent layers; auto asks the hardware for bfloat16.
        **decoding: Options of decoding in place of the model's own, such as method="attention".

    Returns:
        The app's model class, such as `scriba.asr.Model` with its method `transcribe`.

    Raises:
        InputError: There is no such model, it is damaged, or it recognises nothing by itself.
        UsageError: An option of decoding makes no sense.
    """
    from scriba.loading import app_of, open_bundle, open_recogniser, read_config

    bundle = open_bundle(model)
    options = read_config(bundle, decoding).decoding
    loaded: Model = app_of(bundle).use(open_recogniser(bundle, options, device, precision))
    return loaded
