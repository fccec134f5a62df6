"""Encoder and decoder of the architecture that a config asks for."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from trainers.plain.convolution import ConvDecoder, ConvEncoder
from trainers.plain.networks import Stack


def make_encoder(
    shape: Sequence[int],
    inputs: int,
    outputs: int,
    config: Mapping[str, Any],
    *,
    as_map: bool = False,
) -> nn.Module:
    """[N, inputs] -> [N, outputs]; of an inpainting model the known pixels are inputs too.

    `as_map`: each position of a convolutional network has a part of the outputs of its own.
    """
    if config["architecture"] == "conv":
        return ConvEncoder(shape, inputs // math.prod(shape), outputs, config, as_map=as_map)
    return Stack(inputs, outputs, config)


def make_decoder(
    inputs: int, shape: Sequence[int], config: Mapping[str, Any], *, as_map: bool = False
) -> nn.Module:
    """[N, inputs] -> [N, features]."""
    if config["architecture"] == "conv":
        return ConvDecoder(inputs, shape, config, as_map=as_map)
    return Stack(inputs, math.prod(shape), config)
