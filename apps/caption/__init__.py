"""Image captioning."""

from scriba.caption.describer import Describer as Model
from scriba.caption.task import CaptionConfig as Config
from scriba.caption.task import CaptionTask as Task

MEDIA = "image"
"""Column of the input in manifests."""

__all__ = ["MEDIA", "Config", "Model", "Task"]
