"""How a model's outputs are found: options and language model together, checked against the heads that there are."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor

from scriba.core.errors import UsageError
from scriba.core.model import Head, Memory, Seq2Seq
from scriba.core.ranges import check_ranges
from scriba.core.search.config import DecodingConfig, Method, method_of
from scriba.core.search.prefix import PrefixScorer
from scriba.core.search.scorer import DecoderScorer, Scorer, Weighted


@dataclass(frozen=True)
class Decoding:
    """What a recogniser decodes by.

    Attributes:
        options: The options; `auto` among them means what the heads allow.
        heads: Heads of the model.
        language: The language model that `lm_weight` is the weight of, if there is one.
        others: Whatever else has a say in a beam, each under a name of its own.

    Raises:
        UsageError: The model has no such head, or options lie outside their ranges or contradict each other.
    """

    options: DecodingConfig
    heads: tuple[Head, ...]
    language: Scorer | None = None
    others: tuple[Weighted, ...] = ()

    def __post_init__(self) -> None:
        check_decoding(self.options, self.heads)

    @property
    def method(self) -> Method:
        """Head that is decoded, or joint for both."""
        return method_of(self.options, self.heads)

    @property
    def greedy(self) -> bool:
        """Whether the most probable token of every step is all that is asked for."""
        options = self.options
        scored = options.lm_weight or options.length_bonus or options.coverage or options.min_length_ratio
        return self.method != "joint" and options.beam_size == 1 and not scored and not self.others

    def by(self, method: Method) -> Decoding:
        """Return the same with another head."""
        return replace(self, options=replace(self.options, method=method))

    def scorers(self, model: Seq2Seq, memory: Memory, log_probs_BTV: Tensor | None) -> list[Weighted]:
        """Return the parts of the score of a batch, equation (1) of `core/search/beam.py`.

        Args:
            model: The model.
            memory: Encoder states.
            log_probs_BTV: From the CTC head; None where attention alone is decoded.
        """
        options = self.options
        share = {"attention": 0.0, "ctc": 1.0, "joint": options.ctc_weight}[self.method]
        parts: list[Weighted] = []
        if self.method != "ctc" and model.decoder is not None:
            parts.append(Weighted(1 - share, DecoderScorer(model.decoder, memory)))
        if log_probs_BTV is not None and model.ctc is not None:
            parts.append(Weighted(share, PrefixScorer(log_probs_BTV, model.ctc.lengths(memory))))
        if self.language is not None and options.lm_weight:
            parts.append(Weighted(options.lm_weight, self.language))
        return [*parts, *self.others]


def check_decoding(options: DecodingConfig, heads: tuple[Head, ...]) -> None:
    """Refuse what a model of these heads cannot do and what makes no sense.

    Raises:
        UsageError: There is no such head, or a value lies outside its range or contradicts another.
    """
    check_ranges(options, "--decoding.")
    if options.n_best > options.beam_size:
        raise UsageError(f"--decoding.n_best {options.n_best}: give 1 to the beam size, which is {options.beam_size}.")
    if options.lm_weight and not options.lm:
        raise UsageError(f"--decoding.lm_weight {options.lm_weight}: name the language model with --decoding.lm.")
    if options.min_length_ratio > options.max_length_ratio:
        raise UsageError(
            f"--decoding.min_length_ratio {options.min_length_ratio}: give no more than "
            f"--decoding.max_length_ratio, which is {options.max_length_ratio}."
        )
    if options.consensus and options.beam_size < 3:
        raise UsageError(
            f"--decoding.consensus {options.consensus}: give --decoding.beam_size 3 or more; less has no majority."
        )
    method = method_of(options, heads)
    if method == "joint" and len(heads) < 2:
        raise UsageError(f"--decoding.method joint: this model has one head only; use {heads[0]}.")
    if method != "joint" and method not in heads:
        raise UsageError(f"--decoding.method {method}: this model has no such head; use {' or '.join(heads)}.")
