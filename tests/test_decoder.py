"""The decoder against a plain loop that follows the step order; padding, batching and state."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from test_attention import glimpse_by_loop
from torch import Tensor

from scriba.asr.encoder import EncoderConfig
from scriba.asr.task import AsrConfig, AsrTask
from scriba.core.attention import AttentionConfig
from scriba.core.decoder import Decoder, DecoderConfig, build_decoder
from scriba.core.memory import Memory
from scriba.core.model import ModelConfig, Seq2Seq, build_model

B, T, U, D, H, V = 3, 5, 4, 6, 4, 9
ATTENTIONS = [
    AttentionConfig("additive", size=7),
    AttentionConfig("location", size=7, location_channels=2, location_width=3),
    AttentionConfig("dot", size=6, heads=2),
    AttentionConfig("none", without="state"),
    AttentionConfig("none", without="every_step"),
]
CELLS = [DecoderConfig(cell, layers, H, 3, 0.0) for cell, layers in product(("lstm", "gru"), (1, 2))]  # type: ignore[arg-type]


def make(attention: AttentionConfig, config: DecoderConfig) -> tuple[Decoder, Memory, Tensor]:
    torch.manual_seed(0)
    decoder = build_decoder(config, attention, memory_size=D, vocabulary_size=V).double()
    states = torch.randn(B, T, D, dtype=torch.double, requires_grad=True)
    return decoder, Memory(states, torch.tensor([5, 3, 1])), torch.randint(0, V, (B, U))


def cell_by_hand(cell: torch.nn.Module, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """One LSTM or GRU step from its textbook equations and the cell's weights."""
    inward = x @ cell.weight_ih.T + cell.bias_ih  # type: ignore[operator]
    recurrent = h @ cell.weight_hh.T + cell.bias_hh  # type: ignore[operator]
    if isinstance(cell, torch.nn.LSTMCell):
        i, f, g, o = (inward + recurrent).chunk(4, dim=-1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c
    (r, z, n), (r2, z2, n2) = inward.chunk(3, dim=-1), recurrent.chunk(3, dim=-1)
    r, z = torch.sigmoid(r + r2), torch.sigmoid(z + z2)
    return (1 - z) * torch.tanh(n + r * n2) + z * h, c


def logits_by_loop(decoder: Decoder, memory: Memory, tokens_BU: Tensor) -> Tensor:
    """The step order of the design: attention from s_{t-1}, then the recurrence, then the output."""
    layers = len(decoder.cells.cells)
    last_BD = torch.stack([memory.states_BTD[b, n - 1] for b, n in enumerate(memory.lengths_B.tolist())])
    if decoder.start is None:
        hidden = [torch.zeros(B, H, dtype=torch.double) for _ in range(layers)]
    else:
        hidden = list(torch.tanh(last_BD @ decoder.start.weight.T + decoder.start.bias).split(H, dim=-1))
    cells = [torch.zeros(B, H, dtype=torch.double) for _ in range(layers)]
    attention = decoder.attention
    weights = None if attention is None else attention.start_weights(memory)
    logits = []
    for t in range(tokens_BU.shape[1]):
        embedded = decoder.embedding.weight[tokens_BU[:, t]]
        if attention is None:
            context = last_BD if decoder.context_size else last_BD[:, :0]
        else:
            context, weights = glimpse_by_loop(attention, hidden[-1], memory, weights)  # type: ignore[arg-type]
        below = torch.cat([embedded, context], dim=-1)
        for i, cell in enumerate(decoder.cells.cells):
            hidden[i], cells[i] = cell_by_hand(cell, below, hidden[i], cells[i])
            below = hidden[i]
        read = torch.cat([embedded, context, hidden[-1]], dim=-1)
        combined = torch.tanh(read @ decoder.combine.weight.T + decoder.combine.bias)
        logits.append(combined @ decoder.output.weight.T + decoder.output.bias)
    return torch.stack(logits, 1)


@pytest.mark.parametrize("config", CELLS, ids=lambda c: f"{c.cell}-{c.layers}")
@pytest.mark.parametrize("attention", ATTENTIONS, ids=lambda a: f"{a.kind}-{a.without}-{a.heads}")
def test_step_order_and_gradients(attention: AttentionConfig, config: DecoderConfig) -> None:
    """Logits, and gradients of the memory and of every weight, equal those of the plain loop."""
    decoder, memory, tokens_BU = make(attention, config)
    logits_BUV, _ = decoder(memory, tokens_BU)
    expected_BUV = logits_by_loop(decoder, memory, tokens_BU)
    torch.testing.assert_close(logits_BUV, expected_BUV, rtol=1e-11, atol=1e-12)
    pull = torch.randn(logits_BUV.shape, dtype=torch.double)
    inputs = [memory.states_BTD, *decoder.parameters()]
    found, expected = (
        torch.autograd.grad((x * pull).sum(), inputs, allow_unused=True) for x in (logits_BUV, expected_BUV)
    )
    for one, other in zip(found, expected, strict=True):
        if one is None or other is None:
            assert one is None and (other is None or not other.any())
        else:
            torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("attention", ATTENTIONS, ids=lambda a: f"{a.kind}-{a.without}-{a.heads}")
def test_forward_equals_steps_and_keeps_no_state(attention: AttentionConfig) -> None:
    """Decoding step by step gives the logits of training; calls do not influence each other."""
    decoder, memory, tokens_BU = make(attention, CELLS[1])
    decoder.eval()
    logits_BUV, weights_BUT = decoder(memory, tokens_BU)
    state = decoder.init(memory)
    for t in range(U):
        logits_BV, state = decoder.step(state, tokens_BU[:, t])
        torch.testing.assert_close(logits_BV, logits_BUV[:, t])
        if weights_BUT is not None and state.weights_BNT is not None:
            torch.testing.assert_close(state.weights_BNT.mean(1), weights_BUT[:, t])
    again, _ = decoder(memory, tokens_BU)
    assert torch.equal(again, logits_BUV)
    assert (weights_BUT is None) == (attention.kind == "none")


@pytest.mark.parametrize("attention", ATTENTIONS, ids=lambda a: f"{a.kind}-{a.without}-{a.heads}")
def test_state_can_be_gathered(attention: AttentionConfig) -> None:
    """A state gathered along the batch goes on as those rows would, as beam search needs."""
    decoder, memory, tokens_BU = make(attention, CELLS[0])
    rows = torch.tensor([2, 0, 0, 1])
    _, state = decoder.step(decoder.init(memory), tokens_BU[:, 0])
    expected, _ = decoder.step(state, tokens_BU[:, 1])
    found, _ = decoder.step(state.select(rows), tokens_BU[rows, 1])
    torch.testing.assert_close(found, expected[rows])


def speech_model(attention: AttentionConfig) -> Seq2Seq:
    torch.manual_seed(0)
    config = AsrConfig(encoder=EncoderConfig(channels=4, size=8, layers=2, dropout=0.0))
    decoder = DecoderConfig(size=8, embedding_size=4, dropout=0.0)
    return build_model(ModelConfig(attention, decoder), AsrTask(config).build_encoder(), V).eval()


@pytest.mark.parametrize("attention", ATTENTIONS, ids=lambda a: f"{a.kind}-{a.without}-{a.heads}")
@torch.no_grad()
def test_padding_never_changes_a_result(attention: AttentionConfig) -> None:
    """A batch of different lengths, its padding filled with rubbish, gives what each utterance gives alone."""
    if attention.heads == 1:
        attention = AttentionConfig(attention.kind, size=8, without=attention.without)
    model = speech_model(attention)
    lengths = [61, 40, 17, 4, 1]
    inputs = [torch.randn(n, 80) for n in lengths]
    padded = torch.full((len(lengths), 75, 80), 37.0)
    for row, x in zip(padded, inputs, strict=True):
        row[: len(x)] = x
    tokens = torch.randint(3, V, (len(lengths), U))
    memory = model.encode(padded, torch.tensor(lengths))
    assert model.ctc is not None and model.decoder is not None
    log_probs, (logits, _) = model.ctc(memory), model.decoder(memory, tokens)
    for b, x in enumerate(inputs):
        alone = model.encode(x[None], torch.tensor([len(x)]))
        size = int(alone.lengths_B)
        assert size == int(memory.lengths_B[b])
        close = {"rtol": 1e-5, "atol": 1e-5}
        torch.testing.assert_close(memory.states_BTD[b, :size], alone.states_BTD[0], **close)
        torch.testing.assert_close(log_probs[b, :size], model.ctc(alone)[0], **close)
        torch.testing.assert_close(logits[b], model.decoder(alone, tokens[b : b + 1])[0][0], **close)


@torch.no_grad()
def test_padding_never_changes_the_loss() -> None:
    """The loss of a padded batch is that of its utterances, weighted by their target lengths."""
    model = speech_model(AttentionConfig(size=8))
    lengths, target_lengths = torch.tensor([61, 40]), torch.tensor([3, 2])
    inputs, targets = torch.randn(2, 61, 80), torch.tensor([[3, 4, 5], [6, 6, 0]])
    both = model(inputs, lengths, targets, target_lengths)
    alone = [
        model(inputs[b : b + 1, : lengths[b]], lengths[b : b + 1], targets[b : b + 1, :n], target_lengths[b : b + 1])
        for b, n in enumerate(target_lengths.tolist())
    ]
    ctc = (3 * alone[0].ctc + 2 * alone[1].ctc) / 5
    attention = (4 * alone[0].attention + 3 * alone[1].attention) / 7
    torch.testing.assert_close(both.ctc, ctc, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(both.attention, attention, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(both.total, 0.3 * both.ctc + 0.7 * both.attention)
