"""Text-line OCR."""

from scriba.ocr.app import APP
from scriba.ocr.reader import LineReader as Model
