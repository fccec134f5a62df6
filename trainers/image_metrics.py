"""Figures of single reconstructions beyond the squared error: PSNR, SSIM, excess of the BCE.

They are computed from the reconstruction of the posterior mean, whatever the family.
"""

import math

import torch
from torch import Tensor

from trainers.losses import has_neighbourhoods
from trainers.plain.similarity import scales_of, structural_similarity
from trainers.problem import Problem
from trainers.spread import Spreads

CLOSE = frozenset({"ssim", "ms_ssim", "bce_excess"})
"""What costs as much as the rest of an evaluation: measured at every epoch only where it ranks
the epochs, else once, at a trial's best epoch."""
CLOSE_SAMPLES = 512
"""CLOSE is measured on at most so many samples of a part, evenly spaced."""
LOOKED_AT = ("image", "vector")
"""Kinds of data that have any of these figures."""

HIGHEST_PSNR = 100.0
"""Decibel; what a reconstruction without any error counts."""
LEAST_PROBABILITY = 1e-6
"""Reconstructions are kept so far from 0 and 1 when they are read as probabilities."""
_PIECE = 1 << 17
"""Numbers compared at once: more fall out of the cache (measured: 3 times slower)."""


def close_rows(count: int) -> Tensor:
    """The rows of a part of `count` samples that CLOSE is measured on."""
    return torch.arange(0, count, _stride(count))


def _stride(count: int) -> int:
    return max(1, math.ceil(count / CLOSE_SAMPLES))


class Looks:
    """psnr of images; with `close` also ssim and ms_ssim of images, bce_excess of data in [0, 1].

    `count` is the number of samples of the part. Nothing for tables and texts.
    """

    def __init__(self, problem: Problem, count: int, *, close: bool) -> None:
        self._problem = problem
        self._close = close and problem.kind in LOOKED_AT
        self._stride = _stride(count)
        self._seen = 0
        self._spreads = Spreads()

    def add(self, prediction: Tensor, target: Tensor) -> None:
        """Take in a chunk: [K, n, F] against [n, F]."""
        problem = self._problem
        if problem.kind == "image":
            self._spreads.add("psnr", peak_signal_to_noise(prediction, target, problem.bounds))
        first = -self._seen % self._stride
        self._seen += len(target)
        if not self._close or first >= len(target):
            return
        chosen = slice(first, None, self._stride)
        prediction, target = prediction[:, chosen], target[chosen]
        if has_neighbourhoods(problem):
            for name, values in similarities(prediction, target, problem).items():
                self._spreads.add(name, values)
        if problem.in_unit_range:
            self._spreads.add("bce_excess", cross_entropy_excess(prediction, target))

    def results(self) -> dict[str, Tensor]:
        """Metric -> [K] in float64, with standard errors."""
        return self._spreads.means() | self._spreads.errors()


def peak_signal_to_noise(
    prediction: Tensor, samples: Tensor, bounds: tuple[float, float]
) -> Tensor:
    """PSNR in dB of every image, [K, n, F] against [n, F] -> [K, n] in float64.

    Reconstructions are clipped to `bounds` first, whose width is the data range (DOMAIN.md truth
    12). Report the mean of these, not the PSNR of the mean error.
    """
    low, high = bounds
    span = high - low or 1.0
    errors = (prediction.clamp(low, high) - samples).square().mean(2).double()
    return -10 * (errors / span**2).clamp(min=10 ** (-HIGHEST_PSNR / 10)).log10()


def similarities(prediction: Tensor, samples: Tensor, problem: Problem) -> dict[str, Tensor]:
    """`ssim` and `ms_ssim` of every image, [K, n, F] against [n, F] -> [K, n] in float64.

    Reconstructions are clipped as for PSNR. Slot by slot and in pieces of one size: what a slot
    gets does not depend on its company.
    """
    low, high = problem.bounds
    clipped = prediction.clamp(low, high)
    scales = {"ssim": 1, "ms_ssim": scales_of(*problem.shape[:2])}
    size = max(1, _PIECE // problem.features)

    def compare(slot: Tensor, count: int) -> Tensor:
        pieces = zip(torch.split(slot, size), torch.split(samples, size), strict=True)
        return torch.cat(
            [
                structural_similarity(one, other, problem.shape, problem.span, count)
                for one, other in pieces
            ]
        )

    found = {"ssim": torch.stack([compare(slot, 1) for slot in clipped]).double()}
    found["ms_ssim"] = (
        found["ssim"]
        if scales["ms_ssim"] == 1
        else torch.stack([compare(slot, scales["ms_ssim"]) for slot in clipped]).double()
    )
    return found


def cross_entropy_excess(prediction: Tensor, samples: Tensor) -> Tensor:
    """Nats by which the BCE of every sample lies above the entropy of its values, [K, n] float64.

    The entropy of grey values cannot be learned away; what is left is
    KL(Bernoulli(value) || Bernoulli(reconstruction)), summed over features.
    """
    target = samples.clamp(0, 1).double()
    floor = -(torch.xlogy(target, target) + torch.xlogy(1 - target, 1 - target)).sum(1)
    guess = prediction.double().clamp(LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    return -(target * guess.log() + (1 - target) * (-guess).log1p()).sum(2) - floor
