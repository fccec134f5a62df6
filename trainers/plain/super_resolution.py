"""Residual blocks in plain PyTorch that say what is missing in the bicubic (or noisy) image.

Written by HiFiTune; needs PyTorch and safetensors, nothing else.

    model = load(".")                # this folder: config.json, weights.safetensors
    large = model.reconstruct(small)  # raw units in, raw units out, sides `factor` times larger
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trainers.plain.base import PlainModel, load_model
from trainers.plain.given import Given
from trainers.plain.losses import ReconstructionLoss

KERNEL = 3
HIDDEN_GAIN = math.sqrt(6)
SMALL_GAIN = 0.1
"""Of the last convolution of every block, and of all: the network starts near the bicubic."""


def convolution(inputs: int, outputs: int, gain: float) -> nn.Conv2d:
    """3 x 3 with a border of zeros; weights in +-gain / sqrt(inputs of a pixel), biases 0."""
    layer = nn.Conv2d(inputs, outputs, KERNEL, padding=KERNEL // 2)
    spread = gain / math.sqrt(inputs * KERNEL**2)
    nn.init.uniform_(layer.weight, -spread, spread)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer


class ResidualBlock(nn.Module):
    """x + convolve(relu(convolve(x))), without normalisation (Lim et al. 2017)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = convolution(channels, channels, HIDDEN_GAIN)
        self.second = convolution(channels, channels, SMALL_GAIN)

    def forward(self, x: Tensor) -> Tensor:
        """[N, channels, h, w] -> the same shape."""
        return cast(Tensor, x + self.second(F.relu(self.first(x))))


class SuperResolution(PlainModel):
    """What is missing in doing nothing, as residual learning has it (Zhang et al. 2017).

    For super_resolve convolutions work on the small image; one pixel of their result becomes
    factor x factor pixels (PixelShuffle, Shi et al. 2016). For denoise and inpaint they work on
    the noisy image, or on the filled one and its mask.
    """

    def __init__(self, problem: Mapping[str, Any], config: Mapping[str, Any]) -> None:
        super().__init__(problem, config)
        height, width, colours = (*self.shape, 1)[:3]
        self.factor = int(self.task.get("factor", 1))
        self.image = (height // self.factor, width // self.factor, colours)
        channels = int(config["channels"])
        self.head = convolution(colours * (2 if self.masked else 1), channels, 1.0)
        self.blocks = nn.Sequential(*(ResidualBlock(channels) for _ in range(config["blocks"])))
        self.join = convolution(channels, channels, 1.0)
        self.tail = convolution(channels, colours * self.factor**2, SMALL_GAIN)
        self.reconstruction_loss = ReconstructionLoss({"loss": config["loss"], "sigma": 1.0})

    def estimate(self, given: Given) -> Tensor:
        """[N, F] scaled: what doing nothing gives, and what the network adds to it."""
        parts = [given.start if given.low is None else given.low]
        if given.known is not None:
            parts.append(given.known)
        seen = torch.cat([part.reshape(-1, *self.image) for part in parts], dim=-1)
        x = self.head(seen.permute(0, 3, 1, 2))
        x = x + self.join(self.blocks(x))
        details = F.pixel_shuffle(self.tail(x), self.factor).permute(0, 2, 3, 1)
        return given.start + details.reshape(given.start.shape)

    def training_loss(self, target: Tensor, given: Given, kl_share: float = 1.0) -> Tensor:
        """The loss of a batch [B, F]; there is no KL here, so `kl_share` changes nothing."""
        return self.reconstruction_loss(self.estimate(given), target)


def build(problem: Mapping[str, Any], config: Mapping[str, Any]) -> SuperResolution:
    """An untrained model."""
    return SuperResolution(problem, config)


def load(folder: str | Path = ".") -> SuperResolution:
    """The trained model of a folder, in eval mode."""
    return load_model(folder, build)
