"""Smaller and larger images by bicubic interpolation, on flat samples in H, W, C order."""

import torch.nn.functional as F
from torch import Tensor


def shrink(flat: Tensor, height: int, width: int, channels: int, factor: int) -> Tensor:
    """[..., H * W * C] -> [..., H/f * W/f * C], antialiased."""
    size = (height // factor, width // factor)
    return _resize(flat, height, width, channels, size)


def enlarge(flat: Tensor, height: int, width: int, channels: int, factor: int) -> Tensor:
    """[..., H/f * W/f * C] -> [..., H * W * C]: the do-nothing answer to super-resolution."""
    small = (height // factor, width // factor)
    return _resize(flat, *small, channels, (height, width))


def _resize(flat: Tensor, height: int, width: int, channels: int, size: tuple[int, int]) -> Tensor:
    # antialias also where nothing is to be smoothed: with it torch takes the cubic of Pillow and
    # MATLAB (a = -0.5), which published bicubic figures rest on; without it another (a = -0.75).
    images = flat.reshape(-1, height, width, channels).permute(0, 3, 1, 2)
    resized = F.interpolate(images, size=size, mode="bicubic", align_corners=False, antialias=True)
    return resized.permute(0, 2, 3, 1).reshape(*flat.shape[:-1], -1)
