"""The decoder against a plain loop that follows the step order; padding, batching and state."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from itertools import product

import pytest
import torch
from models import glimpse_by_loop
from torch import Tensor

from scriba.asr import APP
from scriba.asr.encoder import EncoderConfig
from scriba.core.model.attention import AttentionConfig
from scriba.core.model.build import ModelConfig, build_decoder, build_model
from scriba.core.model.fused import FusedLoop
from scriba.core.model.likelihood import allowed
from scriba.core.model.memory import Memory
from scriba.core.model.recurrent_decoder import DecoderConfig, RecurrentDecoder, State, plain_loop
from scriba.core.model.start import LastStart, MeanStart, ZeroStart
from scriba.core.text.tokenizer import BLANK, UNK
from scriba.core.training.config import LossConfig
from scriba.core.training.objective import Objective, build_objective

B, T, U, D, H, V = 3, 5, 4, 6, 4, 9
ATTENTIONS = [
    AttentionConfig("additive", size=7),
    AttentionConfig("location", size=7, location_channels=2, location_width=3),
    AttentionConfig("dot", size=6),
    AttentionConfig("dot", size=6, heads=2),
    AttentionConfig("none", without="state"),
    AttentionConfig("none", without="every_step"),
    AttentionConfig("none", without="mean"),
]
HARD = [replace(attention, selection="hard") for attention in ATTENTIONS if attention.kind != "none"]
CELLS = [DecoderConfig(cell, layers, H, 3, 0.0) for cell, layers in product(("lstm", "gru"), (1, 2))]  # type: ignore[arg-type]
CELLS += [replace(CELLS[0], start="mean", gate=True), replace(CELLS[3], start="mean", gate=True)]


def name(attention: AttentionConfig) -> str:
    kind = attention.without if attention.kind == "none" else f"{attention.selection}-{attention.heads}"
    return f"{attention.kind}-{kind}"


def cell_name(config: DecoderConfig) -> str:
    return f"{config.cell}-{config.layers}" + ("-gated" if config.gate else "")


def make(attention: AttentionConfig, config: DecoderConfig) -> tuple[RecurrentDecoder, Memory, Tensor]:
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


def by_loop(
    decoder: RecurrentDecoder,
    memory: Memory,
    tokens_BU: Tensor,
    chosen_BUNT: Tensor | None = None,
    expect_B: Tensor | None = None,
) -> tuple[Tensor, Tensor | None]:
    """The step order of the design: attention from s_{t-1}, then the recurrence, then the output.

    Hard attention reads the states that `chosen_BUNT` holds, but for the rows of `expect_B`.
    Returns logits (B, U, V) and weights (B, U, N, T).
    """
    layers, batch = len(decoder.cells.cells), len(tokens_BU)
    last_BD = torch.stack([memory.states_BTD[b, n - 1] for b, n in enumerate(memory.lengths_B.tolist())])
    hidden, cells = ([torch.zeros(batch, H, dtype=torch.double) for _ in range(layers)] for _ in range(2))
    mean_BD = torch.stack([memory.states_BTD[b, :n].mean(0) for b, n in enumerate(memory.lengths_B.tolist())])
    start = decoder.start
    if isinstance(start, LastStart):
        hidden = list(torch.tanh(last_BD @ start.weight.T + start.bias).split(H, dim=-1))
    elif isinstance(start, MeanStart):
        hidden = list(torch.tanh(start.hidden(mean_BD)).split(H, dim=-1))
        if start.cell is not None:
            cells = list(start.cell(mean_BD).split(H, dim=-1))
    else:
        assert isinstance(start, ZeroStart)
    attention = decoder.attention
    weights = None if attention is None else attention.start_weights(memory)
    logits, looks = [], []
    for t in range(tokens_BU.shape[1]):
        embedded = decoder.embedding.weight[tokens_BU[:, t]]
        if attention is None:
            context = {"state": last_BD[:, :0], "every_step": last_BD, "mean": mean_BD}[decoder.without]
        else:
            context, weights = glimpse_by_loop(attention, hidden[-1], memory, weights)  # type: ignore[arg-type]
            looks.append(weights)
            if chosen_BUNT is not None:
                read = [states_read(chosen_BUNT[b, t], memory.states_BTD[b]) for b in range(batch)]
                expected = torch.zeros(batch, dtype=torch.bool) if expect_B is None else expect_B
                context = torch.where(expected[:, None], context, torch.stack(read))
            if decoder.gate is not None:
                context = torch.sigmoid(hidden[-1] @ decoder.gate.weight.T + decoder.gate.bias) * context
        below = torch.cat([embedded, context], dim=-1)
        for i, cell in enumerate(decoder.cells.cells):
            hidden[i], cells[i] = cell_by_hand(cell, below, hidden[i], cells[i])
            below = hidden[i]
        read = torch.cat([embedded, context, hidden[-1]], dim=-1)
        combined = torch.tanh(read @ decoder.combine.weight.T + decoder.combine.bias)
        logits.append(combined @ decoder.output.weight.T + decoder.output.bias)
    return torch.stack(logits, 1), torch.stack(looks, 1) if looks else None


def states_read(chosen_NT: Tensor, states_TD: Tensor) -> Tensor:
    """Head by head, its slice of the one state that was chosen."""
    size = D // len(chosen_NT)
    places = [row.tolist().index(max(row.tolist())) for row in chosen_NT]
    return torch.cat([states_TD[i, n * size : (n + 1) * size] for n, i in enumerate(places)])


def assert_same_gradients(one: Tensor, other: Tensor, inputs: list[Tensor]) -> None:
    """Compare the gradients of two equal scalars; a parameter that has no part in one has none in the other."""
    pairs = zip(*(torch.autograd.grad(x, inputs, allow_unused=True) for x in (one, other)), strict=True)
    for found, expected in pairs:
        if found is None or expected is None:
            assert found is None or not found.any()
            assert expected is None or not expected.any()
        else:
            torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("config", CELLS, ids=cell_name)
@pytest.mark.parametrize("attention", ATTENTIONS, ids=name)
def test_step_order_and_gradients(attention: AttentionConfig, config: DecoderConfig) -> None:
    """Logits, attention weights, and gradients of the memory and of every weight, equal those of the plain loop."""
    decoder, memory, tokens_BU = make(attention, config)
    logits_BUV, weights_BUT = decoder(memory, tokens_BU)
    expected_BUV, weights_BUNT = by_loop(decoder, memory, tokens_BU)
    torch.testing.assert_close(logits_BUV, expected_BUV, rtol=1e-11, atol=1e-12)
    pull = torch.randn(logits_BUV.shape, dtype=torch.double)
    found, expected = (logits_BUV * pull).sum(), (expected_BUV * pull).sum()
    assert (weights_BUT is None) == (weights_BUNT is None) == (attention.kind == "none")
    if weights_BUT is not None and weights_BUNT is not None:
        torch.testing.assert_close(weights_BUT, weights_BUNT.mean(2), rtol=1e-11, atol=1e-12)
        pull = torch.randn(weights_BUT.shape, dtype=torch.double)
        found, expected = found + (weights_BUT * pull).sum(), expected + (weights_BUNT.mean(2) * pull).sum()
    assert_same_gradients(found, expected, [memory.states_BTD, *decoder.parameters()])


@pytest.mark.parametrize("config", CELLS, ids=cell_name)
@pytest.mark.parametrize("attention", [*ATTENTIONS, *HARD], ids=name)
def test_the_fused_loop_is_for_what_it_computes(attention: AttentionConfig, config: DecoderConfig) -> None:
    """One LSTM layer from zeros under soft additive or location-aware attention, and nothing else."""
    decoder, _, _ = make(attention, config)
    energies = attention.kind in ("additive", "location") and attention.selection == "soft"
    usual = energies and (config.cell, config.layers, config.start, config.gate) == ("lstm", 1, "zeros", False)
    assert isinstance(decoder.loop, FusedLoop) if usual else decoder.loop is plain_loop


@pytest.mark.parametrize("attention", ATTENTIONS[:2], ids=name)
def test_the_loops_are_the_same(attention: AttentionConfig) -> None:
    """One is put in the place of the other: the same logits, weights, chosen positions and gradients."""
    decoder, memory, tokens_BU = make(attention, CELLS[0])
    fused = decoder.trace(memory, tokens_BU)
    decoder.loop = plain_loop
    plain = decoder.trace(memory, tokens_BU)
    sums = []
    for trace in (fused, plain):
        assert trace.weights_BUNT is not None and trace.chosen_BUNT is not None and trace.expect_B is None
        torch.testing.assert_close(trace.chosen_BUNT, trace.weights_BUNT, rtol=0, atol=0)
        sums.append((trace.logits_BUV**2).sum() + (trace.weights_BUNT**2).sum())
    torch.testing.assert_close(fused.logits_BUV, plain.logits_BUV, rtol=1e-11, atol=1e-12)
    torch.testing.assert_close(fused.weights_BUNT, plain.weights_BUNT, rtol=1e-11, atol=1e-12)
    assert_same_gradients(sums[0], sums[1], [memory.states_BTD, *decoder.parameters()])


def test_the_loop_of_a_copy_is_its_own() -> None:
    """A copy of a decoder, as training makes for evaluations, is not changed by what becomes of the first."""
    decoder, memory, tokens_BU = make(ATTENTIONS[0], CELLS[0])
    before, copied = decoder.trace(memory, tokens_BU).logits_BUV, deepcopy(decoder)
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.zero_()
    assert torch.equal(copied.trace(memory, tokens_BU).logits_BUV, before)


@pytest.mark.parametrize("attention", HARD, ids=name)
@pytest.mark.parametrize("config", CELLS, ids=cell_name)
def test_hard_attention_reads_what_it_sampled(attention: AttentionConfig, config: DecoderConfig) -> None:
    """Given the sampled positions of a pass, the plain loop gives its logits, weights and gradients.

    Some rows read the expectation at every step, others only samples; the gradient passes through the former.
    """
    decoder, memory, tokens_BU = make(attention, config)
    trace = next(t for _ in range(100) if (t := decoder.trace(memory, tokens_BU)).expect_B.unique().numel() == 2)
    assert trace.chosen_BUNT is not None and trace.weights_BUNT is not None and trace.expect_B is not None
    sampled_BUNT = trace.chosen_BUNT[~trace.expect_B]
    assert ((sampled_BUNT == 0) | (sampled_BUNT == 1)).all() and (sampled_BUNT.sum(-1) == 1).all()
    torch.testing.assert_close(trace.chosen_BUNT[trace.expect_B], trace.weights_BUNT[trace.expect_B])
    logits_BUV, weights_BUNT = by_loop(decoder, memory, tokens_BU, trace.chosen_BUNT, trace.expect_B)
    assert weights_BUNT is not None
    torch.testing.assert_close(trace.logits_BUV, logits_BUV, rtol=1e-11, atol=1e-12)
    torch.testing.assert_close(trace.weights_BUNT, weights_BUNT, rtol=1e-11, atol=1e-12)
    pulls = [torch.randn(x.shape, dtype=torch.double) for x in (logits_BUV, weights_BUNT)]
    found = (trace.logits_BUV * pulls[0]).sum() + (trace.weights_BUNT * pulls[1]).sum()
    expected = (logits_BUV * pulls[0]).sum() + (weights_BUNT * pulls[1]).sum()
    assert_same_gradients(found, expected, [memory.states_BTD, *decoder.parameters()])


@pytest.mark.parametrize("attention", HARD, ids=name)
def test_hard_attention_reads_the_best_position_in_evaluation(attention: AttentionConfig) -> None:
    """After training nothing is drawn: every step reads the state that the plain loop finds most probable."""
    decoder, memory, tokens_BU = make(attention, CELLS[0])
    trace = decoder.eval().trace(memory, tokens_BU)
    assert trace.weights_BUNT is not None and trace.expect_B is None
    logits_BUV, weights_BUNT = by_loop(decoder, memory, tokens_BU, trace.weights_BUNT)
    torch.testing.assert_close(trace.logits_BUV, logits_BUV, rtol=1e-11, atol=1e-12)
    torch.testing.assert_close(trace.weights_BUNT, weights_BUNT, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("attention", [*ATTENTIONS, *HARD], ids=name)
@pytest.mark.parametrize("config", CELLS, ids=cell_name)
def test_forward_equals_steps(attention: AttentionConfig, config: DecoderConfig) -> None:
    """Decoding step by step gives the logits and weights of training."""
    decoder, memory, tokens_BU = make(attention, config)
    decoder.eval()
    logits_BUV, weights_BUT = decoder(memory, tokens_BU)
    state = decoder.init(memory)
    for t in range(U):
        logits_BV, state = decoder.step(state, tokens_BU[:, t])
        torch.testing.assert_close(logits_BV, logits_BUV[:, t])
        assert (weights_BUT is None) == (state.weights_RNT is None) == (attention.kind == "none")
        if weights_BUT is not None and state.weights_RNT is not None:
            torch.testing.assert_close(state.weights_RNT.mean(1), weights_BUT[:, t])
            torch.testing.assert_close(state.looked_RT, weights_BUT[:, t])


def attributes(module: torch.nn.Module) -> dict[str, object]:
    """Everything that a module and the modules in it hold: tensors exactly, all else by identity and as text."""
    held: dict[str, object] = {name: tensor.tolist() for name, tensor in module.state_dict().items()}
    for name, part in module.named_modules():
        held[f"{name}/"] = [(key, id(value), str(value)) for key, value in vars(part).items()]
    return held


@pytest.mark.parametrize("attention", [*ATTENTIONS, *HARD], ids=name)
def test_no_module_keeps_state(attention: AttentionConfig) -> None:
    """Calls leave no trace in the model, and the steps of two inputs can be taken in turns."""
    objective = speech_objective(attention)
    model = objective.model
    assert isinstance(model.decoder, RecurrentDecoder)
    lengths, targets = torch.tensor([40, 33]), torch.tensor([[3, 4], [5, 5]])
    inputs, others = torch.randn(2, 40, 80), torch.randn(2, 40, 80)
    before = attributes(objective)
    with torch.no_grad():
        first = objective(inputs, lengths, targets, torch.tensor([2, 2]))
        objective(others, torch.tensor([40, 5]), targets, torch.tensor([1, 2]))
        again = objective(inputs, lengths, targets, torch.tensor([2, 2]))
        memories = [model.encode(x, lengths) for x in (inputs, others)]
        together = [model.decoder.init(memory) for memory in memories]
        found: list[list[Tensor]] = [[], []]
        for tokens_B in targets.T:
            for i in range(2):
                logits_BV, together[i] = model.decoder.step(together[i], tokens_B)
                found[i].append(logits_BV)
    assert all(map(torch.equal, first, again))
    for memory, steps in zip(memories, found, strict=True):
        torch.testing.assert_close(torch.stack(steps, 1), model.decoder(memory, targets)[0], rtol=1e-5, atol=1e-5)
    assert attributes(objective) == before


@pytest.mark.parametrize("attention", ATTENTIONS, ids=name)
@pytest.mark.parametrize("config", [CELLS[0], CELLS[3]], ids=cell_name)
def test_state_can_be_reordered(attention: AttentionConfig, config: DecoderConfig) -> None:
    """Rows of a state repeated, left out and moved go on as what each has said so far would, as beams need."""
    decoder, memory, _ = make(attention, config)
    decoder.eval()
    state: State = decoder.init(memory).spread(2)
    said = torch.empty(2 * B, 0, dtype=torch.long)
    orders = [[0, 1, 2, 3, 4, 5], [1, 0, 2, 2, 5, 5], [0, 0, 3, 2, 4, 5], [1, 1, 3, 3, 5, 4]]
    for rows in map(torch.tensor, orders):
        state, said = state.reorder(rows), said[rows]
        tokens_R = torch.randint(0, V, (2 * B,))
        said = torch.cat([said, tokens_R[:, None]], 1)
        found, state = decoder.step(state, tokens_R)
        expected_RUV, weights_RUT = decoder(memory.select(torch.arange(2 * B) // 2), said)
        torch.testing.assert_close(found, expected_RUV[:, -1])
        assert (state.looked_RT is None) == (weights_RUT is None)
        if state.looked_RT is not None and weights_RUT is not None:
            torch.testing.assert_close(state.looked_RT, weights_RUT[:, -1])
    if state.keys is not None:
        assert state.keys.memory.lengths_B.tolist() == [5, 3, 1]


@pytest.mark.parametrize("attention", ATTENTIONS, ids=name)
@pytest.mark.parametrize("config", [CELLS[0], CELLS[3]], ids=cell_name)
def test_a_beam_shares_its_memory(attention: AttentionConfig, config: DecoderConfig) -> None:
    """Several states that look at one memory, in any order, go on as if each had a copy of it; none is made."""
    decoder, memory, tokens_BU = make(attention, config)
    decoder.eval()
    state = decoder.init(memory).spread(2)
    copied = decoder.init(memory.select(torch.arange(3).repeat_interleave(2)))
    order = torch.tensor([1, 1, 2, 3, 5, 4])
    tokens_RU = tokens_BU.repeat_interleave(2, 0)
    tokens_RU[1::2] = tokens_RU[1::2].roll(1, 1)
    for t in range(U):
        found, state = decoder.step(state, tokens_RU[:, t])
        expected, copied = decoder.step(copied, tokens_RU[:, t])
        torch.testing.assert_close(found, expected)
        state, copied = state.reorder(order), copied.reorder(order)
        tokens_RU = tokens_RU[order]
    assert state.keys is None or state.keys.memory is memory


def speech_objective(attention: AttentionConfig) -> Objective:
    """A small recogniser of speech and its loss, in evaluation mode."""
    torch.manual_seed(0)
    config = APP.configure(encoder=EncoderConfig(channels=4, size=8, layers=2, dropout=0.0))
    decoder = DecoderConfig(size=8, embedding_size=4, dropout=0.0)
    model = build_model(ModelConfig("both", attention, decoder), APP.encoder(config), V)
    return build_objective(model, LossConfig(), hard=attention.selection == "hard").eval()


@pytest.mark.parametrize("attention", [*ATTENTIONS, *HARD], ids=name)
@torch.no_grad()
def test_padding_never_changes_a_result(attention: AttentionConfig) -> None:
    """A batch of different lengths, its padding filled with rubbish, gives what each utterance gives alone."""
    model = speech_objective(attention).model
    assert model.ctc is not None and isinstance(model.decoder, RecurrentDecoder)
    lengths = [61, 40, 17, 4, 1]
    inputs = [torch.randn(n, 80) for n in lengths]
    padded = torch.full((len(lengths), 75, 80), 37.0)
    for row, x in zip(padded, inputs, strict=True):
        row[: len(x)] = x
    tokens = torch.randint(3, V, (len(lengths), U))
    memory = model.encode(padded, torch.tensor(lengths))
    log_probs, (logits, weights) = model.ctc(memory), model.decoder(memory, tokens)
    close = {"rtol": 1e-5, "atol": 1e-5}
    for b, x in enumerate(inputs):
        alone = model.encode(x[None], torch.tensor([len(x)]))
        size = int(alone.lengths_B)
        assert size == int(memory.lengths_B[b]) == int(model.encoder.output_lengths(torch.tensor(len(x))))
        torch.testing.assert_close(memory.states_BTD[b, :size], alone.states_BTD[0], **close)
        torch.testing.assert_close(log_probs[b, :size], model.ctc(alone)[0], **close)
        logits_UV, weights_UT = (None if y is None else y[0] for y in model.decoder(alone, tokens[b : b + 1]))
        torch.testing.assert_close(logits[b], logits_UV, **close)
        if weights is not None:
            torch.testing.assert_close(weights[b, :, :size], weights_UT, **close)
            assert not weights[b, :, size:].any()


@pytest.mark.parametrize("attention", [*ATTENTIONS, *HARD], ids=name)
@torch.no_grad()
def test_padding_never_changes_the_loss(attention: AttentionConfig) -> None:
    """The losses of a padded batch are those of its utterances, weighted by their target lengths."""
    objective = speech_objective(attention)
    lengths, sizes = torch.tensor([61, 40, 9]), torch.tensor([3, 2, 1])
    inputs, targets = torch.full((3, 61, 80), 37.0), torch.tensor([[3, 4, 5], [6, 6, 0], [8, 0, 0]])
    for row, n in zip(inputs, lengths.tolist(), strict=True):
        row[:n] = torch.randn(n, 80)
    both = objective(inputs, lengths, targets, sizes)
    alone = [
        objective(inputs[b : b + 1, : lengths[b]], lengths[b : b + 1], targets[b : b + 1, :n], sizes[b : b + 1])
        for b, n in enumerate(sizes.tolist())
    ]
    ctc = sum(n * losses.ctc for n, losses in zip((3, 2, 1), alone, strict=True)) / 6
    cross_entropy = sum(n * losses.attention for n, losses in zip((4, 3, 2), alone, strict=True)) / 9
    torch.testing.assert_close(both.ctc, ctc, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(both.attention, cross_entropy, rtol=1e-5, atol=1e-5)
    if attention.selection == "soft":
        torch.testing.assert_close(both.total, 0.3 * both.ctc + 0.7 * both.attention)


def test_what_may_be_said_leaves_the_logits() -> None:
    """Blank and unknown get no probability, the others all of it; the logits that were given stay as they were."""
    logits_BV = torch.randn(B, V, requires_grad=True)
    before = logits_BV.detach().clone()
    log_probs_BV = allowed(logits_BV)
    assert torch.equal(logits_BV.detach(), before)
    others = [i for i in range(V) if i not in (BLANK, UNK)]
    assert log_probs_BV[:, [BLANK, UNK]].eq(-torch.inf).all()
    torch.testing.assert_close(log_probs_BV[:, others], before[:, others].log_softmax(-1))
    (gradient_BV,) = torch.autograd.grad(log_probs_BV[:, others].sum(), logits_BV)
    assert gradient_BV.isfinite().all() and not gradient_BV[:, [BLANK, UNK]].any()
