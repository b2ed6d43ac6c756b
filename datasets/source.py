"""Sources by name.

manifest:PATH (or a bare path), hf:NAME[:CONFIG[:SPLIT]], synth:NAME[:SPLIT[:N[:KIND=SHARE,…]]], and captions in the
files of others: karpathy:PATH[:SPLIT], coco:PATH. Lines of pages are page:DIR, with PAGE XML, and alto:DIR.
"""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from scriba.core.errors import UsageError, nearest
from scriba.core.example import Example
from scriba.datasets.coco import read_coco
from scriba.datasets.documents import DOCUMENTS
from scriba.datasets.dtmf import DTMF
from scriba.datasets.karpathy import read_karpathy
from scriba.datasets.lines import LINES
from scriba.datasets.manifest import FOLDER_MANIFESTS, Manifest
from scriba.datasets.page_lines import PageLines
from scriba.datasets.paired import is_paired, read_pairs
from scriba.datasets.scenes import SCENES
from scriba.datasets.synthetic import SyntheticSource
from scriba.datasets.texts import read_texts

SYNTHETIC = {recipe.name: recipe for recipe in (DTMF, LINES, DOCUMENTS, SCENES)}
"""Sources made on the fly."""
SCHEMES = ("manifest", "hf", "synth", "karpathy", "coco", "page", "alto")


def open_source(name: str, *, media: str, default_split: str = "train", streaming: bool = False) -> Iterable[Example]:
    """Open a source of examples.

    Args:
        name: One of the names above.
        media: Column of the inputs: audio or image; text where no input is wanted.
        default_split: Split of hf:, synth: and karpathy: sources that name none.
        streaming: Read hf: sources as a stream.

    Returns:
        The examples; a sequence unless it is a stream. A manifest or folder also has `problems`, its broken rows.

    Raises:
        UsageError: The name is of no known form.
        InputError: The source cannot be read.
    """
    scheme, _, rest = name.partition(":")
    if not rest or os.path.exists(name):
        return open_path(Path(name), media)
    if scheme == "manifest":
        return open_path(Path(rest), media)
    if scheme == "hf":
        from scriba.datasets.huggingface import HuggingFaceSource  # imports Hugging Face's library: slow

        return HuggingFaceSource(rest, media=media, default_split=default_split, streaming=streaming)
    if scheme == "synth":
        return open_synthetic(rest, media, default_split)
    if scheme in ("karpathy", "coco", "page", "alto") and media == "audio":
        raise UsageError(f"{name}: holds pictures, not {media}; choose another source.")
    if scheme == "karpathy":
        path, _, split = rest.rpartition(":")
        return read_karpathy(Path(path), split) if path else read_karpathy(Path(rest), default_split)
    if scheme == "coco":
        return read_coco(Path(rest))
    if scheme in ("page", "alto"):
        return PageLines(Path(rest), scheme)
    forms = ", ".join(f"{known}:…" for known in SCHEMES)
    raise UsageError(f"{name}: sources are named {forms} or by a path.{nearest(scheme, SCHEMES)}")


def open_path(path: Path, media: str) -> Iterable[Example]:
    """Open a manifest, a folder of pictures with their texts beside them, or for texts alone a file of lines.

    Raises:
        InputError: It cannot be read.
    """
    if media == "text" and path.suffix.lower() == ".txt":
        return read_texts(path)
    if media == "image" and not any(os.path.isfile(path / name) for name in FOLDER_MANIFESTS) and is_paired(path):
        return read_pairs(path)
    return Manifest(path, media)


def open_synthetic(name: str, media: str, default_split: str) -> Iterable[Example]:
    """Open synth:NAME[:SPLIT[:N[:KIND=SHARE,…]]], given without its scheme.

    Raises:
        UsageError: There is none of that name, media, split or kind, or N or a share is no number.
    """
    kind, split, size, chosen, *more = [*name.split(":"), "", "", ""]
    if kind not in SYNTHETIC:
        raise UsageError(f"synth:{kind}: there are {', '.join(SYNTHETIC)}.{nearest(kind, SYNTHETIC)}")
    recipe = SYNTHETIC[kind]
    if media not in (recipe.media, "text"):
        raise UsageError(f"synth:{kind} makes {recipe.media}, not {media}; choose another source.")
    pairs = [part.partition("=")[::2] for part in chosen.split(",")] if chosen else []
    wrong = [share for _, share in pairs if not re.fullmatch(r"\d{1,6}(\.\d{1,6})?", share) or not float(share)]
    if (size and not (size.isdecimal() and int(size))) or any(more) or wrong:
        kinds = "[:KIND=SHARE,…]" if recipe.kinds else ""
        raise UsageError(f"synth:{name}: write synth:{kind}[:SPLIT[:N{kinds}]] with N a number of examples.")
    shares = {of: float(share) for of, share in pairs} or None
    return SyntheticSource(recipe, split or default_split, int(size) if size else None, shares)
