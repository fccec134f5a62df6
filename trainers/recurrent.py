"""Embedding and GRU over K slots: one batched product a step, per-slot weights, masked padding.

Weights are stored as torch.nn.GRU and torch.nn.Embedding have them, without padding; the loop
over time runs forwards and backwards by hand, because autograd would keep (and add up) a
gradient of the recurrent weights for every step. Time comes first everywhere: [T, K, B, ...].
"""

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from trainers.layers import Layout, Pass


class Embedding:
    """One vector for every token and slot, as torch.nn.Embedding."""

    def __init__(
        self, layout: Layout, name: str, vocabulary: int, width: int, spread: float
    ) -> None:
        self._weight = layout.add(f"{name}.weight", vocabulary, width, spread=spread, as_is=True)

    def table(self, run: Pass) -> Tensor:
        """[K, V, E]."""
        return run.weights[self._weight]


def look_up(table: Tensor, ids: Tensor) -> Tensor:
    """Rows of each slot's own table [K, V, D] by ids [T, K, B] -> [T, K, B, D]."""
    slots, vocabulary, _ = table.shape
    first = torch.arange(slots, device=ids.device)[:, None] * vocabulary
    return F.embedding(ids + first, table.flatten(0, 1))


class Gru:
    """A GRU of K slots, equal to torch.nn.GRU with one layer (Cho et al. 2014; reset after).

    Its inputs are tokens, and `beside` numbers that are the same at every step (a code).
    """

    def __init__(self, layout: Layout, name: str, tokens: int, beside: int, width: int) -> None:
        self._tokens = tokens
        gates, spread = 3 * width, 1 / math.sqrt(width)

        def add(part: str, *shape: int) -> int:
            return layout.add(f"{name}.{part}_l0", *shape, spread=spread, as_is=True)

        self._weight_in = add("weight_ih", gates, tokens + beside)
        self._weight = add("weight_hh", gates, width)
        self._bias_in = add("bias_ih", gates)
        self._bias = add("bias_hh", gates)

    def gates_of_tokens(self, run: Pass, table: Tensor, ids: Tensor) -> Tensor:
        """What tokens say to the gates: embeddings [K, V, E], ids [T, K, B] -> [T, K, B, 3H].

        The product is made once for every entry of a small vocabulary, not for every token.
        """
        weight = run.weights[self._weight_in][:, :, : self._tokens].transpose(1, 2)
        bias = run.weights[self._bias_in][:, None]
        steps, slots, batch = ids.shape
        if table.shape[1] <= steps * batch:
            return look_up(torch.baddbmm(bias, table, weight), ids)
        seen = look_up(table, ids).transpose(0, 1).reshape(slots, steps * batch, -1)
        return torch.baddbmm(bias, seen, weight).view(slots, steps, batch, -1).transpose(0, 1)

    def gates_of_code(self, run: Pass, code: Tensor) -> Tensor:
        """What stands beside every token says to the gates: [K, B, L] -> [K, B, 3H]."""
        weight = run.weights[self._weight_in][:, :, self._tokens :].transpose(1, 2)
        return torch.bmm(code, weight)

    def __call__(
        self, run: Pass, gates: Tensor, start: Tensor, real: Tensor | None = None
    ) -> Tensor:
        """The states after each step: gates [T, K, B, 3H], start [K, B, H] -> [T, K, B, H].

        Where `real` [T, K, B] is False the state stays what it was.
        """
        weight, bias = run.weights[self._weight], run.weights[self._bias]
        return _recur(gates, start, weight, bias[:, None], real)

    def step(self, run: Pass, gates: Tensor, state: Tensor) -> Tensor:
        """One step alone: gates [K, B, 3H] and the state [K, B, H] -> the next state."""
        return self(run, gates[None], state)[0]


def beside_every_step(gates: Tensor, code: Tensor) -> Tensor:
    """What tokens and a code say to the gates together: [T, K, B, 3H] and [K, B, 3H]."""
    return _add_to_all(gates, code)


