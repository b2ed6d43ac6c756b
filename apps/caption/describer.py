"""A loaded captioner, for use from Python."""

from dataclasses import dataclass

from scriba.caption.inputs import telling
from scriba.core.example import Example
from scriba.core.files import Picture, given
from scriba.core.recogniser import Recogniser
from scriba.core.search import Hypothesis


@dataclass(frozen=True)
class Describer:
    """Says what pictures show.

    Attributes:
        recogniser: The model.
    """

    recogniser: Recogniser

    def describe(self, image: Picture) -> Hypothesis:
        """Return the caption of one picture, with the attention over it for each word.

        Args:
            image: A picture: a path, bytes, an open file, one of Pillow's, or an array (`core/files/given.py`).

        Raises:
            InputError: The picture cannot be used.
        """
        source, name = given(image)
        (result,) = telling(self.recogniser).run([Example(name, source, "")], keep_attention=True)
        if result.error is not None:
            raise result.error
        return result.hypothesis
