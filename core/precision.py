"""Devices and number formats: what `auto` means on this machine."""

from contextlib import AbstractContextManager
from typing import Literal

import torch
from torch import Tensor

from scriba.core.errors import UsageError

Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["auto", "float32", "bfloat16", "float16"]


def resolve_device(device: Device) -> torch.device:
    """Return the device to use; `auto` takes a GPU when there is one.

    Raises:
        UsageError: `cuda` was asked for and there is none.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError("--device cuda: this machine has no CUDA device; use --device cpu or auto.")
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(device)


def resolve_precision(precision: Precision, device: torch.device) -> torch.dtype:
    """Return the number format of convolutions and recurrent layers; `auto` asks the hardware for bfloat16 units.

    Raises:
        UsageError: float16 was asked for on a processor, or bfloat16 on one whose recurrent layers cannot run in it.
    """
    if precision == "float16" and device.type == "cpu":
        raise UsageError("--precision float16 needs a GPU; use bfloat16, float32 or auto.")
    if precision == "bfloat16" and device.type == "cpu" and not computes_bfloat16():
        raise UsageError("--precision bfloat16: this processor lacks AVX-512, which that needs; use float32 or auto.")
    if precision != "auto":
        return {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}[precision]
    if device.type == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        native = torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
    return torch.bfloat16 if native else torch.float32


def computes_bfloat16() -> bool:
    """Tell whether the processor can run layers in bfloat16 at all, be it without units for it."""
    return not torch.backends.mkldnn.is_available() or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def autocast(device: torch.device, dtype: torch.dtype) -> AbstractContextManager[object]:
    """Return a context in which layers run in `dtype` (float32: nothing changes)."""
    return torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32)


def full(tensor: Tensor) -> Tensor:
    """Return the tensor in at least float32; double precision stays double."""
    return tensor.float() if tensor.dtype in (torch.bfloat16, torch.float16) else tensor
