"""Draws for a group of samples: fresh ones in a training step, frozen ones in evaluation.

See trainers.plain.corruption.Draws, which is what the plain twins draw by.
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from trainers.noise import Noise


@dataclass(frozen=True)
class StepDraws:
    """Of one training step, keyed by every slot's seed, the epoch and the step, [K, n, width]."""

    noise: Noise
    step: int
    samples: int

    def normal(self, site: str, width: int) -> Tensor:
        """Standard normal."""
        return self.noise.normal(site, self.step, self.samples, width)

    def fractions(self, site: str, width: int) -> Tensor:
        """Uniform in (0, 1)."""
        return self.noise.fractions(site, self.step, self.samples, width)


@dataclass(frozen=True)
class FrozenDraws:
    """The same at every evaluation, for a chunk of samples; a shorter chunk draws a prefix."""

    noise: Noise
    chunk: int
    samples: int

    def normal(self, site: str, width: int) -> Tensor:
        """Standard normal, [K, n, width]."""
        return self.noise.frozen_normal(site, self.chunk, self.samples, width)

    def fractions(self, site: str, width: int) -> Tensor:
        """Uniform in (0, 1), [K, n, width]."""
        return self.noise.frozen_fractions(site, self.chunk, self.samples, width)


class PieceDraws:
    """Some `rows` of what others draw for all; that is drawn once, for every piece."""

    def __init__(self, whole: FrozenDraws) -> None:
        self.rows = slice(None)
        self._whole = whole
        self._drawn: dict[str, Tensor] = {}

    def normal(self, site: str, width: int) -> Tensor:
        """Standard normal, [K, rows, width]."""
        return self._piece(site, width, self._whole.normal)

    def fractions(self, site: str, width: int) -> Tensor:
        """Uniform in (0, 1), [K, rows, width]."""
        return self._piece(f"{site}/fractions", width, lambda _, n: self._whole.fractions(site, n))

    def _piece(self, key: str, width: int, draw: Callable[[str, int], Tensor]) -> Tensor:
        if key not in self._drawn:
            self._drawn[key] = draw(key, width)
        return self._drawn[key][:, self.rows]
