"""Files that are never half written, and JSON and tensors that are read with clear errors."""

import json
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from scriba.core.errors import InputError
from scriba.core.files.opening import read_bytes, reading, writing

MAX_JSON = 64 << 20
"""Bytes of a JSON file that is read, unless its reader allows more."""


@contextmanager
def replacing(path: Path, remedy: str | None = None) -> Iterator[Path]:
    """Yield a path to write to; it takes the place of `path` only when all went well.

    Args:
        path: The file.
        remedy: What the user can do when it cannot be written, if that is not the usual.

    Raises:
        InputError: It cannot be written.
    """
    aside = path.with_name(f".{zlib.crc32(os.fsencode(path.name)):08x}.{os.getpid()}.part")
    with writing(path, remedy):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            aside.touch()
            mode = aside.stat().st_mode
            yield aside
            aside.chmod(mode)  # some writers make files that only their owner can read
            os.replace(aside, path)
        except SafetensorError as error:  # what its writer says where there is no room
            raise InputError(f"{path}: cannot be written ({error}); make room on the disk.") from error
        finally:
            with suppress(OSError):
                aside.unlink()


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all; what is no Unicode (half a pair, a name in other bytes) is escaped."""
    with replacing(path) as aside:
        aside.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file, whole or not at all."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def parse_json(text: str) -> Any:
    """Return the value of a JSON text.

    Raises:
        ValueError: The text is not JSON, or nested too deeply to be read.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def read_json(path: Path, remedy: str, limit: int = MAX_JSON) -> Any:
    """Read a JSON file.

    Args:
        path: The file.
        remedy: What the user can do when it cannot be read.
        limit: Bytes that it may have.

    Raises:
        InputError: The file is missing, damaged or larger.
    """
    data = read_bytes(path, limit, remedy)
    try:
        return parse_json(data.decode("utf-8-sig"))
    except ValueError as error:
        raise InputError(f"{path}: damaged or truncated ({error}); {remedy}.") from error


@contextmanager
def opened_tensors(path: Path, remedy: str) -> Iterator[Any]:
    """Open a safetensors file; its tensors are read when they are asked for.

    Raises:
        InputError: It is missing or damaged, here or while it is read.
    """
    with reading(str(path), remedy):
        path.stat()
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path}: damaged or truncated ({error}); {remedy}.") from error


def read_metadata(path: Path, remedy: str) -> dict[str, str]:
    """Read the metadata of a safetensors file, and none of its tensors; as `read_tensors` otherwise."""
    with opened_tensors(path, remedy) as file:
        return file.metadata() or {}


def read_tensors(path: Path, remedy: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read a safetensors file.

    Args:
        path: The file.
        remedy: What the user can do when it cannot be read.

    Returns:
        The tensors and the metadata.

    Raises:
        InputError: The file is missing or damaged.
    """
    with opened_tensors(path, remedy) as file:
        return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