class _Recurrence(torch.autograd.Function):
    """The loop over time with its backward pass written out (backpropagation through time).

    Results go straight to where they are kept, [T, K, B, ...]: at these sizes a step costs as
    much in copies as in products.
    """

    @staticmethod
    def forward(
        ctx: Any, gates: Tensor, start: Tensor, weight: Tensor, bias: Tensor, real: Tensor | None
    ) -> Tensor:
        steps, slots, batch, three = gates.shape
        width, turned = three // 3, weight.transpose(1, 2)
        states = gates.new_empty(steps + 1, slots, batch, width)
        states[0] = start
        own = torch.empty_like(gates)
        opened = gates.new_empty(steps, slots, batch, 2 * width)
        candidates = torch.empty_like(states[1:])
        before = start
        for index, gate in enumerate(gates.unbind()):
            mine = torch.baddbmm(bias, before, turned, out=own[index])
            both = slice(0, 2 * width)
            logits = torch.add(gate[..., both], mine[..., both], out=opened[index])
            reset, update = torch.split(logits.sigmoid_(), width, dim=-1)
            candidate = torch.addcmul(
                gate[..., 2 * width :], reset, mine[..., 2 * width :], out=candidates[index]
            ).tanh_()
            after = states[index + 1]
            torch.addcmul(candidate, update, before - candidate, out=after)
            if real is not None:
                torch.where(real[index][..., None], after, before, out=after)
            before = after
        if any(ctx.needs_input_grad):
            ctx.save_for_backward(states, opened, candidates, own[..., 2 * width :], weight, real)
        return states[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        states, opened, candidates, inner, weight, real = ctx.saved_tensors
        before = states[:-1]
        steps, slots, batch, width = before.shape
        reset, update = torch.split(opened, width, dim=-1)
        # Derivatives of the next state: to the update gate's logit, to the candidate's, to the
        # state before; and of the candidate's to the reset gate's. They need no loop.
        to_candidate = (1 - update).mul_(1 - candidates.square())
        to_update = (before - candidates).mul_(update).mul_(1 - update)
        to_reset = (1 - reset).mul_(reset).mul_(inner)
        if real is not None:
            idle = ~real[..., None]
            to_candidate.masked_fill_(idle, 0)
            to_update.masked_fill_(idle, 0)
            update = update.masked_fill(idle, 1)
        given = upstream.new_empty(steps, slots, batch, 3 * width)
        own = torch.empty_like(given)
        carried = torch.zeros_like(states[0])
        for index in range(steps - 1, -1, -1):
            arriving = carried + upstream[index]
            mine = own[index]
            candidate = given[index, ..., 2 * width :]
            torch.mul(arriving, to_candidate[index], out=candidate)
            torch.mul(candidate, to_reset[index], out=mine[..., :width])
            torch.mul(arriving, to_update[index], out=mine[..., width : 2 * width])
            torch.mul(candidate, reset[index], out=mine[..., 2 * width :])
            carried = torch.baddbmm(arriving.mul_(update[index]), mine, weight)
        given[..., : 2 * width] = own[..., : 2 * width]
        flat = own.transpose(0, 1).reshape(slots, steps * batch, 3 * width)
        seen = before.transpose(0, 1).reshape(slots, steps * batch, width)
        to_weight = torch.bmm(flat.transpose(1, 2), seen)
        return given, carried, to_weight, flat.sum(1, keepdim=True), None


class _Everywhere(torch.autograd.Function):
    """gates + code at every step.

    The gradient of a broadcast is a sum over steps, which torch adds in another order at the
    end of a row than elsewhere: which elements these are depends on K. Here all are alike.
    """

    @staticmethod
    def forward(ctx: Any, gates: Tensor, code: Tensor) -> Tensor:
        return gates + code

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, Tensor]:
        total = upstream[0].clone()
        for step in upstream[1:].unbind():
            total += step
        return upstream, total


_recur: Callable[..., Tensor] = _Recurrence.apply
_add_to_all: Callable[..., Tensor] = _Everywhere.apply
