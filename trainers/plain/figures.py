"""Figures of single reconstructions beyond the squared error: PSNR, SSIM, excess of the BCE."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from trainers.plain.similarity import SMALLEST_SIDE, scales_of, structural_similarity

HIGHEST_PSNR = 100.0
"""Decibel; what a reconstruction without any error counts."""
LEAST_PROBABILITY = 1e-6
"""Reconstructions are kept so far from 0 and 1 when they are read as probabilities."""
RANGE_TOLERANCE = 1e-6
PIECE = 1 << 17
"""Numbers compared at once: more fall out of the cache (measured: 3 times slower)."""


def image_figures(
    prediction: Tensor, target: Tensor, problem: Mapping[str, Any]
) -> dict[str, Tensor]:
    """Of every sample, [N, F] twice -> name: [N]; `problem` says what the samples are.

    psnr of images, ssim and ms_ssim of images from 3 x 3 pixels on, bce_excess of data in [0, 1].
    """
    kind, shape = problem["kind"], problem["shape"]
    low, high = problem["low"], problem["high"]
    unit = low >= -RANGE_TOLERANCE and high <= 1 + RANGE_TOLERANCE
    bounds = (0.0, 1.0) if unit else (low, high)
    found = {}
    if kind == "image":
        found["psnr"] = peak_signal_to_noise(prediction, target, bounds)
        if min(shape[:2]) >= SMALLEST_SIDE:
            clipped, span = prediction.clamp(*bounds), bounds[1] - bounds[0] or 1.0
            found["ssim"] = similarity(clipped, target, shape, span, 1, bounds[0])
            scales = scales_of(*shape[:2])
            found["ms_ssim"] = similarity(clipped, target, shape, span, scales, bounds[0])
    if unit and kind in ("image", "vector"):
        found["bce_excess"] = cross_entropy_excess(prediction, target)
    return found


def peak_signal_to_noise(prediction: Tensor, target: Tensor, bounds: tuple[float, float]) -> Tensor:
    """PSNR in dB of every image, [..., n, F] against [n, F] -> [..., n] in float64.

    Reconstructions are clipped to `bounds` first, whose width is the data range. Report the mean
    of these, not the PSNR of the mean error.
    """
    low, high = bounds
    span = high - low or 1.0
    errors = (prediction.clamp(low, high) - target).square().mean(-1).double()
    return -10 * (errors / span**2).clamp(min=10 ** (-HIGHEST_PSNR / 10)).log10()


def similarity(
    prediction: Tensor, target: Tensor, shape: Any, span: float, scales: int, low: float = 0.0
) -> Tensor:
    """SSIM, or with several scales MS-SSIM, of every image, [n, F] twice -> [n] in float64.

    `low` and `span`: where values begin, and how far they go.
    """
    size = max(1, PIECE // prediction.shape[-1])
    pieces = zip(torch.split(prediction, size), torch.split(target, size), strict=True)
    found = [
        structural_similarity(one, other, shape, span, scales, low=low) for one, other in pieces
    ]
    return torch.cat(found).double()


def cross_entropy_excess(prediction: Tensor, target: Tensor) -> Tensor:
    """Nats by which the BCE of every sample lies above the entropy of its values, in float64.

    [..., n, F] against [n, F] -> [..., n]. The entropy of grey values cannot be learned away;
    what is left is KL(Bernoulli(value) || Bernoulli(reconstruction)), summed over features.
    """
    wanted = target.clamp(0, 1).double()
    floor = -(torch.xlogy(wanted, wanted) + torch.xlogy(1 - wanted, 1 - wanted)).sum(-1)
    guess = prediction.double().clamp(LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
    return -(wanted * guess.log() + (1 - wanted) * (-guess).log1p()).sum(-1) - floor
