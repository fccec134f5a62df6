"""How many trainable parameters encoder and decoder have, without building them. Torch-free."""

from collections.abc import Iterable, Mapping
from itertools import pairwise
from math import prod

from service.domain.space import Scalar
from trainers.plain.stages import stage_channels, stage_sides
from trainers.problem import Problem

KERNEL = 9
"""Weights of a 3 x 3 kernel."""


def count_networks(config: Mapping[str, Scalar], problem: Problem, codes: int) -> int:
    """Parameters of an encoder with `codes` numbers for each latent dimension, and its decoder.

    Raises ValueError for a convolutional one of data that are no images, or too small ones.
    """
    latent = int(config["latent_dim"])
    if config["architecture"] == "conv":
        size = prod(last_map(config, problem))
        return count_heads(size, codes * latent, latent) + count_convolutions(config, problem)
    return count_stacks(config, problem, codes * latent, latent)


def count_coded(config: Mapping[str, Scalar], problem: Problem) -> int:
    """Parameters of an encoder to a vector at every position, and of its decoder."""
    width = int(config["code_dim"])
    if config["architecture"] == "conv":
        *_, channels = last_map(config, problem)
        return count_heads(channels, width, width) + count_convolutions(config, problem)
    latent = int(config["latents"]) * width
    return count_stacks(config, problem, latent, latent)


def count_positions(config: Mapping[str, Scalar], problem: Problem) -> int:
    """Places of a spatial code: those of the last map, else as many as `latents` says."""
    if config["architecture"] == "conv":
        height, width, _ = last_map(config, problem)
        return height * width
    return int(config["latents"])


def count_stacks(config: Mapping[str, Scalar], problem: Problem, outputs: int, inputs: int) -> int:
    """Of two mirrored stacks: an encoder with `outputs`, and a decoder with `inputs`."""
    depth, width = int(config["depth"]), int(config["hidden_width"])
    hidden = [width] * depth
    count = count_chain([problem.inputs, *hidden, outputs])
    count += count_chain([inputs, *hidden, problem.features])
    return count if config["norm"] == "none" else count + 2 * 2 * width * depth


def count_heads(size: int, outputs: int, inputs: int) -> int:
    """The linear layers behind and before the last map."""
    return count_chain([size, outputs]) + count_chain([inputs, size])


def count_chain(sizes: Iterable[int]) -> int:
    """Weights and biases of linear layers, one after the other."""
    return sum((inputs + 1) * outputs for inputs, outputs in pairwise(sizes))


def last_map(config: Mapping[str, Scalar], problem: Problem) -> tuple[int, int, int]:
    """Sides and channels of the map after the last stage of a convolutional encoder."""
    sides, channels = _stages(config, problem)
    return (*sides[-1], channels[-1])


def count_convolutions(config: Mapping[str, Scalar], problem: Problem) -> int:
    """Parameters of all stages, down and up, and of the last convolution at full size."""
    _, channels = _stages(config, problem)
    first = problem.channels * (problem.inputs // problem.features)
    down = [first, *channels]
    up = [*reversed(channels), channels[0] // 2]
    count = sum(
        (KERNEL * inputs + 1) * outputs
        for sizes in (down, up)
        for inputs, outputs in pairwise(sizes)
    )
    count += (KERNEL * up[-1] + 1) * problem.channels
    blocks = sum(down[1:]) + sum(up[1:])
    # A norm has a gain and a shift; a batch norm takes the place of the bias.
    count += {"none": 0, "batch": 1, "layer": 2}[str(config["norm"])] * blocks
    return count


def image_stages(
    problem: Problem, channels: int, stages: int
) -> tuple[list[tuple[int, int]], list[int]]:
    """Sides of the image and after every stage, and the channels after every stage.

    Raises ValueError for data that are no images, or too small ones.
    """
    if problem.kind != "image":
        raise ValueError(f"architecture conv needs images, and this data is of kind {problem.kind}")
    sides = stage_sides(problem.height, problem.width, stages)
    return sides, stage_channels(channels, len(sides) - 1)


def _stages(
    config: Mapping[str, Scalar], problem: Problem
) -> tuple[list[tuple[int, int]], list[int]]:
    return image_stages(problem, int(config["channels"]), int(config["stages"]))
