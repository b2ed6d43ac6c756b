"""Pictures as the core sees them: square pixels, or the features that a frozen network gave for them."""

from dataclasses import dataclass, replace
from typing import ClassVar

from torch import Tensor

from scriba.caption.features import FeatureCache
from scriba.caption.picture import read_pixels
from scriba.core.command import say
from scriba.core.example import Example
from scriba.core.files import Note
from scriba.core.inputs import Draw
from scriba.core.ranges import Count
from scriba.core.recogniser import Recogniser


@dataclass(frozen=True)
class AugmentConfig:
    """Augmentation of training pictures.

    Args:
        views: Views of each picture that training draws from: 1 is the whole picture alone, 2 its mirror image too,
            more are cuts of it. The features of all views are kept, at 125 KB each for mobilenet_v2.
    """

    views: Count = 1


@dataclass(frozen=True)
class PictureInputs:
    """The `Inputs` of captioning; lengths are rows of the picture, or cells of its features.

    Attributes:
        size: Pixels along each side.
        augment: Augmentation of training pictures.
        cache: Features that are there already.
        note: Takes what is to be told of pictures that end early, which are refused otherwise.
    """

    size: int
    augment: AugmentConfig
    cache: FeatureCache | None = None
    note: Note | None = None
    unit: ClassVar = "px"
    frame_size: ClassVar = 1.0

    def measure(self, example: Example) -> int:
        """Read the picture and return its rows, or the cells of its features."""
        return len(self.prepare(example))

    def prepare(self, example: Example, draw: Draw | None = None) -> Tensor:
        """Return the features of the picture if they are cached, else its pixels (size, size, 3).

        With `draw` they are those of any of the views that training draws from.
        """
        view = 0 if draw is None else draw.seed % self.augment.views
        features = None if self.cache is None else self.cache.get(example, view)
        return read_pixels(example, self.size, view, self.note) if features is None else features


def telling(recogniser: Recogniser) -> Recogniser:
    """Return the same captioner, for use: of a picture that ends early it describes what is there, and tells."""
    assert isinstance(recogniser.inputs, PictureInputs)
    return replace(recogniser, inputs=replace(recogniser.inputs, note=say))
