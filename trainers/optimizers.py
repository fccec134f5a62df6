"""Adam, AdamW and SGD with a learning rate, weight decay and step count for each slot.

The rows of a weight matrix are stepped one by one with torch's fused kernels: one pass over
memory each, and a row cannot see another (measured faster than batched elementwise operations
for every K and size tried on CPU).
"""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

BETA_1 = 0.9
BETA_2 = 0.999
EPSILON = 1e-8
MOMENTUM = 0.9


class Optimizer:
    """Steps every row of a weight matrix [K, P] in place; equal to torch.optim row by row.

    `max_norm` clips the gradient of each slot by its own norm. `moments` ([K, P] each) and
    `steps` ([K]) are the whole state.
    """

    moment_count = 0

    def __init__(self, weights: Tensor, weight_decay: Sequence[float], max_norm: float) -> None:
        self.weight_decay = list(weight_decay)
        self.max_norm = max_norm
        self.moments = [torch.zeros_like(weights) for _ in range(self.moment_count)]
        self.steps = torch.zeros(len(weights), dtype=torch.float32, device=weights.device)
        self.bind(weights)

    def bind(self, weights: Tensor) -> None:
        """Step this matrix from now on, with the present moments and step counts."""
        matrices = [weights.detach(), *self.moments]
        self._rows = [[matrix[row] for matrix in matrices] for row in range(len(weights))]
        self._step_rows = list(self.steps)

    def select(self, rows: Sequence[int], weights: Tensor) -> Self:
        """The optimizer of a subset of the slots, over their weights."""
        index = torch.tensor(list(rows), dtype=torch.int64, device=self.steps.device)
        chosen = type(self)(weights, [self.weight_decay[row] for row in rows], self.max_norm)
        chosen.moments = [moment.index_select(0, index) for moment in self.moments]
        chosen.steps = self.steps.index_select(0, index)
        chosen.bind(weights)
        return chosen

    def step(self, gradient: Tensor, rates: Sequence[float]) -> Tensor:
        """One step with a learning rate for each slot; returns the norms before clipping, [K].

        The gradient [K, P] is consumed.
        """
        norms: Tensor = torch.linalg.vector_norm(gradient, dim=1)
        divisors = (norms / self.max_norm).clamp_(min=1.0)
        self.steps += 1
        each = zip(gradient.unbind(), divisors.unbind(), rates, strict=True)
        for row, (row_gradient, divisor, rate) in enumerate(each):
            self._step_row(row, row_gradient, rate, divisor)
        return norms

    def _step_row(self, row: int, gradient: Tensor, rate: float, divisor: Tensor) -> None:
        raise NotImplementedError


class Adam(Optimizer):
    """Adam (Kingma & Ba 2015); weight decay is added to the gradient."""

    moment_count = 2
    _update: ClassVar[Callable[..., Any]] = staticmethod(torch._fused_adam_)

    def _step_row(self, row: int, gradient: Tensor, rate: float, divisor: Tensor) -> None:
        weights, first, second = self._rows[row]
        self._update(
            [weights],
            [gradient],
            [first],
            [second],
            [],
            [self._step_rows[row]],
            lr=rate,
            beta1=BETA_1,
            beta2=BETA_2,
            weight_decay=self.weight_decay[row],
            eps=EPSILON,
            amsgrad=False,
            maximize=False,
            grad_scale=divisor,
        )


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019)."""

    _update: ClassVar[Callable[..., Any]] = staticmethod(torch._fused_adamw_)


class SGD(Optimizer):
    """Stochastic gradient descent with momentum 0.9; weight decay is added to the gradient."""

    moment_count = 1

    def _step_row(self, row: int, gradient: Tensor, rate: float, divisor: Tensor) -> None:
        weights, momentum = self._rows[row]
        torch._fused_sgd_(
            [weights],
            [gradient],
            [momentum],
            weight_decay=self.weight_decay[row],
            momentum=MOMENTUM,
            lr=rate,
            dampening=0.0,
            nesterov=False,
            maximize=False,
            is_first_step=False,
            grad_scale=divisor,
        )


OPTIMIZERS: dict[str, type[Optimizer]] = {"adam": Adam, "adamw": AdamW, "sgd": SGD}
