"""Speech recognition."""

from scriba.asr.recogniser import SpeechRecogniser as Model
from scriba.asr.task import AsrConfig as Config
from scriba.asr.task import AsrTask as Task

MEDIA = "audio"
"""Column of the input in manifests."""

__all__ = ["MEDIA", "Config", "Model", "Task"]
