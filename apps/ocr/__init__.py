"""Text-line OCR."""

from scriba.ocr.reader import LineReader as Model
from scriba.ocr.task import OcrConfig as Config
from scriba.ocr.task import OcrTask as Task

MEDIA = "image"
"""Column of the input in manifests."""

__all__ = ["MEDIA", "Config", "Model", "Task"]
