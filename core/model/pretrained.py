"""Parts of a model that bring weights of their own to start from."""

from typing import Protocol, runtime_checkable

from torch import nn


@runtime_checkable
class Pretrained(Protocol):
    """A part that knows where its weights are, such as a `Backbone`."""

    def load_pretrained(self) -> None:
        """Load them.

        Raises:
            InputError: They cannot be had.
        """
        ...


def load_pretrained_parts(model: nn.Module) -> None:
    """Load the weights of every part that has its own.

    Raises:
        InputError: Some cannot be had.
    """
    for part in model.modules():
        if isinstance(part, Pretrained):
            part.load_pretrained()
