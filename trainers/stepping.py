"""Stepper: the optimizers of a model array's players, and their state."""

from collections.abc import Mapping, Sequence
from itertools import repeat

import torch
from torch import Tensor

from trainers.base import Batch, ModelArray, Step
from trainers.optimizers import OPTIMIZERS, Optimizer

MAX_GRADIENT_NORM = 1e4
"""Clips only what would blow up: losses are sums over features, so norms of 100 are common."""


class Stepper:
    """Steps every player of an array in its order, each with an optimizer of its own."""

    def __init__(self, model: ModelArray) -> None:
        kind = OPTIMIZERS[str(model.slots[0].config["optimizer"])]
        decay = model.column("weight_decay").tolist()
        self._model = model
        self._optimizers: list[Optimizer] = [
            kind(model.weights[:, player.columns], decay, MAX_GRADIENT_NORM)
            for player in model.players
        ]

    def step(self, batch: Batch, step: Step, rates: Sequence[float]) -> Tensor:
        """One step of every player on a batch; gradient norms over all of them, [K].

        A player sees the weights as those before it have left them.
        """
        model = self._model
        norms: list[Tensor] = []
        for player, optimizer in zip(model.players, self._optimizers, strict=True):
            loss = model.training_loss(batch, step, player.name)
            (gradient,) = torch.autograd.grad(loss.sum(), model.weights)
            factors = player.rates or repeat(1.0)
            own = [rate * factor for rate, factor in zip(rates, factors, strict=False)]
            norms.append(optimizer.step(gradient[:, player.columns], own))
        return norms[0] if len(norms) == 1 else torch.stack(norms).square().sum(0).sqrt()

    def select(self, rows: Sequence[int], model: ModelArray) -> None:
        """Go on with a subset of the slots: `model` is the array of them."""
        self._model = model
        self._optimizers = [
            optimizer.select(rows, model.weights[:, player.columns])
            for optimizer, player in zip(self._optimizers, model.players, strict=True)
        ]

    def tensors(self) -> dict[str, Tensor]:
        """Moments and step counts, [K, ...] each."""
        state: dict[str, Tensor] = {}
        for player, optimizer in zip(self._model.players, self._optimizers, strict=True):
            state[f"{player.name}.steps"] = optimizer.steps
            for index, moment in enumerate(optimizer.moments):
                state[f"{player.name}.moment.{index}"] = moment
        return state

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """The reverse of `tensors`, over the model's present weights."""
        for player, optimizer in zip(self._model.players, self._optimizers, strict=True):
            optimizer.moments = [
                state[f"{player.name}.moment.{index}"] for index in range(optimizer.moment_count)
            ]
            optimizer.steps = state[f"{player.name}.steps"]
            optimizer.bind(self._model.weights[:, player.columns])
