"""The networks of K models: what turns flat samples into codes, and codes into flat samples."""

from collections.abc import Callable
from typing import Protocol, TypedDict, Unpack

import torch
from torch import Tensor

from trainers.convolution import Conv2d, ConvBlock
from trainers.counts import image_stages
from trainers.layers import (
    ACTIVATIONS,
    HIDDEN_GAIN,
    BatchNorm,
    Dropout,
    LayerNorm,
    Layout,
    Linear,
    Pass,
    fit,
    padded,
)
from trainers.problem import Problem

EVALUATED = 128
"""Samples that are in the works at once in eval mode: maps are many times larger than images."""


class Network(Protocol):
    """Flat in, flat out; the numbers between are nobody's business."""

    def __call__(self, run: Pass, x: Tensor) -> Tensor:
        """[K, B, inputs] -> [K, B, outputs]."""


class Blocks(TypedDict):
    """What all blocks of a network share."""

    activation: str
    norm: str
    dropout: Tensor


class Sizes(TypedDict):
    """Of a stack."""

    width: int
    depth: int


class Maps(TypedDict):
    """Of a convolutional network."""

    channels: int
    stages: int
    as_map: bool
    """Whether each position of the last map has a part of the code of its own."""


class Stack:
    """Hidden layers (linear, norm, activation, dropout) and a linear head."""

    def __init__(
        self,
        layout: Layout,
        buffers: Layout,
        name: str,
        inputs: int,
        outputs: int,
        *,
        width: int,
        depth: int,
        activation: str,
        norm: str,
        dropout: Tensor,
    ) -> None:
        self._inputs, self._outputs = inputs, outputs
        self._activation = ACTIVATIONS[activation]
        self._hidden: list[tuple[Linear, BatchNorm | LayerNorm | None, Dropout]] = []
        for index in range(depth):
            block = f"{name}.hidden.{index}"
            linear = Linear(layout, f"{block}.linear", inputs, width, HIDDEN_GAIN)
            normal: BatchNorm | LayerNorm | None = None
            if norm == "batch":
                normal = BatchNorm(layout, buffers, f"{block}.norm", width)
            elif norm == "layer":
                normal = LayerNorm(layout, f"{block}.norm", width)
            self._hidden.append((linear, normal, Dropout(f"{block}.dropout", width, dropout)))
            inputs = width
        self._head = Linear(layout, f"{name}.head", inputs, outputs)

    def __call__(self, run: Pass, x: Tensor) -> Tensor:
        """[K, B, inputs] -> [K, B, outputs]."""
        x = fit(x, padded(self._inputs))
        for linear, normal, dropout in self._hidden:
            x = linear(run, x)
            if normal is not None:
                x = normal(run, x)
            x = dropout(run, self._activation(x))
        return fit(self._head(run, x), self._outputs)


def in_pieces(run: Pass, x: Tensor, forward: Callable[[Pass, Tensor], Tensor]) -> Tensor:
    """[K, B, ...] -> [K, B, ...]; in eval mode no more than EVALUATED samples at once."""
    if run.noise is not None or x.shape[1] <= EVALUATED:
        return forward(run, x)
    return torch.cat([forward(run, piece) for piece in torch.split(x, EVALUATED, dim=1)], dim=1)


class ConvEncoder:
    """Stages that halve the image, and a linear head over the last map."""

    def __init__(
        self,
        layout: Layout,
        buffers: Layout,
        name: str,
        problem: Problem,
        outputs: int,
        *,
        channels: int,
        stages: int,
        as_map: bool,
        **blocks: Unpack[Blocks],
    ) -> None:
        sides, widths = image_stages(problem, channels, stages)
        parts = problem.inputs // problem.features
        self._image = (parts, problem.height, problem.width, problem.channels)
        widths = [parts * problem.channels, *widths]
        self._stages = [
            ConvBlock(layout, buffers, f"{name}.stages.{i}", widths[i], widths[i + 1], **blocks)
            for i in range(len(sides) - 1)
        ]
        places = sides[-1][0] * sides[-1][1]
        self._pieces = places if as_map else 1
        self._outputs = outputs // self._pieces
        size = places * widths[-1] // self._pieces
        self._head = Linear(layout, f"{name}.head", size, self._outputs)

    def __call__(self, run: Pass, x: Tensor) -> Tensor:
        """[K, B, inputs] -> [K, B, outputs]."""
        return in_pieces(run, x, self._forward)

    def _forward(self, run: Pass, x: Tensor) -> Tensor:
        parts, height, width, channels = self._image
        x = x.reshape(*x.shape[:2], parts, height, width, channels)
        x = x.movedim(2, 4).flatten(4)  # [K, B, H, W, parts * C]
        for stage in self._stages:
            x = stage(run, x)
        slots, batch = x.shape[:2]
        x = self._head(run, x.reshape(slots, batch * self._pieces, -1))
        return fit(x, self._outputs).reshape(slots, batch, -1)


class ConvDecoder:
    """A linear layer to the last map, stages that double it, a convolution at full size."""

    def __init__(
        self,
        layout: Layout,
        buffers: Layout,
        name: str,
        problem: Problem,
        inputs: int,
        *,
        channels: int,
        stages: int,
        as_map: bool,
        **blocks: Unpack[Blocks],
    ) -> None:
        sides, widths = image_stages(problem, channels, stages)
        widths = [channels // 2, *widths]
        self._first = (*sides[-1], widths[-1])
        places = sides[-1][0] * sides[-1][1]
        self._pieces = places if as_map else 1
        self._inputs = inputs // self._pieces
        size = places * widths[-1] // self._pieces
        self._entry = Linear(layout, f"{name}.entry", self._inputs, size, HIDDEN_GAIN)
        self._activation = ACTIVATIONS[blocks["activation"]]
        self._stages = [
            ConvBlock(
                layout,
                buffers,
                f"{name}.stages.{place}",
                widths[i + 1],
                widths[i],
                sides=sides[i],
                **blocks,
            )
            for place, i in enumerate(reversed(range(len(sides) - 1)))
        ]
        self._head = Conv2d(layout, f"{name}.head", widths[0], problem.channels)

    def __call__(self, run: Pass, x: Tensor) -> Tensor:
        """[K, B, inputs] -> [K, B, H * W * C]."""
        return in_pieces(run, x, self._forward)

    def _forward(self, run: Pass, x: Tensor) -> Tensor:
        slots, batch = x.shape[:2]
        x = fit(x.reshape(slots, batch * self._pieces, -1), padded(self._inputs))
        x = self._activation(self._entry(run, x)).view(slots, batch, *self._first)
        for stage in self._stages:
            x = stage(run, x)
        return self._head(run, x).flatten(2)
