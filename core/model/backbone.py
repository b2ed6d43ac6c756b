"""A convolutional network whose last feature map is looked at: torchvision's classifiers without their heads.

Shapes: B batch, H rows, W columns, C channels; H' and W' those of the map.
"""

from __future__ import annotations

import hashlib
import re
import warnings
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from scriba.core.errors import InputError, UsageError, nearest
from scriba.core.ranges import Count

EXPANDED = ("features", "layers", "trunk_output", "blocks")
"""Parts that hold the stages of a network."""
HEADS = ("avgpool", "fc", "classifier", "dropout", "flatten", "head", "heads", "aux1", "aux2", "AuxLogits")
"""Parts that turn a feature map into classes."""
SYMMETRIC = ("googlenet", "inception_v3")
"""Networks whose weights from torchvision take pixels from -1 to 1."""
OLD_DENSE_NAMES = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12])\.")
"""In torchvision's files of densenets, which were saved before their parts were renamed."""
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""Mean and standard deviation of the pixels, red, green and blue, that torchvision's weights expect."""


@dataclass(frozen=True)
class BackboneConfig:
    """The convolutional network.

    Args:
        name: A classification network of torchvision, such as mobilenet_v2, resnet18 or resnet50.
        weights: torchvision downloads its own, none draws random ones, else a file with a state dict.
        stages: Keep only so many of its first stages, for a finer map; null keeps all.
        pixels: Scale of the pixels: imagenet (torchvision's weights) or symmetric, from -1 to 1.
        same_padding: Pad before strided convolutions as TensorFlow does: at the right and bottom first.
    """

    name: str = "mobilenet_v2"
    weights: str = "torchvision"
    stages: Count | None = None
    pixels: Literal["imagenet", "symmetric"] = "imagenet"
    same_padding: bool = False


class Backbone(nn.Module):
    """Pictures to feature maps.

    Args:
        config: The network; its weights are random until `load_pretrained` or a model's own are loaded.

    Raises:
        UsageError: There is no such network, it has not so many stages, or the scale of pixels does not suit it.
    """

    mean_C: Tensor
    deviation_C: Tensor

    def __init__(self, config: BackboneConfig) -> None:
        super().__init__()
        self.config = config
        stages = stages_of(config.name)
        if config.stages is not None and config.stages > len(stages):
            raise UsageError(f"--backbone.stages {config.stages}: {config.name} has {len(stages)}; give 1 to that.")
        if config.name in SYMMETRIC and config.weights == "torchvision" and config.pixels != "symmetric":
            raise UsageError(f"--backbone.pixels {config.pixels}: {config.name}'s weights need symmetric ones.")
        self.layers = nn.Sequential(OrderedDict(list(stages.items())[: config.stages]))
        if config.same_padding:
            pad_like_tensorflow(self.layers)
        mean, deviation = IMAGENET if config.pixels == "imagenet" else ((0.5,) * 3, (0.5,) * 3)
        self.register_buffer("mean_C", torch.tensor(mean), persistent=False)
        self.register_buffer("deviation_C", torch.tensor(deviation), persistent=False)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, pictures_BHWC: Tensor) -> Tensor:
        """Return the feature maps, (B, C, H', W'), for pixels from 0 to 255."""
        pixels_BHWC = (pictures_BHWC / 255 - self.mean_C) / self.deviation_C
        return self.layers(pixels_BHWC.permute(0, 3, 1, 2))  # permuted, it is channels last in memory

    def train(self, mode: bool = True) -> Backbone:
        """Set the mode; a pretrained network always normalises by the statistics that it came with."""
        return super().train(mode and self.config.weights == "none")

    def fingerprint(self) -> str:
        """Return a name for this network: its options and its weights in half precision, in which bundles keep them."""
        digest = hashlib.sha256(repr(sorted(asdict(replace(self.config, weights="")).items())).encode())
        for name, tensor in self.state_dict().items():
            digest.update(name.encode() + tensor.detach().cpu().half().numpy().tobytes())
        return digest.hexdigest()[:16]

    @torch.no_grad()
    def map_shape(self, rows: int, columns: int) -> tuple[int, int, int]:
        """Return C, H' and W' for pictures of that many rows and columns.

        Raises:
            UsageError: It has no feature map, or none for so small a picture.
        """
        training = self.training
        self.eval()
        try:
            shape = self.layers(torch.zeros(1, 3, rows, columns)).shape
        except (RuntimeError, AssertionError, ValueError) as error:
            reason = str(error).split("\n")[0]
            raise UsageError(f"--backbone.name {self.config.name}: has no feature map ({reason}).") from error
        finally:
            self.train(training)
        if len(shape) != 4:
            raise UsageError(f"--backbone.name {self.config.name}: has no feature map; use a convolutional network.")
        return int(shape[1]), int(shape[2]), int(shape[3])

    def load_pretrained(self) -> None:
        """Load the weights that the config names; the head's are left out.

        Raises:
            InputError: They cannot be read, or are those of another network; the first difference is named.
        """
        found = pretrained(self.config)
        if found is None:
            return
        with torch.no_grad():
            for own_name, own in self.state_dict().items():
                name = theirs_of(own_name)
                if name.endswith("num_batches_tracked") and name not in found:
                    continue  # files from before there was such a count
                theirs = found.get(name)
                if theirs is None or theirs.shape != own.shape:
                    shape = "nothing" if theirs is None else f"shape {tuple(theirs.shape)}"
                    raise InputError(
                        f"{self.config.weights}: has {shape} for '{name}', where {self.config.name} needs "
                        f"{tuple(own.shape)}; check --backbone.name and --backbone.weights."
                    )
                own.copy_(theirs)


