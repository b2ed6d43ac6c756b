"""The options that every app shares. A run is a `RunConfig`; apps add sections of their own."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from scriba.core.errors import UsageError
from scriba.core.model import AttentionConfig, CTCConfig, DecoderConfig, Head, Heads, ModelConfig
from scriba.core.precision import Device, Precision
from scriba.core.ranges import Count, NotNegative, Positive, Range, Share, Size, Whole, check_ranges
from scriba.core.search import DecodingConfig, check_decoding
from scriba.core.text import TokenizerConfig
from scriba.core.training.averaging import AverageKind
from scriba.core.training.schedule import Decay


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
    max_lost: Share = 0.02
    workers: Annotated[int, Range(0, 1024)] = 0


@dataclass(frozen=True)
class LateConfig:
    """A part of the model that is trained later than the rest, at its own learning rate: a pretrained network, say.

    Args:
        part: Beginning of the names of its weights, such as encoder.backbone; empty for none.
        from_step: Optimiser steps before it is trained.
        learning_rate: Peak of its learning rate, which rises and falls as that of the rest does.
    """

    part: str = ""
    from_step: Whole = 0
    learning_rate: NotNegative = 1e-4


@dataclass(frozen=True)
class LossConfig:
    """What is minimised.

    Args:
        ctc_weight: Weight of the CTC loss: 0 trains attention only, 1 CTC only.
        label_smoothing: Probability spread over all labels in the attention loss.
        wrong_tokens: Share of the tokens that the decoder is taught on which are replaced by others of the batch: it
            learns to go on after its own errors, and to look where it was rather than at what it said.
        reinforce_weight: Weight of the REINFORCE term, hard attention only.
        entropy_weight: Weight of the entropy of the attention weights, hard attention only.
        doubly_stochastic: Weight of the penalty on positions that were not looked at once in all (Xu et al. 2015,
            section 4.2.1).
        guided: Weight of the penalty on looking far from the diagonal, for inputs whose tokens are about equally long,
            as letters of a line are (Tachibana et al. 2018): attention finds its place sooner and keeps it.
        samples: Outputs that are sampled for each input, to train on their score by the task's own measure instead of
            on likelihood (`core/training/reward.py`); 2 or more, or 0. Start from a trained model with --init.
    """

    ctc_weight: Share = 0.3
    label_smoothing: Annotated[float, Range(0, 1, below=True)] = 0.1
    wrong_tokens: Annotated[float, Range(0, 1, below=True)] = 0.0
    reinforce_weight: NotNegative = 1.0
    entropy_weight: NotNegative = 0.01
    doubly_stochastic: NotNegative = 0.0
    guided: NotNegative = 0.0
    samples: Whole = 0


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
        frozen: Beginning of the names of weights that stay as they are, such as encoder.backbone; empty for none.
        late: A part of the model that is trained later.
        weight_decay: AdamW's weight decay.
        clip_norm: Largest norm of the gradient.
        average: Weights that are evaluated and kept: none, those of the last step, or ema, a moving average.
        ema_decay: Decay of ema.
        eval_every: Epochs between evaluations on dev.
        patience: Stop after this many evaluations without improvement, or null.
        checkpoint_every: Steps between checkpoints (one is also made after each epoch).
        log_every: Steps between lines of the log.
    """

    epochs: Count = 40
    max_steps: Count | None = None
    batch_size: Size = 8
    max_batch_frames: Count = 16000
    accumulate: Count = 1
    learning_rate: NotNegative = 1.5e-3
    warmup: Share = 0.1
    decay: Decay = "cosine"
    frozen: str = ""
    late: LateConfig = field(default_factory=LateConfig)
    weight_decay: NotNegative = 0.01
    clip_norm: Positive = 5.0
    average: AverageKind = "ema"
    ema_decay: Share = 0.999
    eval_every: Count = 1
    patience: Count | None = None
    checkpoint_every: Count = 500
    log_every: Count = 20


@dataclass(frozen=True)
class RunConfig:
    """One training run; what an app's own config extends.

    Args:
        data: Where examples come from.
        tokenizer: The units that texts are made of.
        heads: Which heads the model has: ctc, attention or both; auto: those that the loss trains.
        attention: How the decoder looks at the memory.
        decoder: The recurrent decoder.
        ctc: The CTC head.
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
    heads: Literal["auto", "both", "ctc", "attention"] = "auto"
    attention: AttentionConfig = field(default_factory=AttentionConfig)
    decoder: DecoderConfig = field(default_factory=DecoderConfig)
    ctc: CTCConfig = field(default_factory=CTCConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    decoding: DecodingConfig = field(default_factory=DecodingConfig)
    run_dir: str = "runs/last"
    init: str | None = None
    seed: Whole = 1
    device: Device = "auto"
    precision: Precision = "auto"

    def model(self) -> ModelConfig:
        """Return the part that defines the model behind the encoder."""
        trained: Heads = {0.0: "attention", 1.0: "ctc"}.get(self.loss.ctc_weight, "both")  # type: ignore[assignment]
        return ModelConfig(trained if self.heads == "auto" else self.heads, self.attention, self.decoder, self.ctc)


def check_run(config: RunConfig) -> None:
    """Refuse what makes no sense, before anything is read.

    Raises:
        UsageError: A number lies outside its range, or options contradict each other.
    """
    check_ranges(config)
    heads, weight, samples = config.model().heads, config.loss.ctc_weight, config.loss.samples
    if (heads == "ctc" and weight < 1) or (heads == "attention" and weight > 0):
        right = 1 if heads == "ctc" else 0
        raise UsageError(f"--loss.ctc_weight {weight:g}: with --heads {heads} give {right}.")
    if samples == 1:
        raise UsageError("--loss.samples 1: give 2 or more, or 0.")
    if samples and (weight == 1 or config.attention.selection == "hard"):
        raise UsageError(f"--loss.samples {samples}: only a decoder without hard attention is trained on samples.")
    check_decoding(config.decoding, present(heads))


def present(heads: Heads) -> tuple[Head, ...]:
    """Return the single heads."""
    return ("ctc", "attention") if heads == "both" else (heads,)
