"""Feature maps of pictures, computed once and kept on disk.

A frozen network gives the same map for the same picture in every epoch. The maps lie in parts of some hundred, each a
safetensors file that is written aside and renamed: what an interruption loses is one part, and maps are read without
loading the rest of their part. The folder's name is that of the network, a map's that of the picture's content and of
the view of it.

Shapes: N pictures of a part, T cells, C channels.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from scriba.caption.encoder import cells_of
from scriba.caption.picture import read_pixels
from scriba.core.command import say, track
from scriba.core.errors import InputError
from scriba.core.example import Example
from scriba.core.files import replacing
from scriba.core.model import Backbone
from scriba.core.precision import autocast

PART = 512
"""Pictures in a file."""
BATCH = 64
"""Pictures that pass through the network at a time."""


class FeatureCache:
    """The feature maps of a frozen backbone.

    Args:
        folder: Where the maps of all networks are kept.
        backbone: The network, with its weights.
        size: Pixels along each side of a picture.
    """

    def __init__(self, folder: Path, backbone: Backbone, size: int) -> None:
        self.backbone = backbone
        self.size = size
        self.folder = folder / f"{backbone.config.name}-{backbone.fingerprint()}"
        self._places: dict[str, tuple[Path, int]] = {}
        for part in sorted(self.folder.glob("*.safetensors")):
            self._add(part)

    def get(self, example: Example, view: int = 0) -> Tensor | None:
        """Return the map of a view of an example's picture, (T, C) in float32; None if `fill` did not see it."""
        place = self._places.get(view_key(content_key(example) or "", view))
        if place is None:
            return None
        part, row = place
        with safe_open(part, framework="pt") as file:
            features_TC: Tensor = file.get_slice("features")[row]
        return features_TC.float()

    def fill(self, examples: Iterable[Example], device: torch.device, dtype: torch.dtype, views: int = 1) -> None:
        """Compute the maps that are not there yet; pictures that cannot be read are left to the data check.

        Args:
            examples: The examples.
            device: Where the network runs.
            dtype: Number format of its convolutions.
            views: Number of views of each picture.

        Raises:
            InputError: They cannot be written.
        """
        keyed = [(key, example) for example in examples if (key := content_key(example)) is not None]
        wanted = {view_key(key, view): (example, view) for view in range(views) for key, example in keyed}
        missing = {key: place for key, place in wanted.items() if key not in self._places}
        if not missing:
            return
        say(f"computing the features of {len(missing)} views with {self.backbone.config.name}, once: {self.folder}")
        backbone = self.backbone.to(device).eval()
        readable = track(self._readable(missing), "features", len(missing))
        while part := list(islice(readable, PART)):
            pixels = [pixels for _, pixels in part]
            maps = [_maps(backbone, pixels[i : i + BATCH], device, dtype) for i in range(0, len(part), BATCH)]
            self._write([key for key, _ in part], torch.cat(maps))

    def _readable(self, missing: dict[str, tuple[Example, int]]) -> Iterator[tuple[str, Tensor]]:
        for key, (example, view) in missing.items():
            try:
                yield key, read_pixels(example, self.size, view)
            except InputError:
                continue

    def _write(self, keys: list[str], features_NTC: Tensor) -> None:
        name = hashlib.sha256("".join(keys).encode()).hexdigest()[:16]
        path = self.folder / f"{name}.safetensors"
        with replacing(path, "name another --encoder.cache, or null") as aside:
            save_file({"features": features_NTC.half().contiguous()}, aside, {"keys": json.dumps(keys)})
        self._add(path)

    def _add(self, part: Path) -> None:
        try:
            with safe_open(part, framework="pt") as file:
                keys = json.loads((file.metadata() or {})["keys"])
                rows = file.get_slice("features").get_shape()[0]
        except (SafetensorError, OSError, KeyError, ValueError):
            return  # its maps are computed anew
        self._places |= {key: (part, row) for row, key in enumerate(keys[:rows])}


def content_key(example: Example) -> str | None:
    """Return a name for the content of an example's picture file; None if it cannot be read."""
    source = example.source
    try:
        data = source if isinstance(source, bytes) else Path(source).read_bytes()  # type: ignore[arg-type]
    except (OSError, TypeError):
        return None
    return hashlib.sha256(data).hexdigest()


def view_key(key: str, view: int) -> str:
    """Return a name for a view of the picture of that content."""
    return f"{key}+{view}" if view else key


@torch.inference_mode()
def _maps(backbone: Backbone, pixels: list[Tensor], device: torch.device, dtype: torch.dtype) -> Tensor:
    with autocast(device, dtype):
        return cells_of(backbone(torch.stack(pixels).to(device))).cpu()
