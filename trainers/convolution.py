"""Convolutions of K models at once, on maps [K, B, H, W, C]: channels last, as images are."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from trainers.layers import (
    ACTIVATIONS,
    HIDDEN_GAIN,
    NORM_EPSILON,
    BatchNorm,
    Dropout,
    Layout,
    Pass,
)
from trainers.plain.convolution import KERNEL

GROUPED_POSITIONS = 64
"""The rule for a CPU: one grouped convolution for all slots where the map that goes in has at most
so many pixels, else one convolution for each slot. Small maps are all dispatch; in larger ones the
grouped kernels lose more than they save. Measured by `python -m benchmarks.conv_rules` at 4 and
16 slots: grouped takes 0.7 to 1.2 of the loop's time up to 8 x 8 (below 1 for nine layers of ten),
1.0 to 2.4 from 14 x 14 on. Also tried: products over unfolded patches (faster first layers, 2 to
6 times slower for most), and the doubling of a map folded into the kernels (faster for up to 3
outputs, else level). An accelerator gets one launch for all slots (not measured: none at hand)."""


def convolve(x: Tensor, weight: Tensor, bias: Tensor | None, stride: int = 1) -> Tensor:
    """3 x 3 with a border of zeros: x [K, B, H, W, C], weight [K, O, C, 3, 3], bias [K, O]."""
    small = x.shape[2] * x.shape[3] <= GROUPED_POSITIONS
    if len(x) > 1 and (small or x.device.type != "cpu"):
        return convolve_grouped(x, weight, bias, stride)
    return convolve_looped(x, weight, bias, stride)


def convolve_looped(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int = 1
) -> Tensor:
    """One convolution for each slot: -> [K, B, H', W', O]."""
    shifts = [None] * len(x) if bias is None else bias.unbind()
    maps = [
        F.conv2d(image.permute(0, 3, 1, 2), kernel, shift, stride, KERNEL // 2).permute(0, 2, 3, 1)
        for image, kernel, shift in zip(x.unbind(), weight.unbind(), shifts, strict=True)
    ]
    return maps[0][None] if len(maps) == 1 else torch.stack(maps)


def convolve_grouped(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int = 1
) -> Tensor:
    """One convolution with a group for each slot: -> [K, B, H', W', O]."""
    slots, batch, height, width, inputs = x.shape
    beside = x.permute(1, 2, 3, 0, 4).reshape(batch, height, width, slots * inputs)
    y = F.conv2d(
        beside.permute(0, 3, 1, 2),
        weight.flatten(0, 1),
        None if bias is None else bias.flatten(),
        stride,
        KERNEL // 2,
        groups=slots,
    ).permute(0, 2, 3, 1)  # [B, H', W', K * O]
    return y.reshape(*y.shape[:3], slots, -1).permute(3, 0, 1, 2, 4)


def double(x: Tensor, sides: tuple[int, int]) -> Tensor:
    """Nearest neighbours at twice the size, cropped to `sides`: [K, B, h, w, C] -> [K, B, *, C]."""
    slots, batch, height, width, channels = x.shape
    pixels = x[:, :, :, None, :, None].expand(slots, batch, height, 2, width, 2, channels)
    doubled = pixels.reshape(slots, batch, 2 * height, 2 * width, channels)
    return doubled[:, :, : sides[0], : sides[1]]


class Conv2d:
    """A 3 x 3 convolution of K models, as torch.nn.Conv2d with padding 1."""

    def __init__(
        self,
        layout: Layout,
        name: str,
        inputs: int,
        outputs: int,
        *,
        stride: int = 1,
        gain: float = 1.0,
        bias: bool = True,
    ) -> None:
        self._stride = stride
        spread = gain / math.sqrt(inputs * KERNEL**2)
        shape = (outputs, inputs, KERNEL, KERNEL)
        self._weight = layout.add(f"{name}.weight", *shape, spread=spread, as_is=True)
        self._bias = layout.add(f"{name}.bias", outputs, as_is=True) if bias else None

    def __call__(self, run: Pass, x: Tensor) -> Tensor:
        """[K, B, H, W, inputs] -> [K, B, H', W', outputs]."""
        bias = None if self._bias is None else run.weights[self._bias]
        return convolve(x, run.weights[self._weight], bias, self._stride)


class SampleNorm:
    """Normalisation over all positions and channels of a sample, as torch.nn.GroupNorm(1, C)."""

    def __init__(self, layout: Layout, name: str, channels: int) -> None:
        self._weight = layout.add(f"{name}.weight", channels, fill=1.0)
        self._bias = layout.add(f"{name}.bias", channels)

    def __call__(self, run: Pass, x: Tensor) -> Tensor:
        """[K, B, H, W, C] -> the same shape."""
        slots, channels = len(x), x.shape[-1]
        normal = F.layer_norm(x, x.shape[2:], eps=NORM_EPSILON).reshape(slots, -1, channels)
        y = torch.addcmul(run.weights[self._bias], normal, run.weights[self._weight])
        return y.view(x.shape)


class ConvBlock:
    """Convolution with stride 2, or doubling and convolution; norm, activation, dropout.

    Dropout takes away whole channels. Channels are multiples of 4, so nothing needs padding. A
    bias that a batch norm takes out again would have rounding errors for a gradient, and Adam
    makes full steps of them: there is none.
    """

    def __init__(
        self,
        layout: Layout,
        buffers: Layout,
        name: str,
        inputs: int,
        outputs: int,
        *,
        sides: tuple[int, int] | None = None,
        activation: str,
        norm: str,
        dropout: Tensor,
    ) -> None:
        self._sides = sides
        self._conv = Conv2d(
            layout,
            f"{name}.conv",
            inputs,
            outputs,
            stride=1 if sides else 2,
            gain=HIDDEN_GAIN,
            bias=norm != "batch",
        )
        self._batch_norm = self._sample_norm = None
        if norm == "batch":
            self._batch_norm = BatchNorm(layout, buffers, f"{name}.norm", outputs)
        elif norm == "layer":
            self._sample_norm = SampleNorm(layout, f"{name}.norm", outputs)
        self._activation = ACTIVATIONS[activation]
        self._dropout = Dropout(f"{name}.dropout", outputs, dropout)

    def __call__(self, run: Pass, x: Tensor) -> Tensor:
        """[K, B, h, w, inputs] -> [K, B, h', w', outputs]."""
        x = self._conv(run, double(x, self._sides) if self._sides else x)
        if self._batch_norm:
            x = self._batch_norm(run, x.flatten(1, 3)).view(x.shape)
        elif self._sample_norm:
            x = self._sample_norm(run, x)
        return self._dropout(run, self._activation(x))
