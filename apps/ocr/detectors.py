"""Layouts of other packages, imported when they are asked for: kraken's segmentation and docTR's detection."""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from scriba.core.errors import InputError, UsageError
from scriba.ocr.boxes import Boxes, as_box, heights
from scriba.ocr.cut import PageLine
from scriba.ocr.gutters import find_gutters
from scriba.ocr.image import Grey
from scriba.ocr.layout import Confidence, Found, right_way_up
from scriba.ocr.order import Print, reading_order
from scriba.ocr.page import upright
from scriba.ocr.shape import Polygon, around, corners, cut_outline, within


@dataclass(frozen=True)
class Detector:
    """A layout that looks for outlines of lines on the page that was turned upright.

    Attributes:
        outlines: Returns those of a page, in reading order.
    """

    outlines: Callable[[Grey], list[Polygon]]

    def __call__(self, picture: Grey, file: str, number: int, confidence: Confidence) -> Found:
        """Return the lines of a picture."""
        page, angle = upright(picture)
        return right_way_up(Found(page, self._lines(page), angle), self._lines, confidence)

    def _lines(self, page: Grey) -> list[PageLine]:
        areas = [(outline, within(around(outline), page)) for outline in self.outlines(page)]
        return [cut_outline(page, outline) for outline, box in areas if box.width > 0 and box.height > 0]


def kraken() -> Detector:
    """Return the segmentation of kraken, by the model that comes with it."""
    tasks, configs = imported("kraken.tasks", "kraken"), imported("kraken.configs", "kraken")
    model, config = tasks.SegmentationTaskModel.load_model(), configs.SegmentationInferenceConfig()

    def outlines(page: Grey) -> list[Polygon]:
        lines = model.predict(im=Image.fromarray(page), config=config).lines
        return [tuple((round(x), round(y)) for x, y in line.boundary) for line in lines if line.boundary]

    return Detector(outlines)


def doctr() -> Detector:
    """Return the detection of docTR; its predictor makes lines of words, and reads them, too, by its smallest model."""
    models = imported("doctr.models", "python-doctr")
    try:
        predictor = models.ocr_predictor(reco_arch="crnn_mobilenet_v3_small", pretrained=True)
    except OSError as error:  # it downloads its weights at first
        raise InputError(f"--layout doctr: its weights cannot be had ({error}); try again when online.") from error

    def outlines(page: Grey) -> list[Polygon]:
        height, width = page.shape
        blocks = predictor([np.repeat(page[..., None], 3, -1)]).pages[0].blocks
        places = [line.geometry for block in blocks for line in block.lines]  # shares of the page's sides
        scale = np.array([width, height, width, height])
        boxes = np.round(np.array([np.ravel(place) for place in places]).reshape(-1, 4) * scale).astype(np.int64)
        return [corners(as_box(box)) for box in in_reading_order(boxes, page.shape)]

    return Detector(outlines)


def in_reading_order(boxes: Boxes, shape: tuple[int, ...]) -> Boxes:
    """Return boxes of lines, which docTR has from top to bottom across all columns, in the order of reading.

    Args:
        boxes: Of each line (N, 4).
        shape: Rows and columns of the page.
    """
    if not len(boxes):
        return boxes
    sizes, none = (
        heights(boxes).astype(np.float64) / 2,
        np.zeros((0, 4), np.int64),
    )  # about those of letters; no rules are known
    gutters = find_gutters(boxes, none, (shape[0], shape[1]), float(np.median(sizes)))
    return boxes[reading_order(Print(boxes, sizes, none), gutters)]


def imported(module: str, package: str) -> Any:
    """Return a module of a package that need not be there.

    Raises:
        UsageError: It is not.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        name = module.split(".")[0]
        raise UsageError(f"--layout {name} needs {name} ({error}); pip install {package}.") from error


DETECTORS: Mapping[str, Callable[[], Detector]] = {"kraken": kraken, "doctr": doctr}
