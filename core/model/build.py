"""The composition root: from a config to a whole model."""

from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import nn

from scriba.core.errors import UsageError
from scriba.core.model.attention import AttentionConfig, build_attention
from scriba.core.model.ctc import CTCConfig, CTCHead
from scriba.core.model.fused import FusedLoop
from scriba.core.model.memory import Encoder
from scriba.core.model.recurrent import CellLayout, CellStack
from scriba.core.model.recurrent_decoder import DecoderConfig, Loop, RecurrentDecoder, plain_loop
from scriba.core.model.seq2seq import Seq2Seq
from scriba.core.model.start import LastStart, MeanStart, ZeroStart

Heads = Literal["both", "ctc", "attention"]


@dataclass(frozen=True)
class ModelConfig:
    """Everything behind the encoder.

    Args:
        heads: Which heads there are.
        attention: How the decoder looks at the memory.
        decoder: The recurrent decoder.
        ctc: The CTC head.
    """

    heads: Heads = "both"
    attention: AttentionConfig = field(default_factory=AttentionConfig)
    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    ctc: CTCConfig = field(default_factory=CTCConfig)


def build_model(config: ModelConfig, encoder: Encoder, vocabulary_size: int) -> Seq2Seq:
    """Build the whole model.

    Args:
        config: What is behind the encoder.
        encoder: The app's encoder.
        vocabulary_size: Number of tokens, the three special ones included.

    Raises:
        UsageError: Options contradict each other.
    """
    sizes = {"memory_size": encoder.memory_size, "vocabulary_size": vocabulary_size}
    decoder = None if config.heads == "ctc" else build_decoder(config.decoder, config.attention, **sizes)
    ctc = None if config.heads == "attention" else CTCHead(**sizes, rate=config.ctc.rate)
    return Seq2Seq(encoder=encoder, decoder=decoder, ctc=ctc)


def build_decoder(
    config: DecoderConfig, attention: AttentionConfig, *, memory_size: int, vocabulary_size: int
) -> RecurrentDecoder:
    """Assemble the configured decoder.

    Raises:
        UsageError: Options of the attention contradict each other.
    """
    try:
        glimpse = build_attention(attention, memory_size=memory_size, query_size=config.size)
    except ValueError as error:
        raise UsageError(f"--attention.*: {error}.") from error
    context_size = memory_size if glimpse is not None or attention.without != "state" else 0
    vectors = torch.randn(vocabulary_size, config.embedding_size)  # of itself, nn.Embedding is slow on the meta device
    embedding = nn.Embedding.from_pretrained(vectors, freeze=False)
    cells = CellStack(
        config.cell,
        input_size=config.embedding_size + context_size,
        hidden_size=config.size,
        layers=config.layers,
        dropout=config.dropout,
    )
    gate = nn.Linear(config.size, 1) if config.gate and glimpse is not None else None
    loop: Loop = plain_loop
    if glimpse is not None and gate is None and config.start == "zeros":
        loop = FusedLoop.of(glimpse, cells) or plain_loop
    return RecurrentDecoder(
        attention=glimpse,
        without=attention.without,
        embedding=embedding,
        cells=cells,
        start=build_start(config, memory_size, cells.layout, attends=glimpse is not None),
        context_size=context_size,
        dropout=config.dropout,
        gate=gate,
        loop=loop,
    )


def build_start(config: DecoderConfig, memory_size: int, layout: CellLayout, attends: bool) -> nn.Module:
    """Build what makes the first state; without attention, zeros would hear nothing of the input."""
    if config.start == "mean":
        return MeanStart(memory_size, layout)
    return ZeroStart(layout) if attends else LastStart(memory_size, layout)
