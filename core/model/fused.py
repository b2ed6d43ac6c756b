"""Teacher forcing of the usual decoder as one operation with a hand-written gradient.

It computes what `plain_loop` computes for soft additive or location-aware attention under one LSTM
layer, and saves what automatic differentiation of that loop spends: the memory's gradient is one product after the
loop instead of a sum of as many as there are steps, that of the projected memory grows in place, and the gradients of
all weights are products over all steps at once. The loop stays the reference that tests compare with.

Shapes: B batch, T encoder positions, U target length, D memory size, H decoder size, A attention size, C filters,
K filter width, G = 4 H gates (input, forget, cell, output, as torch orders them).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
import torch.nn.grad
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from scriba.core.model.attention import Attention
from scriba.core.model.memory import Memory
from scriba.core.model.recurrent import CellStack
from scriba.core.model.recurrent_decoder import Steps
from scriba.core.precision import full


class LoopWeights(NamedTuple):
    """What the loop multiplies with; `F_C1K` and `U_AC` are None for additive energies.

    Attributes:
        W2_AH: Query projection, equation (1).
        v_A: Energy vector, equation (1).
        Wc_GD: From the context to the gates.
        Wh_GH: From the previous state to the gates.
        F_C1K: Filters over the previous weights.
        U_AC: Projection of what they return.
    """

    W2_AH: Tensor
    v_A: Tensor
    Wc_GD: Tensor
    Wh_GH: Tensor
    F_C1K: Tensor | None
    U_AC: Tensor | None


class FusedLoop:
    """The `Loop` of soft additive or location-aware attention under one LSTM layer that starts from zeros.

    Args:
        attention: The attention.
        cells: The recurrent layer.
    """

    def __init__(self, attention: Attention, cells: CellStack) -> None:
        self.attention = attention
        self.cells = cells

    @classmethod
    def of(cls, attention: Attention, cells: CellStack) -> FusedLoop | None:
        """Return the loop over these parts, or None where they are not what it computes."""
        if attention.hard or attention.energy.additive() is None or cells.single_lstm() is None:
            return None
        return cls(attention, cells)

    def __call__(self, decoder: object, embedded_BUE: Tensor, memory: Memory) -> Steps:
        """Run over embedded tokens."""
        energy, lstm = self.attention.energy.additive(), self.cells.single_lstm()
        assert energy is not None and lstm is not None
        from_token_GE, from_context_GD = lstm.input_GX.split([embedded_BUE.shape[-1], memory.states_BTD.shape[-1]], 1)
        weights = LoopWeights(energy.W2_AH, energy.v_A, from_context_GD, lstm.hidden_GH, energy.F_C1K, energy.U_AC)
        gates_BUG = full(F.linear(embedded_BUE, from_token_GE, lstm.input_bias_G + lstm.hidden_bias_G))
        projected_BTA = self.attention.keys(memory).projected_BTA
        start_BT = self.attention.start_weights(memory)[:, 0]
        with torch.autocast(embedded_BUE.device.type, enabled=False):
            done = unroll(gates_BUG, memory.states_BTD, projected_BTA, memory.mask_BT, start_BT, weights)
        weights_BUNT = done.weights_BUT[:, :, None]
        return Steps(done.contexts_BUD, done.hidden_BUH, weights_BUNT, weights_BUNT, None)


class Unrolled(NamedTuple):
    """What the loop leaves behind: contexts, states and attention weights of every step."""

    contexts_BUD: Tensor
    hidden_BUH: Tensor
    weights_BUT: Tensor


def unroll(
    gates_BUG: Tensor,
    states_BTD: Tensor,
    projected_BTA: Tensor,
    mask_BT: Tensor,
    start_BT: Tensor,
    weights: LoopWeights,
) -> Unrolled:
    """Run attention and LSTM over all steps, from a state of zeros.

    Args:
        gates_BUG: The share of the embeddings in the gates, biases included.
        states_BTD: The memory.
        projected_BTA: Its projection W1 h, bias included.
        mask_BT: True at valid positions.
        start_BT: Attention weights before the first step.
        weights: What is multiplied with.
    """
    return Unrolled(
        *_Unroll.apply(  # type: ignore[no-untyped-call]
            gates_BUG, states_BTD, projected_BTA, mask_BT, start_BT, *weights
        )
    )


def tanh_(values: Tensor) -> Tensor:
    """Take tanh(x) in place; on a CPU as 2 sigmoid(2 x) - 1, for torch's sigmoid takes a seventh of its tanh's time."""
    if values.device.type != "cpu":
        return values.tanh_()
    return values.mul_(2).sigmoid_().mul_(2).sub_(1)


class _Unroll(Function):
    @staticmethod
    def forward(
        ctx: Any,
        gates_BUG: Tensor,
        states_BTD: Tensor,
        projected_BTA: Tensor,
        mask_BT: Tensor,
        start_BT: Tensor,
        *weights: Tensor | None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        W2_AH, v_A, Wc_GD, Wh_GH, F_C1K, U_AC = LoopWeights(*weights)  # type: ignore[arg-type]
        batch, steps, gate_size = gates_BUG.shape
        size, positions = gate_size // 4, states_BTD.shape[1]
        recurrent = torch.cat([Wh_GH, W2_AH])  # both read the state: one product a step
        a_BT, s_BH = start_BT, gates_BUG.new_zeros(batch, size)
        cell_BH, energies_UBTA = s_BH, projected_BTA.new_empty(steps, *projected_BTA.shape)
        contexts_UBD = states_BTD.new_empty(steps, batch, states_BTD.shape[2])
        hidden_UBH, cells_UBH = (gates_BUG.new_empty(steps, batch, size) for _ in range(2))
        gates_UBG, weights_UBT = (
            gates_BUG.new_empty(steps, batch, gate_size),
            start_BT.new_empty(steps, *start_BT.shape),
        )
        for u in range(steps):
            from_state_BX = s_BH @ recurrent.T
            tanh_BTA = torch.add(projected_BTA, from_state_BX[:, None, gate_size:], out=energies_UBTA[u])
            if F_C1K is not None and U_AC is not None:
                seen_BTC = _located(a_BT, F_C1K)
                tanh_BTA.view(-1, len(v_A)).addmm_(seen_BTC.view(batch * positions, -1), U_AC.T)
            energy_BT = tanh_(tanh_BTA) @ v_A  # (1)
            a_BT = torch.softmax(energy_BT.masked_fill_(~mask_BT, -torch.inf), -1, out=weights_UBT[u])  # (2)
            context_BD = torch.bmm(a_BT[:, None], states_BTD)[:, 0]  # (3)
            gates_BG = torch.addmm(gates_BUG[:, u] + from_state_BX[:, :gate_size], context_BD, Wc_GD.T)
            i, f, g, o = gates_BG.view(batch, 4, size).unbind(1)
            for gate in (i, f, o):
                gate.sigmoid_()
            cell_BH = f * cell_BH + i * g.tanh_()
            s_BH = o * cell_BH.tanh()
            contexts_UBD[u], gates_UBG[u], cells_UBH[u], hidden_UBH[u] = context_BD, gates_BG, cell_BH, s_BH
        ctx.save_for_backward(
            *(states_BTD, start_BT, *weights),
            *(energies_UBTA, contexts_UBD, hidden_UBH, cells_UBH, gates_UBG, weights_UBT),
        )
        return contexts_UBD.transpose(0, 1), hidden_UBH.transpose(0, 1), weights_UBT.transpose(0, 1)

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, dcontexts_BUD: Tensor, dhidden_BUH: Tensor, dweights_BUT: Tensor
    ) -> tuple[Tensor | None, ...]:
        states_BTD, start_BT, W2_AH, v_A, Wc_GD, Wh_GH, F_C1K, U_AC, *traces = ctx.saved_tensors
        tanh_UBTA, contexts_UBD, hidden_UBH, cells_UBH, gates_UBG, weights_UBT = traces
        steps, batch, size = hidden_UBH.shape
        zeros_BH = hidden_UBH.new_zeros(batch, size)
        ds_BH, dcell_BH, da_BT = zeros_BH, zeros_BH, torch.zeros_like(start_BT)
        dprojected_BTA = torch.zeros_like(tanh_UBTA[0])
        dgates_UBG, dv_A = torch.empty_like(gates_UBG), torch.zeros_like(v_A)
        dcontexts_UBD, dqueries_UBA = torch.empty_like(contexts_UBD), gates_UBG.new_empty(steps, batch, len(v_A))
        dseen_UBTC = None if U_AC is None else tanh_UBTA.new_empty(*tanh_UBTA.shape[:3], U_AC.shape[1])
        dU_AC = None if U_AC is None else torch.zeros_like(U_AC)
        for u in reversed(range(steps)):
            i, f, g, o = gates_UBG[u].view(batch, 4, size).unbind(1)
            before_BH = cells_UBH[u - 1] if u else zeros_BH
            tanh_cell_BH = cells_UBH[u].tanh()
            ds_BH = ds_BH + dhidden_BUH[:, u]
            dcell_BH = dcell_BH + ds_BH * o * (1 - tanh_cell_BH**2)
            parts = (
                dcell_BH * g * i * (1 - i),
                dcell_BH * before_BH * f * (1 - f),
                dcell_BH * i * (1 - g**2),
                ds_BH * tanh_cell_BH * o * (1 - o),
            )
            dgates_BG = torch.cat(parts, 1, out=dgates_UBG[u])
            dcell_BH = dcell_BH * f
            dcontext_BD = torch.addmm(dcontexts_BUD[:, u], dgates_BG, Wc_GD, out=dcontexts_UBD[u])
            da_BT = da_BT + dweights_BUT[:, u] + torch.bmm(dcontext_BD[:, None], states_BTD.transpose(1, 2))[:, 0]
            a_BT = weights_UBT[u]
            denergy_BT = a_BT * (da_BT - (a_BT * da_BT).sum(-1, keepdim=True))
            tanh_BTA = tanh_UBTA[u]
            rows = tanh_BTA.view(-1, len(v_A))
            dv_A += denergy_BT.view(-1) @ rows
            inner_BTA = torch.addcmul(v_A, tanh_BTA * v_A, tanh_BTA, value=-1).mul_(denergy_BT[..., None])
            dprojected_BTA += inner_BTA
            dquery_BA = torch.sum(inner_BTA, 1, out=dqueries_UBA[u])
            ds_BH = dgates_BG @ Wh_GH + dquery_BA @ W2_AH
            if F_C1K is None or U_AC is None or dU_AC is None or dseen_UBTC is None:
                da_BT = torch.zeros_like(a_BT)
                continue
            seen_BTC = _located(weights_UBT[u - 1] if u else start_BT, F_C1K)
            dU_AC += inner_BTA.view_as(rows).T @ seen_BTC.view(len(rows), -1)
            dseen_BTC = torch.matmul(inner_BTA, U_AC, out=dseen_UBTC[u])
            da_BT = F.conv_transpose1d(dseen_BTC.transpose(1, 2), F_C1K, padding=F_C1K.shape[2] // 2)[:, 0]
        before_UBH = torch.cat([zeros_BH[None], hidden_UBH[:-1]])
        flat_GX = dgates_UBG.flatten(0, 1).T
        dF_C1K = None
        if F_C1K is not None and dseen_UBTC is not None:
            seen_from = torch.cat([start_BT[None], weights_UBT[:-1]]).flatten(0, 1)[:, None]
            dF_C1K = torch.nn.grad.conv1d_weight(
                seen_from, F_C1K.shape, dseen_UBTC.flatten(0, 1).transpose(1, 2), padding=F_C1K.shape[2] // 2
            )
        return (
            dgates_UBG.transpose(0, 1),
            torch.bmm(weights_UBT.permute(1, 2, 0), dcontexts_UBD.transpose(0, 1)),
            dprojected_BTA,
            None,
            None,
            dqueries_UBA.flatten(0, 1).T @ before_UBH.flatten(0, 1),
            dv_A,
            flat_GX @ contexts_UBD.flatten(0, 1),
            flat_GX @ before_UBH.flatten(0, 1),
            dF_C1K,
            dU_AC,
        )


def _located(weights_BT: Tensor, F_C1K: Tensor) -> Tensor:
    """Convolve attention weights: what each filter sees around each position, (B, T, C), contiguous."""
    return F.conv1d(weights_BT[:, None], F_C1K, padding=F_C1K.shape[2] // 2).transpose(1, 2).contiguous()
