"""Decoding: from a batch of inputs to hypotheses, from either head or from both.

Shapes: B batch, T encoder positions, U output length, V vocabulary, N results for each input.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from scriba.core.align import align
from scriba.core.beam import LanguageModel, Path, Rules, Scorers, Search, allowed, limits
from scriba.core.calibration import calibrated
from scriba.core.consensus import by_consensus
from scriba.core.ctc import greedy_path
from scriba.core.decoder import Decoder
from scriba.core.errors import UsageError
from scriba.core.hypothesis import Hypothesis, group_words, make_units
from scriba.core.memory import Memory
from scriba.core.model import Seq2Seq
from scriba.core.prefix import PrefixScorer
from scriba.core.tokenizer import BLANK, SOS_EOS, UNK, Tokenizer

Method = Literal["attention", "ctc", "joint"]
IMPOSSIBLE = -1e9
"""Score of an input that allows no output between the length limits."""


@dataclass(frozen=True)
class DecodingConfig:
    """How text is found.

    Args:
        method: Head that is decoded, attention or ctc, or joint for both.
        beam_size: Hypotheses that are followed at a time; 1 is greedy.
        n_best: Results that are given for each input, the best and its alternatives; at most the beam size.
        ctc_weight: Share of CTC in the joint score; the rest is that of attention.
        lm: Language model: a bundle (folder, bundled name or hf:owner/name) or an n-gram model in an .arpa file.
        lm_weight: Factor on the log probability of the language model.
        length_bonus: Added to the score for every token.
        length_penalty: With a beam, rank by score divided by the length to this power.
        coverage: Added to the score for every encoder position that attention has looked at.
        consensus: Above 0, take of all outputs of the beam the one most like the others, at this temperature of their
            probabilities (`core/consensus.py`); 0 takes the one that ranks best.
        min_length_ratio: An output has at least this many tokens per encoder position.
        max_length_ratio: It has at most this many; CTC alone needs no limit.
        temperature: Of the confidences, so that they mean what they say (scripts/calibrate.py); 1 leaves them.
    """

    method: Method = "ctc"
    beam_size: int = 1
    n_best: int = 1
    ctc_weight: float = 0.3
    lm: str | None = None
    lm_weight: float = 0.0
    length_bonus: float = 0.0
    length_penalty: float = 0.0
    coverage: float = 0.0
    consensus: float = 0.0
    min_length_ratio: float = 0.0
    max_length_ratio: float = 1.0
    temperature: float = 1.0

    @property
    def greedy(self) -> bool:
        """Whether the most probable token of every step is all that is asked for."""
        scored = self.lm_weight or self.length_bonus or self.coverage or self.min_length_ratio
        return self.method != "joint" and self.beam_size == 1 and not scored


def available_methods(model: Seq2Seq) -> tuple[Method, ...]:
    """Return the methods for which the model has a head."""
    ctc: tuple[Method, ...] = ("ctc",) if model.ctc is not None else ()
    attention: tuple[Method, ...] = ("attention",) if model.decoder is not None else ()
    return ctc + attention


def decode(
    model: Seq2Seq,
    memory: Memory,
    tokenizer: Tokenizer,
    config: DecodingConfig,
    position_size: float | None = None,
    keep_attention: bool = False,
    language: LanguageModel | None = None,
) -> list[Hypothesis]:
    """Decode an encoded batch.

    Args:
        model: The model whose `encode` made the memory.
        memory: Encoder states.
        tokenizer: Turns ids into text.
        config: Method, weights and limits.
        position_size: Extent of one encoder position in the app's unit (seconds, pixels), or None.
        keep_attention: Put the attention weights into the hypotheses (where attention is decoded).
        language: A language model of the same tokens, for `lm_weight`.

    Raises:
        UsageError: The model has no such head, or a value makes no sense.
    """
    check_decoding(model, config)
    ctc = model.ctc if config.method != "attention" else None
    decoder = model.decoder if config.method != "ctc" else None
    log_probs_BTV = None if ctc is None else ctc(memory)
    if config.greedy and log_probs_BTV is not None:
        return decode_ctc(log_probs_BTV, memory.lengths_B, tokenizer, position_size, config.temperature)
    if config.greedy and decoder is not None:
        path = greedy_search(decoder, memory, config.max_length_ratio)
    else:
        prefix = None if log_probs_BTV is None else PrefixScorer(log_probs_BTV, memory.lengths_B)
        rules = search_rules(config)
        search = Search(Scorers(decoder, prefix, language if config.lm_weight else None), memory, rules)
        path = search.run(config.beam_size if config.consensus else config.n_best)
        if config.consensus:
            path = by_consensus(path, config.consensus, config.n_best)
    return read_path(path, memory, tokenizer, position_size, keep_attention, log_probs_BTV, config.temperature)


def check_decoding(model: Seq2Seq, config: DecodingConfig) -> None:
    """Refuse what this model cannot do and what makes no sense.

    Raises:
        UsageError: The model has no such head, or a value lies outside its range.
    """
    if config.beam_size < 1:
        raise UsageError(f"--decoding.beam_size {config.beam_size}: give 1 or more.")
    if not 1 <= config.n_best <= config.beam_size:
        raise UsageError(f"--decoding.n_best {config.n_best}: give 1 to the beam size, which is {config.beam_size}.")
    if config.lm_weight and not config.lm:
        raise UsageError(f"--decoding.lm_weight {config.lm_weight}: name the language model with --decoding.lm.")
    if not 0 <= config.ctc_weight <= 1:
        raise UsageError(f"--decoding.ctc_weight {config.ctc_weight}: give a share between 0 and 1.")
    if not 0 <= config.min_length_ratio <= config.max_length_ratio:
        raise UsageError(
            f"--decoding.min_length_ratio {config.min_length_ratio}: give 0 or more, and no more than "
            f"--decoding.max_length_ratio {config.max_length_ratio}."
        )
    if config.consensus < 0 or (config.consensus and config.beam_size < 3):
        raise UsageError(
            f"--decoding.consensus {config.consensus}: give 0 or more; and --decoding.beam_size 3 or more, "
            "for less has no majority."
        )
    if config.temperature <= 0:
        raise UsageError(f"--decoding.temperature {config.temperature}: give more than 0.")
    there = available_methods(model)
    if config.method == "joint" and len(there) < 2:
        raise UsageError(f"--decoding.method joint: this model has one head only; use {there[0]}.")
    if config.method != "joint" and config.method not in there:
        raise UsageError(f"--decoding.method {config.method}: this model has no such head; use {' or '.join(there)}.")


def search_rules(config: DecodingConfig) -> Rules:
    """Return what the search ranks by."""
    share = {"attention": 0.0, "ctc": 1.0, "joint": config.ctc_weight}[config.method]
    return Rules(
        beam_size=config.beam_size,
        ctc_weight=share,
        lm_weight=config.lm_weight,
        length_bonus=config.length_bonus,
        length_penalty=config.length_penalty,
        coverage=config.coverage,
        min_length_ratio=config.min_length_ratio,
        max_length_ratio=config.max_length_ratio,
    )


def decode_ctc(
    log_probs_BTV: Tensor,
    lengths_B: Tensor,
    tokenizer: Tokenizer,
    position_size: float | None = None,
    temperature: float = 1.0,
) -> list[Hypothesis]:
    """Collapse the best CTC path of each row; its score is the log probability of that one path."""
    hypotheses = []
    for path in greedy_path(log_probs_BTV, lengths_B):
        spikes = [spike for spike in path.spikes if spike.token not in (SOS_EOS, UNK)]  # they give no text
        tokens = make_units(
            [tokenizer.piece(spike.token) for spike in spikes],
            calibrated([spike.probability for spike in spikes], temperature),
            [(spike.start, spike.end) for spike in spikes],
            position_size,
        )
        text = tokenizer.decode([spike.token for spike in spikes])
        scores = {"ctc": path.log_prob}
        hypotheses.append(Hypothesis(text, path.log_prob, scores, tokens, group_words(tokens)))
    return hypotheses


def read_path(
    path: Path,
    memory: Memory,
    tokenizer: Tokenizer,
    position_size: float | None = None,
    keep_attention: bool = False,
    log_probs_BTV: Tensor | None = None,
    temperature: float = 1.0,
) -> list[Hypothesis]:
    """Return what the best outputs of a search say.

    A token lies where CTC aligns it, or without CTC at the position that attention looked at most.
    """
    results = []
    for b, positions in enumerate(memory.lengths_B.tolist()):
        log_probs_TV = None if log_probs_BTV is None else log_probs_BTV[b, :positions]
        count = max(1, int((path.ranks_BN[b] > -torch.inf).sum()))
        best, *others = (
            read_output(path, (b, n), positions, tokenizer, position_size, keep_attention, log_probs_TV, temperature)
            for n in range(count)
        )
        results.append(replace(best, alternatives=tuple(others)))
    return results


def read_output(
    path: Path,
    place: tuple[int, int],
    positions: int,
    tokenizer: Tokenizer,
    position_size: float | None,
    keep_attention: bool,
    log_probs_TV: Tensor | None,
    temperature: float,
) -> Hypothesis:
    """Return what one output of a search says: that at `place` (input, rank), of an input of so many positions."""
    if path.ranks_BN[place] == -torch.inf:  # nothing is as long as was asked for
        return Hypothesis("", IMPOSSIBLE)
    ids = path.ids_BNU[place].tolist()
    tokens = ids[: ids.index(SOS_EOS)] if SOS_EOS in ids else []
    length = len(tokens)
    confidences = calibrated(path.log_probs_BNU[place][:length].exp().tolist(), temperature)
    spans, attention, agreement = None, None, None
    if path.weights_BNUT is not None:
        weights_UT = path.weights_BNUT[place][:length, :positions]
        spans = [(t, t + 1) for t in weights_UT.argmax(-1).tolist()]
        attention = tuple(map(tuple, weights_UT.tolist())) if keep_attention else None
    if log_probs_TV is not None:
        spans = align(log_probs_TV, tokens) or spans
    if path.agreed_BNU is not None:
        agreement = float(path.agreed_BNU[place][: length + 1].float().mean())
    units = make_units([tokenizer.piece(i) for i in tokens], confidences, spans, position_size)
    scores = {name: float(part_BN[place]) for name, part_BN in path.parts.items()}
    rank, text = float(path.ranks_BN[place]), tokenizer.decode(tokens)
    return Hypothesis(text, rank, scores, units, group_words(units), attention, agreement)


def greedy_search(decoder: Decoder, memory: Memory, max_length_ratio: float = 1.0) -> Path:
    """Take the most probable token of the attention decoder at every step until the end symbol.

    A row ends at the latest after `max_length_ratio` tokens per encoder position, so that attention that
    loops on noise or silence cannot run away.
    """
    limits_B = limits(memory, max_length_ratio)
    state = decoder.init(memory)
    tokens_B = torch.full_like(memory.lengths_B, SOS_EOS)
    done_B = torch.zeros_like(memory.lengths_B, dtype=torch.bool)
    ids, scores, weights = [], [], []
    for step in range(int(limits_B.max()) + 1):
        logits_BV, state = decoder.step(state, tokens_B)
        log_probs_BV = allowed(logits_BV)
        score_B, tokens_B = log_probs_BV.max(-1)
        last_B = step >= limits_B
        score_B = torch.where(last_B, log_probs_BV[:, SOS_EOS], score_B)
        tokens_B = tokens_B.masked_fill(last_B, SOS_EOS)
        ids.append(tokens_B.masked_fill(done_B, BLANK))
        scores.append(score_B.masked_fill(done_B, 0.0))
        if state.weights_BNT is not None:
            weights.append(state.weights_BNT.mean(1))
        done_B = done_B | (tokens_B == SOS_EOS)
        if step % 8 == 7 and bool(done_B.all()):  # asking a GPU at every step would stall it
            break
    weights_BNUT = torch.stack(weights, 1)[:, None].cpu() if weights else None
    log_probs_BNU = torch.stack(scores, 1)[:, None].cpu()
    scores_BN = log_probs_BNU.sum(2)
    return Path(torch.stack(ids, 1)[:, None].cpu(), log_probs_BNU, scores_BN, {"attention": scores_BN}, weights_BNUT)
