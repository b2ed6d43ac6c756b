"""A loaded captioner, for use from Python."""

from dataclasses import dataclass
from pathlib import Path

from scriba.core.example import Example
from scriba.core.recogniser import Recogniser
from scriba.core.search import Hypothesis


@dataclass(frozen=True)
class Describer:
    """Says what pictures show.

    Attributes:
        recogniser: The model.
    """

    recogniser: Recogniser

    def describe(self, image: str | Path | bytes) -> Hypothesis:
        """Return the caption of one picture, with the attention over it for each word.

        Raises:
            InputError: The picture cannot be used.
        """
        name = str(image) if isinstance(image, str | Path) else "image"
        source = image if isinstance(image, bytes) else Path(image)
        (result,) = self.recogniser.run([Example(name, source, "")], keep_attention=True)
        if result.error is not None:
            raise result.error
        return result.hypothesis
