"""The options of a search."""

from dataclasses import dataclass
from typing import Annotated, Literal

from scriba.core.model import Head
from scriba.core.ranges import NotNegative, Positive, Range, Real, Share

Method = Literal["attention", "ctc", "joint"]


@dataclass(frozen=True)
class DecodingConfig:
    """How text is found.

    Args:
        method: Head that is decoded, attention or ctc, or joint for both; auto takes ctc where there is that head.
        beam_size: Hypotheses that are followed at a time; 1 is greedy.
        n_best: Results that are given for each input, the best and its alternatives; at most the beam size.
        ctc_weight: Share of CTC in the joint score; the rest is that of attention.
        lm: Language model: a bundle (folder, bundled name or hf:owner/name) or an n-gram model in an .arpa file.
        lm_weight: Factor on the log probability of the language model.
        length_bonus: Added to the score for every token.
        length_penalty: With a beam, rank by score divided by the length to this power, the end symbol included.
        coverage: Added to the score for every encoder position that attention has looked at.
        consensus: Above 0, take of all outputs of the beam the one most like the others, at this temperature of their
            probabilities (`core/search/consensus.py`); 0 takes the one that ranks best.
        min_length_ratio: An output has at least this many tokens per encoder position.
        max_length_ratio: It has at most this many, and at least one; CTC alone needs no limit.
        temperature: Of the confidences, so that they mean what they say (scriba model calibrate); 1 leaves them.
    """

    method: Literal["auto", "attention", "ctc", "joint"] = "auto"
    beam_size: Annotated[int, Range(1, 1000)] = 1
    n_best: Annotated[int, Range(1, 1000)] = 1
    ctc_weight: Share = 0.3
    lm: str | None = None
    lm_weight: Real = 0.0
    length_bonus: Real = 0.0
    length_penalty: Real = 0.0
    coverage: Real = 0.0
    consensus: NotNegative = 0.0
    min_length_ratio: NotNegative = 0.0
    max_length_ratio: Annotated[float, Range(0, 100)] = 1.0
    temperature: Positive = 1.0


def method_of(config: DecodingConfig, heads: tuple[Head, ...]) -> Method:
    """Return the method, with what `auto` means for a model of these heads."""
    return heads[0] if config.method == "auto" else config.method
