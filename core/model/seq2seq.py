"""The shared model: an encoder, a CTC head and an attention decoder over one memory."""

from typing import Literal

from torch import Tensor, nn

from scriba.core.model.ctc import CTCHead
from scriba.core.model.decoder import Decoder
from scriba.core.model.memory import Encoder, Memory
from scriba.core.precision import full

Head = Literal["ctc", "attention"]


class Seq2Seq(nn.Module):
    """Encoder and heads.

    Args:
        encoder: Maps a padded batch to a `Memory`.
        decoder: The attention decoder, or None for CTC only.
        ctc: The CTC head, or None for attention only.
    """

    encoder: Encoder
    decoder: Decoder | None

    def __init__(self, *, encoder: Encoder, decoder: Decoder | None, ctc: CTCHead | None) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.ctc = ctc

    @property
    def heads(self) -> tuple[Head, ...]:
        """The heads there are."""
        ctc: tuple[Head, ...] = ("ctc",) if self.ctc is not None else ()
        attention: tuple[Head, ...] = ("attention",) if self.decoder is not None else ()
        return ctc + attention

    def encode(self, inputs: Tensor, lengths_B: Tensor) -> Memory:
        """Encode a padded batch; the memory is in full precision whatever the layers ran in.

        Args:
            inputs: Padded inputs, dimension 1 is padded.
            lengths_B: Valid entries of dimension 1.
        """
        memory: Memory = self.encoder(inputs, lengths_B)
        return Memory(full(memory.states_BTD), memory.lengths_B, memory.grid)