def stages_of(name: str) -> dict[str, nn.Module]:
    """Return the parts of one of torchvision's networks that make its last feature map.

    Raises:
        UsageError: There is no such network.
    """
    import torchvision  # slow to import

    names = torchvision.models.list_models(module=torchvision.models)
    if name not in names:
        raise UsageError(f"--backbone.name {name}: torchvision has no such network.{nearest(name, names)}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # on how it starts, which pretrained weights replace
        network = torchvision.models.get_model(name, weights=None)
    stages: dict[str, nn.Module] = {}
    for part, module in network.named_children():
        if part in EXPANDED:
            stages |= {f"{part}_{inner}": stage for inner, stage in module.named_children()}
        elif part not in HEADS:
            stages[part] = module
    if name.startswith("densenet"):
        stages["relu"] = nn.ReLU()  # torchvision has it in the forward function
    return stages


def pretrained(config: BackboneConfig) -> dict[str, Tensor] | None:
    """Return the weights that the config names, under torchvision's names; None for random ones.

    Raises:
        InputError: The file is missing, damaged or no state dict, or cannot be downloaded.
    """
    if config.weights == "none":
        return None
    if config.weights == "torchvision":
        import torchvision  # slow to import

        weights = torchvision.models.get_model_weights(config.name).DEFAULT
        try:
            return rename_dense(weights.get_state_dict(progress=True, check_hash=True))
        except OSError as error:
            raise InputError(
                f"--backbone.weights torchvision: cannot be downloaded ({error}); name a file, or none."
            ) from error
    path = Path(config.weights)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; check --backbone.weights.") from error
    except Exception as error:  # torch has no class of its own for a damaged file
        reason = str(error).split("\n")[0]
        raise InputError(f"{path}: is no file of PyTorch weights ({reason}); check --backbone.weights.") from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise InputError(f"{path}: holds no state dict; save the network's state_dict().")
    return rename_dense(state)


def rename_dense(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights with the present names of a densenet's parts: norm.1 became norm1."""
    return {OLD_DENSE_NAMES.sub(r"\1\2.", name): tensor for name, tensor in state.items()}


def theirs_of(name: str) -> str:
    """Return torchvision's name of one of the backbone's weights: layers.features_0.… is features.0.… there."""
    name = name.removeprefix("layers.")
    for part in EXPANDED:
        if name.startswith(f"{part}_"):
            return f"{part}.{name.removeprefix(f'{part}_')}"
    return name


def pad_like_tensorflow(network: nn.Module) -> None:
    """Make strided convolutions pad as TensorFlow's "SAME" does: what is odd goes to the right and bottom."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d) and max(module.stride) > 1 and max(module.kernel_size) > 1:
            module.padding = (0, 0)
            module.register_forward_pre_hook(_pad_input)


def _pad_input(convolution: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    assert isinstance(convolution, nn.Conv2d)
    (images_BCHW,) = inputs
    padding: list[int] = []
    for axis in (1, 0):  # columns first, as F.pad wants it
        size, kernel, stride = images_BCHW.shape[2 + axis], convolution.kernel_size[axis], convolution.stride[axis]
        total = max(0, (-(-size // stride) - 1) * stride + kernel - size)
        padding += [total // 2, total - total // 2]
    return (F.pad(images_BCHW, padding),)
