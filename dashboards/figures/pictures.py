"""Samples as pixels: arrays of flat samples become strips of RGBA pictures."""

import numpy as np
from numpy.typing import NDArray

from dashboards.figures.frame import Picture

Pixels = NDArray[np.uint8]

# Inferno (Smith & van der Walt, CC0) at nine stops: dark is no error.
HEAT = np.array(
    [[0, 0, 4], [31, 12, 72], [85, 15, 109], [136, 34, 106], [186, 54, 85], [227, 89, 51],
     [249, 140, 10], [249, 201, 50], [252, 255, 164]], dtype=np.float64,
)  # fmt: skip
MAX_SIDE = 96
"""Larger pictures are thinned to this many pixels a side."""


def is_image(shape: tuple[int, ...]) -> bool:
    """Whether one sample is a picture: [H, W], [H, W, 1 or 3] or [1 or 3, H, W]."""
    if len(shape) == 2:
        return min(shape) > 1
    return len(shape) == 3 and (shape[2] in (1, 3) or shape[0] in (1, 3))


def as_images(samples: Picture, shape: tuple[int, ...], *, whole: bool = False) -> Picture:
    """[n, F] -> [n, H, W, channels], at most MAX_SIDE pixels a side where not `whole`."""
    images = samples.reshape(len(samples), *shape)
    if len(shape) == 2:
        images = images[..., None]
    elif shape[2] not in (1, 3):
        images = images.transpose(0, 2, 3, 1)
    if whole:
        return images
    step = -(-max(images.shape[1:3]) // MAX_SIDE)
    return images[:, ::step, ::step]


def paint_grey(images: Picture, low: float, high: float) -> Pixels:
    """[n, H, W, channels] -> [n, H, W, 4]: `low` is black, `high` white (or full colour)."""
    unit = np.clip((images - low) / max(high - low, 1e-12), 0.0, 1.0)
    return _opaque(np.broadcast_to(np.rint(unit * 255), (*images.shape[:3], 3)))


def paint_heat(errors: Picture, top: float) -> Pixels:
    """[n, H, W, channels] -> [n, H, W, 4]: black is 0, pale yellow is `top`."""
    unit = np.clip(errors.mean(axis=3) / max(top, 1e-12), 0.0, 1.0) * (len(HEAT) - 1)
    lower = np.minimum(unit.astype(np.int64), len(HEAT) - 2)
    rest = (unit - lower)[..., None]
    return _opaque(np.rint(HEAT[lower] * (1 - rest) + HEAT[lower + 1] * rest))


def strip(pixels: Pixels) -> Pixels:
    """[n, H, W, 4] -> [H, n * (W + gap) - gap, 4] side by side, with transparent gaps."""
    count, height, width, _ = pixels.shape
    gap = gap_of(width)
    row = np.zeros((height, count, width + gap, 4), np.uint8)
    row[:, :, :width] = pixels.transpose(1, 0, 2, 3)
    return row.reshape(height, -1, 4)[:, : count * (width + gap) - gap]


def gap_of(width: int) -> int:
    """Pixels between two pictures of this width."""
    return max(1, width // 12)


def _opaque(colors: NDArray[np.float64]) -> Pixels:
    opaque = np.full((*colors.shape[:3], 4), 255, np.uint8)
    opaque[..., :3] = colors
    return opaque
