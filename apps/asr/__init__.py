"""Speech recognition."""

from scriba.asr.app import APP
from scriba.asr.recogniser import SpeechRecogniser as Model
