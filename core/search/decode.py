"""From a batch of encoder states to hypotheses.

Shapes: B batch, T encoder positions, U output length, V vocabulary, N results for each input.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from scriba.core.model import Memory, Seq2Seq, greedy_path
from scriba.core.precision import autocast
from scriba.core.scores import calibrated
from scriba.core.search.align import align
from scriba.core.search.beam import BeamSearch
from scriba.core.search.consensus import by_consensus
from scriba.core.search.decoding import Decoding
from scriba.core.search.greedy import greedy_search
from scriba.core.search.hypothesis import Hypothesis, group_words, make_tokens
from scriba.core.search.outputs import Outputs
from scriba.core.text import SOS_EOS, UNK, Tokenizer

IMPOSSIBLE = -1e9
"""Score of an input that allows no output between the length limits."""


def decode(
    model: Seq2Seq,
    memory: Memory,
    tokenizer: Tokenizer,
    decoding: Decoding,
    position_size: float | None = None,
    keep_attention: bool = False,
    dtype: torch.dtype = torch.float32,
) -> list[Hypothesis]:
    """Decode an encoded batch.

    Args:
        model: The model whose `encode` made the memory.
        memory: Encoder states.
        tokenizer: Turns ids into text.
        decoding: How text is found.
        position_size: Extent of one encoder position in the app's unit (seconds, pixels), or None.
        keep_attention: Put the attention weights into the hypotheses (where attention is decoded).
        dtype: Number format of the layer of the CTC head; its softmax and all else are in float32.
    """
    ctc = model.ctc if decoding.method != "attention" else None
    with autocast(memory.states_BTD.device, dtype):
        log_probs_BTV = None if ctc is None else ctc(memory)
    options = decoding.options
    reader = OutputReader(tokenizer, position_size, options.temperature, keep_attention, 1 if ctc is None else ctc.rate)
    if decoding.greedy and ctc is not None and log_probs_BTV is not None:
        return reader.read_spikes(log_probs_BTV, ctc.lengths(memory))
    if decoding.greedy and model.decoder is not None:
        outputs = greedy_search(model.decoder, memory, options.max_length_ratio)
    else:
        search = BeamSearch(decoding.scorers(model, memory, log_probs_BTV), memory, options)
        outputs = search.run(options.beam_size if options.consensus else options.n_best)
        if options.consensus:
            outputs = by_consensus(outputs, options.consensus, options.n_best)
    return reader.read(outputs, memory, log_probs_BTV)


@dataclass(frozen=True)
class OutputReader:
    """Makes hypotheses of what a search returns.

    Attributes:
        tokenizer: Turns ids into text.
        position_size: Extent of one encoder position in the app's unit, or None.
        temperature: Of the confidences.
        keep_attention: Put the attention weights into the hypotheses.
        rate: Positions of the CTC head for each position of the encoder.
    """

    tokenizer: Tokenizer
    position_size: float | None = None
    temperature: float = 1.0
    keep_attention: bool = False
    rate: int = 1

    @property
    def ctc_size(self) -> float | None:
        """Extent of one position of the CTC head."""
        return None if self.position_size is None else self.position_size / self.rate

    def read_spikes(self, log_probs_BTV: Tensor, lengths_B: Tensor) -> list[Hypothesis]:
        """Collapse the best CTC path of each row; its score is the log probability of that one path."""
        hypotheses = []
        for path in greedy_path(log_probs_BTV, lengths_B):
            spikes = [spike for spike in path.spikes if spike.token not in (SOS_EOS, UNK)]  # they give no text
            tokens = make_tokens(
                [self.tokenizer.piece(spike.token) for spike in spikes],
                calibrated([spike.probability for spike in spikes], self.temperature),
                [(spike.start, spike.end) for spike in spikes],
                self.ctc_size,
            )
            text = self.tokenizer.decode([spike.token for spike in spikes])
            hypotheses.append(Hypothesis(text, path.log_prob, {"ctc": path.log_prob}, tokens, group_words(tokens)))
        return hypotheses

    def read(self, outputs: Outputs, memory: Memory, log_probs_BTV: Tensor | None = None) -> list[Hypothesis]:
        """Return what the best outputs of a search say.

        A token lies where CTC aligns it, or without CTC at the position that attention looked at most.
        """
        results = []
        for b, positions in enumerate(memory.lengths_B.tolist()):
            log_probs_TV = None if log_probs_BTV is None else log_probs_BTV[b, : self.rate * positions]
            count = max(1, int((outputs.ranks_BN[b] > -torch.inf).sum()))
            best, *others = (self._read_one(outputs, (b, n), positions, log_probs_TV) for n in range(count))
            results.append(replace(best, alternatives=tuple(others)))
        return results

    def _read_one(
        self, outputs: Outputs, which: tuple[int, int], positions: int, log_probs_TV: Tensor | None
    ) -> Hypothesis:
        """Return what one output says: `which` is (input, rank), of an input of so many positions."""
        if outputs.ranks_BN[which] == -torch.inf:  # nothing is as long as was asked for
            return Hypothesis("", IMPOSSIBLE)
        ids = outputs.ids_BNU[which].tolist()
        tokens = ids[: ids.index(SOS_EOS)] if SOS_EOS in ids else []
        length = len(tokens)
        confidences = calibrated(outputs.log_probs_BNU[which][:length].exp().tolist(), self.temperature)
        spans, size, attention, agreement = None, self.position_size, None, None
        if outputs.weights_BNUT is not None:
            weights_UT = outputs.weights_BNUT[which][:length, :positions]
            spans = [(t, t + 1) for t in weights_UT.argmax(-1).tolist()]
            attention = tuple(map(tuple, weights_UT.tolist())) if self.keep_attention else None
        if log_probs_TV is not None and (aligned := align(log_probs_TV, tokens)):
            spans, size = aligned, self.ctc_size
        if outputs.agreed_BNU is not None:
            agreement = float(outputs.agreed_BNU[which][: length + 1].float().mean())
        units = make_tokens([self.tokenizer.piece(i) for i in tokens], confidences, spans, size)
        scores = {name: float(part_BN[which]) for name, part_BN in outputs.parts.items()}
        rank, text = float(outputs.ranks_BN[which]), self.tokenizer.decode(tokens)
        return Hypothesis(text, rank, scores, units, group_words(units), attention, agreement)
