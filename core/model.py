"""The shared model: an encoder, a CTC head and an attention decoder over one memory. The composition root.

Shapes: B batch, T encoder positions, U target length, V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from scriba.core.attention import AttentionConfig
from scriba.core.ctc import CTCHead, ctc_loss
from scriba.core.decoder import Decoder, DecoderConfig, build_decoder
from scriba.core.errors import UsageError
from scriba.core.loss import (
    LossConfig,
    Losses,
    Reinforce,
    cross_entropy,
    looked_at_once,
    mean_per_token,
    teacher_tokens,
)
from scriba.core.memory import Encoder, Memory
from scriba.core.precision import full
from scriba.core.reward import Reward, reward_loss


@dataclass(frozen=True)
class ModelConfig:
    """Everything behind the encoder.

    Args:
        attention: How the decoder looks at the memory.
        decoder: The recurrent decoder.
        loss: What is minimised, and so which heads exist.
    """

    attention: AttentionConfig = field(default_factory=AttentionConfig)
    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    loss: LossConfig = field(default_factory=LossConfig)


class Seq2Seq(nn.Module):
    """Encoder, heads and loss as one module, so that a data-parallel wrapper sees one forward pass.

    Args:
        encoder: Maps a padded batch to a `Memory`.
        decoder: The attention decoder, or None for CTC only.
        ctc: The CTC head, or None for attention only.
        loss: Weights of the joint loss.
    """

    encoder: Encoder

    def __init__(self, *, encoder: Encoder, decoder: Decoder | None, ctc: CTCHead | None, loss: LossConfig) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.ctc = ctc
        self.loss = loss
        hard = decoder is not None and decoder.attention is not None and decoder.attention.hard
        self.reinforce = Reinforce(loss.reinforce_weight, loss.entropy_weight) if hard else None

    def encode(self, inputs: Tensor, lengths_B: Tensor) -> Memory:
        """Encode a padded batch; the memory is in full precision whatever the layers ran in."""
        memory: Memory = self.encoder(inputs, lengths_B)
        return Memory(full(memory.states_BTD), memory.lengths_B, memory.grid)

    def forward(
        self,
        inputs: Tensor,
        lengths_B: Tensor,
        targets_BU: Tensor,
        target_lengths_B: Tensor,
        reward: Reward | None = None,
    ) -> Losses:
        """Return the losses of a batch.

        Args:
            inputs: Padded inputs, dimension 1 is padded.
            lengths_B: Valid entries of dimension 1.
            targets_BU: Target ids without start and end, padded with 0.
            target_lengths_B: U of each row.
            reward: Rates sampled outputs, which the decoder is then trained on; None trains it on the targets.
        """
        memory = self.encode(inputs, lengths_B)
        trace = None
        if self.decoder is not None and reward is None:
            inputs_BU, labels_BU = teacher_tokens(targets_BU, target_lengths_B)
            trace = self.decoder.trace(memory, inputs_BU)
        with torch.autocast(inputs.device.type, enabled=False):  # softmaxes stay in float32
            zero = memory.states_BTD.new_zeros(())
            ctc, attention, extra = zero, zero, zero
            if self.ctc is not None:
                nll_B = ctc_loss(self.ctc(memory), memory.lengths_B, targets_BU, target_lengths_B)
                ctc = mean_per_token(nll_B, target_lengths_B)
            if trace is not None:
                nll_BU = cross_entropy(trace.logits_BUV, labels_BU, self.loss.label_smoothing)
                attention = mean_per_token(nll_BU.sum(1), target_lengths_B + 1)
                if self.reinforce is not None:
                    extra = self.reinforce(trace, labels_BU)
                if self.loss.doubly_stochastic and trace.weights_BUNT is not None:
                    penalty = looked_at_once(trace.weights_BUNT, labels_BU, memory.lengths_B)
                    extra = extra + self.loss.doubly_stochastic * penalty
        if self.decoder is not None and reward is not None:
            attention = reward_loss(self.decoder, memory, self.loss.samples, reward)
        weight = self.loss.ctc_weight
        return Losses(weight * ctc + (1 - weight) * (attention + extra), ctc, attention)


def build_model(config: ModelConfig, encoder: Encoder, vocabulary_size: int) -> Seq2Seq:
    """Build the whole model from one config.

    Args:
        config: Attention, decoder and loss; a `ctc_weight` of 0 or 1 leaves out the head it does not train.
        encoder: The app's encoder.
        vocabulary_size: Number of tokens, the three special ones included.

    Raises:
        UsageError: Options contradict each other.
    """
    weight = config.loss.ctc_weight
    if not 0 <= weight <= 1:
        raise UsageError(f"--loss.ctc_weight must lie between 0 and 1, not {weight}.")
    samples = config.loss.samples
    if samples < 0 or samples == 1:
        raise UsageError(f"--loss.samples {samples}: give 2 or more, or 0.")
    if samples and (weight == 1 or config.attention.selection == "hard"):
        raise UsageError(f"--loss.samples {samples}: only a decoder without hard attention is trained on samples.")
    memory_size = encoder.memory_size
    decoder = ctc = None
    if weight < 1:
        try:
            decoder = build_decoder(
                config.decoder, config.attention, memory_size=memory_size, vocabulary_size=vocabulary_size
            )
        except ValueError as error:
            raise UsageError(f"--attention.*: {error}.") from error
    if weight > 0:
        ctc = CTCHead(memory_size, vocabulary_size)
    return Seq2Seq(encoder=encoder, decoder=decoder, ctc=ctc, loss=config.loss)
