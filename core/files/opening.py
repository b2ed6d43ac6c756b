"""Opening what people name, for every app: each failure of the operating system becomes one sentence.

A name may be that of a file, a pipe (`<(…)`, a FIFO) or `-` for standard input.
"""

import errno
import io
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from scriba.core.errors import InputError, UsageError

MAX_FLOW = 4 << 30
"""Bytes that are taken from a pipe; a file may have any size."""
MAX_TEXT = 1 << 30
"""Bytes of a text file that is read at once."""
CHUNK = 1 << 20


@contextmanager
def opened(source: Path | bytes, name: str, remedy: str | None = None) -> Iterator[BinaryIO]:
    """Open a file, or the bytes of one, for reading; what comes through a pipe is kept in a temporary file meanwhile.

    Args:
        source: The file.
        name: What messages call it.
        remedy: What the user can do when it cannot be opened, if that is not the usual.

    Raises:
        InputError: It is missing, a folder, may not be read, or has an impossible name.
    """
    if isinstance(source, bytes):
        yield io.BytesIO(source)
        return
    with reading(name, remedy):
        file = _open(source, name)
    with file:
        yield file


def _open(path: Path, name: str) -> BinaryIO:
    if str(path) == "-" and not path.exists():
        return _kept(sys.stdin.buffer, name)
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, "")
    # by number: some libraries look at a file's name for its kind
    file = os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0)), "rb")
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    with file:
        return _kept(file, name)


def _kept(flow: BinaryIO, name: str) -> BinaryIO:
    """Return a temporary file with all that flows."""
    kept = tempfile.TemporaryFile()  # noqa: SIM115
    while chunk := flow.read(CHUNK):
        kept.write(chunk)
        if kept.tell() > MAX_FLOW:
            raise InputError(f"{name}: does not end within {MAX_FLOW >> 30} GiB; save it as a file.")
    kept.seek(0)
    return kept


def read_bytes(path: Path, limit: int = MAX_TEXT, remedy: str | None = None) -> bytes:
    """Return the bytes of a small file.

    Raises:
        InputError: It cannot be opened, or is larger than `limit` bytes.
    """
    with opened(path, str(path), remedy) as file, reading(str(path), remedy):
        data = file.read(limit + 1)
    if len(data) > limit:
        raise InputError(f"{path}: is larger than {limit >> 20} MiB; {remedy or 'name a smaller file'}.")
    return data


def read_text(path: Path, limit: int = MAX_TEXT, remedy: str | None = None) -> str:
    """Return the text of a small file in UTF-8, without the mark some editors put in front.

    Raises:
        InputError: It cannot be opened, is larger than `limit` bytes, or is not UTF-8.
    """
    try:
        return read_bytes(path, limit, remedy).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text; {remedy or 'save it as UTF-8'}.") from error


@contextmanager
def reading(name: str, remedy: str | None = None) -> Iterator[None]:
    """Turn what the operating system says of a file that is to be read into one sentence."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise InputError(f"{name}: {why(error, 'read', remedy)}") from error


@contextmanager
def writing(name: str | Path, remedy: str | None = None) -> Iterator[None]:
    """Turn what the operating system says of a file that is to be written into one sentence."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{name}: {why(error, 'written', remedy)}") from error


def why(error: Exception, done: str, remedy: str | None = None) -> str:
    """Return the rest of a sentence that begins with the name of a file: what is wrong with it, and what to do.

    Args:
        error: What the operating system says; anything else is a name that it cannot take.
        done: What was to be done with the file: read or written.
        remedy: What the user can do, if that is not the usual.
    """
    if not isinstance(error, OSError):
        return f"no file can have that name; {remedy or 'check it'}."
    reason, usual = {
        errno.ENOENT: ("no such file", "check the path"),
        errno.ENOTDIR: ("a part of the path is no folder", "check it"),
        errno.EISDIR: ("is a folder", "name a file"),
        errno.EACCES: (f"may not be {done}", "check its permissions"),
        errno.EPERM: (f"may not be {done}", "check its permissions"),
        errno.ENAMETOOLONG: ("the name is too long", "shorten it"),
        errno.ENOSPC: ("there is no room left on the disk", "make some"),
        errno.EROFS: ("lies on a disk that cannot be written", "choose another place"),
    }.get(error.errno or 0, (f"cannot be {done} ({error.strerror or error})", "check the file and its disk"))
    return f"{reason}; {remedy or usual}."


def check_writable(name: str | Path | None, option: str, *, folder: bool = False) -> None:
    """Refuse a place for results where none can be written, before any work is done.

    Args:
        name: The file or folder; None is nowhere.
        option: The option that it was given by.
        folder: It is a folder, which need not be there yet.

    Raises:
        UsageError: Nothing can be written there.
    """
    if name is None:
        return
    try:
        path = place = Path(name)
        if path.exists() and path.is_dir() != folder:
            raise UsageError(f"{option} {name}: is {'a file; name a folder' if folder else 'a folder; name a file'}.")
        while not place.exists() and place != place.parent:
            place = place.parent
        if place == path and not folder:
            place = path.parent
        if not place.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "")
        if not os.access(place, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, "")
        if shutil.disk_usage(place).free == 0:
            raise OSError(errno.ENOSPC, "")
    except (OSError, ValueError) as error:
        raise UsageError(f"{option} {name}: {why(error, 'written')}") from error
