"""Figures of single reconstructions beyond the squared error: PSNR, SSIM, excess of the BCE.

They are computed from the reconstruction of the posterior mean, whatever the family.
"""

import math

import torch
from torch import Tensor

from trainers.intervals import SampleFigures
from trainers.losses import has_neighbourhoods
from trainers.plain.figures import cross_entropy_excess, peak_signal_to_noise, similarity
from trainers.plain.similarity import scales_of
from trainers.problem import Problem
from trainers.spread import Spreads

CLOSE = frozenset({"ssim", "ms_ssim", "bce_excess"})
"""What costs as much as the rest of an evaluation: measured at every epoch only where it ranks
the epochs, else once, at a trial's best epoch."""
CLOSE_SAMPLES = 512
"""CLOSE is measured on at most so many samples of a part, evenly spaced."""
LOOKED_AT = ("image", "vector")
"""Kinds of data that have any of these figures."""


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

    def keep(self, figures: SampleFigures) -> None:
        """Tell `figures` what every sample gives, from now on; K = 1."""
        self._spreads.figures = figures

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


def similarities(prediction: Tensor, samples: Tensor, problem: Problem) -> dict[str, Tensor]:
    """`ssim` and `ms_ssim` of every image, [K, n, F] against [n, F] -> [K, n] in float64.

    Reconstructions are clipped as for PSNR. Slot by slot and in pieces of one size: what a slot
    gets does not depend on its company.
    """
    low, high = problem.bounds
    clipped = prediction.clamp(low, high)
    scales = scales_of(*problem.shape[:2])

    def compare(count: int) -> Tensor:
        slots = [
            similarity(slot, samples, problem.shape, problem.span, count, low) for slot in clipped
        ]
        return torch.stack(slots)

    found = {"ssim": compare(1)}
    found["ms_ssim"] = found["ssim"] if scales == 1 else compare(scales)
    return found
