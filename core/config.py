"""The options that every app shares. A run is one of these dataclasses; apps add their own sections."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from scriba.core.attention import AttentionConfig
from scriba.core.decoder import DecoderConfig
from scriba.core.loss import LossConfig
from scriba.core.model import ModelConfig
from scriba.core.precision import Device, Precision
from scriba.core.search import DecodingConfig
from scriba.core.tokenizer import TokenizerConfig


@dataclass(frozen=True)
class DataConfig:
    """Where examples come from.

    Args:
        train: Source of the training examples: a manifest, hf:NAME[:CONFIG[:SPLIT]] or synth:NAME; or a list of them.
        dev: Source, or list of sources, of the examples that choose the best weights.
        normalise: Normalisation of texts, in training and on dev.
        max_lost: Largest share of training examples that may be unusable; training refuses to start above it.
        workers: Processes that prepare batches; 0 prepares them in the training process.
    """

    train: str | list[str] = ""
    dev: str | list[str] = ""
    normalise: str = "none"
    max_lost: float = 0.02
    workers: int = 0


@dataclass(frozen=True)
class LateConfig:
    """A part of the model that is trained later than the rest, at its own learning rate: a pretrained network, say.

    Args:
        part: Beginning of the names of its weights, such as encoder.backbone; empty for none.
        from_step: Optimiser steps before it is trained.
        learning_rate: Peak of its learning rate, which rises and falls as that of the rest does.
    """

    part: str = ""
    from_step: int = 0
    learning_rate: float = 1e-4


@dataclass(frozen=True)
class TrainingConfig:
    """How the model is trained.

    Args:
        epochs: Passes over the training examples.
        max_steps: Stop after this many optimiser steps, or null.
        batch_size: Examples per batch at most.
        max_batch_frames: Input frames per batch at most, padding included.
        accumulate: Batches per optimiser step.
        learning_rate: Peak of AdamW's learning rate.
        warmup: Share of all steps in which the learning rate rises to its peak.
        decay: How it falls to zero after that: cosine or linear; constant does not fall.
        late: A part of the model that is trained later.
        weight_decay: AdamW's weight decay.
        clip_norm: Largest norm of the gradient.
        average: Weights that are evaluated and kept: none, ema or last (mean of the last evaluations).
        ema_decay: Decay of ema.
        average_last: Evaluations that last averages over.
        eval_every: Epochs between evaluations on dev.
        patience: Stop after this many evaluations without improvement, or null.
        checkpoint_every: Steps between checkpoints (one is also made at each evaluation).
        log_every: Steps between lines of the log.
    """

    epochs: int = 40
    max_steps: int | None = None
    batch_size: int = 8
    max_batch_frames: int = 16000
    accumulate: int = 1
    learning_rate: float = 1.5e-3
    warmup: float = 0.1
    decay: Literal["cosine", "linear", "constant"] = "cosine"
    late: LateConfig = field(default_factory=LateConfig)
    weight_decay: float = 0.01
    clip_norm: float = 5.0
    average: Literal["none", "ema", "last"] = "ema"
    ema_decay: float = 0.999
    average_last: int = 5
    eval_every: int = 1
    patience: int | None = None
    checkpoint_every: int = 500
    log_every: int = 20


@dataclass(frozen=True)
class RunConfig:
    """One training run; what an app's own config extends.

    Args:
        data: Where examples come from.
        tokenizer: The units that texts are made of.
        attention: How the decoder looks at the memory.
        decoder: The recurrent decoder.
        loss: What is minimised.
        training: How the model is trained.
        decoding: How text is found on dev and by default afterwards.
        run_dir: Folder of the run; an interrupted run in it is resumed.
        init: Model whose weights the training starts from (folder, bundled name or hf:owner/name), or null.
        seed: Seed of everything random.
        device: auto takes a GPU when there is one.
        precision: Number format of convolutions and recurrent layers; auto asks the hardware for bfloat16.
    """

    data: DataConfig = field(default_factory=DataConfig)
    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)
    attention: AttentionConfig = field(default_factory=AttentionConfig)
    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    decoding: DecodingConfig = field(default_factory=DecodingConfig)
    run_dir: str = "runs/last"
    init: str | None = None
    seed: int = 1
    device: Device = "auto"
    precision: Precision = "auto"

    def model(self) -> ModelConfig:
        """Return the part that defines the model behind the encoder."""
        return ModelConfig(self.attention, self.decoder, self.loss)
