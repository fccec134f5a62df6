"""SSIM and MS-SSIM of images in plain PyTorch, differentiable, as two small matrix products.

Wang, Bovik, Sheikh & Simoncelli 2004 (SSIM) and Wang, Simoncelli & Bovik 2003 (MS-SSIM), with
the choices of torchmetrics, whose values these are: a Gaussian window of 11 pixels (sigma 1.5),
edges mirrored, K1 = 0.01, K2 = 0.03, colours averaged. Images smaller than the window get the
widest odd one that fits, its sigma in proportion, and MS-SSIM takes as many of its five scales
as the window fits into (five from 176 pixels on), their weights scaled to a sum of 1; with a
single scale it is SSIM.
"""

import math
from collections.abc import Sequence
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

WINDOW = 11
SMALLEST_SIDE = 3
"""Pixels; smaller images have no neighbourhood to compare."""
SIGMA_PER_PIXEL = 1.5 / WINDOW
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
K1, K2 = 0.01, 0.03


def window_of(height: int, width: int) -> int:
    """Side of the Gaussian window in pixels: odd, at most 11, at most the image's shorter side."""
    side = min(height, width, WINDOW)
    return side if side % 2 else side - 1


def scales_of(height: int, width: int) -> int:
    """How many scales of MS-SSIM an image has room for, 1 to 5."""
    side, window = min(height, width), window_of(height, width)
    sides = [side // (1 << scale) for scale in range(len(SCALE_WEIGHTS))]
    return max(1, sum(side >= window for side in sides))


def structural_similarity(
    output: Tensor,
    target: Tensor,
    shape: Sequence[int],
    span: float,
    scales: int = 1,
    floor: float = 0.0,
    low: float = 0.0,
) -> Tensor:
    """[N, F] twice -> [N]: SSIM of every image; with `scales` above 1, MS-SSIM.

    `shape` is (H, W) or (H, W, C), channels last; `span` the range that values can have, from
    `low` on: brightness counts from there. Terms of MS-SSIM below `floor` count as that: a small
    one above 0 keeps its gradient finite.
    """
    height, width = shape[0], shape[1]
    window = window_of(height, width)
    images = torch.stack((output, target)).view(2, len(output), height, width, -1)
    images = images.movedim(-1, 2).flatten(0, 2)  # [2 N C, H, W]
    if low:
        images = images - low
    terms = []
    for scale in range(scales):
        whole, contrast = _means(images, window, span)  # [N C] each
        last = scale == scales - 1
        terms.append((whole if last else contrast).view(len(output), -1).mean(1))
        if not last:
            images = F.avg_pool2d(images, 2)
    if scales == 1:
        return terms[0]
    total = sum(SCALE_WEIGHTS[:scales])
    logs = [
        term.clamp(min=floor) ** (weight / total)
        for term, weight in zip(terms, SCALE_WEIGHTS[:scales], strict=True)
    ]
    return torch.stack(logs).prod(0)


def _means(images: Tensor, window: int, span: float) -> tuple[Tensor, Tensor]:
    """[2 M, H, W], outputs before targets -> means over pixels of SSIM and of its contrast, [M].

    Like torchmetrics: the contrast leaves out where the window meets a mirrored edge.
    """
    output, target = images.chunk(2)
    maps = torch.cat((images, output * output, target * target, output * target))
    blurred = _blur(maps, window)  # [5 M, W, H]
    mean, other, square, other_square, product = blurred.chunk(5)
    mean_squares = mean * mean + other * other
    mean_product = mean * other
    variances = (square - mean * mean).clamp(min=0) + (other_square - other * other).clamp(min=0)
    contrast = (2 * (product - mean_product) + (K2 * span) ** 2) / (variances + (K2 * span) ** 2)
    brightness = (2 * mean_product + (K1 * span) ** 2) / (mean_squares + (K1 * span) ** 2)
    edge = window // 2
    inner = contrast[:, edge : contrast.shape[1] - edge, edge : contrast.shape[2] - edge]
    return (brightness * contrast).mean((1, 2)), inner.mean((1, 2))


def _blur(maps: Tensor, window: int) -> Tensor:
    """[M, H, W] -> [M, W, H], filtered along both sides, edges mirrored."""
    rows, columns = (blur_matrix(side, window).to(maps) for side in maps.shape[1:])
    return (maps @ columns).transpose(1, 2) @ rows


@lru_cache(maxsize=64)
def blur_matrix(side: int, window: int) -> Tensor:
    """[side, side]: a row vector times this is filtered by a Gaussian, its edges mirrored."""
    reach = window // 2
    sigma = window * SIGMA_PER_PIXEL
    taps = [math.exp(-0.5 * (step / sigma) ** 2) for step in range(-reach, reach + 1)]
    matrix = torch.zeros(side, side, dtype=torch.float64)
    for position in range(side):
        for step, tap in zip(range(-reach, reach + 1), taps, strict=True):
            source = abs(position + step)
            source = source if source < side else 2 * (side - 1) - source
            matrix[source, position] += tap / sum(taps)
    return matrix
