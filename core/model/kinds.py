"""Encoders by name: the registry that `--encoder.kind` chooses from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from scriba.core.errors import UsageError, nearest
from scriba.core.model.memory import Encoder

C = TypeVar("C")


@dataclass(frozen=True)
class EncoderKinds(Generic[C]):
    """The encoders of an app.

    Attributes:
        kinds: What builds each from a config of the app, by the name that `encoder.kind` of the config has.
    """

    kinds: Mapping[str, Callable[[C], Encoder]]

    def __call__(self, config: Any) -> Encoder:
        """Build the configured encoder, with fresh weights.

        Raises:
            UsageError: There is none of that name.
        """
        kind = config.encoder.kind
        if kind not in self.kinds:
            raise UsageError(f"--encoder.kind {kind}: use {' or '.join(self.kinds)}.{nearest(kind, self.kinds)}")
        return self.kinds[kind](config)
