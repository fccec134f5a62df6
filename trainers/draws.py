"""Draws for a group of samples: fresh ones in a training step, frozen ones in evaluation."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from trainers.noise import Noise


class Draws(Protocol):
    """Random numbers keyed by a place; K leads, then the samples.

    Two draws under one name are the same numbers.
    """

    def normal(self, site: str, width: int) -> Tensor:
        """Standard normal, [K, samples, width]."""

    def fractions(self, site: str, width: int) -> Tensor:
        """Uniform in (0, 1), [K, samples, width]."""


@dataclass(frozen=True)
class StepDraws:
    """Of one training step, keyed by every slot's seed, the epoch and the step."""

    noise: Noise
    step: int
    samples: int

    def normal(self, site: str, width: int) -> Tensor:
        """See Draws."""
        return self.noise.normal(site, self.step, self.samples, width)

    def fractions(self, site: str, width: int) -> Tensor:
        """See Draws."""
        return self.noise.fractions(site, self.step, self.samples, width)


@dataclass(frozen=True)
class FrozenDraws:
    """The same at every evaluation, for a chunk of samples; a shorter chunk draws a prefix."""

    noise: Noise
    chunk: int
    samples: int

    def normal(self, site: str, width: int) -> Tensor:
        """See Draws."""
        return self.noise.frozen_normal(site, self.chunk, self.samples, width)

    def fractions(self, site: str, width: int) -> Tensor:
        """See Draws."""
        return self.noise.frozen_fractions(site, self.chunk, self.samples, width)


def hits(draws: Draws, site: str, width: int, rates: Tensor | float) -> Tensor:
    """Bernoulli draws, bool [K, samples, width]; `rates` is one number or [K]."""
    return draws.fractions(site, width) < per_slot(rates)


def whole_numbers(draws: Draws, site: str, width: int, count: int) -> Tensor:
    """Uniform whole numbers in [0, count), int64 [K, samples, width]."""
    drawn = (draws.fractions(site, width) * count).long()
    return drawn.clamp(max=count - 1)  # the product may round up to count


def per_slot(numbers: Tensor | float) -> Tensor | float:
    """A number of every slot, [K], in the shape that meets [K, samples, width]."""
    return numbers[:, None, None] if isinstance(numbers, Tensor) else numbers


def coin(draws: Draws, site: str, rates: Tensor | float = 0.5) -> Tensor:
    """One Bernoulli draw a sample, bool [K, samples, 1]."""
    return torch.as_tensor(hits(draws, site, 1, rates))
