"""Image captioning."""

from scriba.caption.app import APP
from scriba.caption.describer import Describer as Model
