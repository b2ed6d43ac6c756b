"""Every variant that can be configured trains: it learns four texts by heart."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from toy import ReadingEncoder, ToyEncoder, ToyInputs, toy_examples

from scriba.core.data.batching import collate
from scriba.core.model.attention import AttentionConfig
from scriba.core.model.build import Heads, ModelConfig, build_model
from scriba.core.model.recurrent_decoder import DecoderConfig
from scriba.core.search.config import DecodingConfig
from scriba.core.search.decode import decode
from scriba.core.search.decoding import Decoding
from scriba.core.text.tokenizer import CharTokenizer
from scriba.core.training.config import LossConfig
from scriba.core.training.objective import build_objective

TEXTS = ["abc", "cab", "bca", "ba"]
SOFT = [
    AttentionConfig("additive", size=16),
    AttentionConfig("location", size=16, location_channels=4, location_width=5),
    AttentionConfig("dot", size=16),
    AttentionConfig("dot", size=16, heads=4),
]
HARD = [AttentionConfig(c.kind, "hard", c.size, c.heads, 4, 5) for c in SOFT]
NONE = [AttentionConfig("none", without=w) for w in ("state", "every_step", "mean")]
LSTM, GRU2 = DecoderConfig("lstm", 1, 32, 8, 0.0), DecoderConfig("gru", 2, 32, 8, 0.0)
GATED = replace(LSTM, start="mean", gate=True)
CASES = [
    *((attention, LSTM, 0.0) for attention in [*SOFT, *HARD, *NONE]),
    *((attention, GRU2, 0.3) for attention in [SOFT[0], HARD[0], NONE[1]]),
    (SOFT[0], LSTM, 1.0),
    (SOFT[0], GATED, 0.0),
    (HARD[0], GATED, 0.0),
]


def name(value: object) -> str:
    if isinstance(value, AttentionConfig):
        return f"{value.kind}{value.heads}-{value.selection}" + ("" if value.kind != "none" else f"-{value.without}")
    if isinstance(value, DecoderConfig):
        return value.cell + ("-gated" if value.gate else "")
    return f"ctc{value}"


@pytest.mark.parametrize(("attention", "decoder", "ctc_weight"), CASES, ids=name)
def test_learns_by_heart(attention: AttentionConfig, decoder: DecoderConfig, ctc_weight: float) -> None:
    """A few hundred steps bring every head of the variant to the exact texts."""
    torch.manual_seed(1)
    tokenizer = CharTokenizer.train(TEXTS)
    inputs = ToyInputs()
    examples = toy_examples(TEXTS)
    batch = collate([(e.id, inputs.prepare(e), tokenizer.encode(str(e.target)), e.texts) for e in examples])
    heads: Heads = {0.0: "attention", 1.0: "ctc"}.get(ctc_weight, "both")  # type: ignore[assignment]
    encoder = ReadingEncoder() if attention.kind == "none" else ToyEncoder()  # there, the last state must know all
    model = build_model(ModelConfig(heads, attention, decoder), encoder, len(tokenizer))
    loss = LossConfig(ctc_weight, label_smoothing=0.0, reinforce_weight=0.3)
    objective = build_objective(model, loss, hard=attention.selection == "hard")
    optimizer = torch.optim.AdamW(objective.parameters(), lr=0.01, weight_decay=0.0)
    for step in range(1500):
        optimizer.zero_grad()
        losses = objective.train()(*batch.tensors())
        losses.total.backward()
        torch.nn.utils.clip_grad_norm_(objective.parameters(), 1.0)
        optimizer.step()
        if step % 50 == 49:
            with torch.no_grad():
                memory = model.eval().encode(batch.inputs, batch.lengths_B)
                ways = {method: Decoding(DecodingConfig(method), model.heads) for method in model.heads}
                found = {
                    method: [hypothesis.text for hypothesis in decode(model, memory, tokenizer, decoding)]
                    for method, decoding in ways.items()
                }
            if all(result == TEXTS for result in found.values()):
                return
    pytest.fail(f"after 1500 steps: {found}")
