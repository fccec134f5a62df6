"""How many numbers a model keeps of a batch for its backward pass, by counting. Torch-free.

It is what an array takes beside its weights: for images and texts far more than them. Counted after
what autograd keeps (tests/trainers/test_activations.py measures it).
"""

from collections.abc import Mapping

from service.domain.space import Scalar
from trainers.counts import image_stages
from trainers.problem import Problem

ABOUT_SIMILARITY = 20
"""Copies of a sample that SSIM and MS-SSIM keep."""
PER_UNIT_AND_TOKEN = 16
"""Numbers that both GRUs together keep of each of their units at each token."""


def count_activations(config: Mapping[str, Scalar], problem: Problem) -> int:
    """Numbers that one training step of one model keeps, of an encoder and a decoder.

    Raises ValueError for convolutions over what is no image, or too small.
    """
    if config.get("architecture") == "conv":
        kept = _of_maps(config, problem)
    else:
        hidden = 2 * int(config["depth"]) * int(config["hidden_width"])
        kept = hidden * _copies(config) + 4 * _codes(config)
    images = ABOUT_SIMILARITY if "ssim" in str(config.get("loss")) else 0
    around = problem.inputs + (3 + images) * problem.features
    return int(config["batch_size"]) * (kept + around)


def count_twice(config: Mapping[str, Scalar], problem: Problem) -> int:
    """The same where a step goes through the networks again: for slopes, or for a second batch."""
    return 2 * count_activations(config, problem)


def count_of_restoration(config: Mapping[str, Scalar], problem: Problem) -> int:
    """Of residual blocks over the small image."""
    factor = problem.task.factor or 1
    pixels = (problem.height // factor) * (problem.width // factor)
    maps = int(config["channels"]) * (2 * int(config["blocks"]) + 2)
    kept = pixels * maps + problem.inputs + 3 * problem.features
    return int(config["batch_size"]) * kept


def count_of_texts(config: Mapping[str, Scalar], problem: Problem) -> int:
    """Of two GRUs, and of the logits at every token."""
    per_token = problem.vocabulary + PER_UNIT_AND_TOKEN * int(config["hidden_width"])
    return int(config["batch_size"]) * problem.features * per_token


def count_of_tables(config: Mapping[str, Scalar], problem: Problem) -> int:
    """Of stacks over rows: there is nothing to convolve."""
    return count_activations({**config, "architecture": "mlp"}, problem)


def _codes(config: Mapping[str, Scalar]) -> int:
    """Numbers in a code."""
    if "latent_dim" in config:
        return int(config["latent_dim"])
    return int(config["latents"]) * int(config["code_dim"])


def _copies(config: Mapping[str, Scalar]) -> int:
    """Of a hidden layer: before and after the activation, dropped out, about its norm.

    Dropout always counts: its rate is each slot's own, and an array's size is not.
    """
    return 3 if config["norm"] == "none" else 5


def _of_maps(config: Mapping[str, Scalar], problem: Problem) -> int:
    """Of the stages of a convolutional encoder and decoder, of one sample."""
    sides, widths = image_stages(problem, int(config["channels"]), int(config["stages"]))
    pixels = [height * width for height, width in sides]
    down = sum(size * width for size, width in zip(pixels[1:], widths, strict=True))
    up = [widths[0] // 2, *widths]
    # A decoder's stage keeps what it doubled beside what it makes of that.
    doubled = sum(size * width for size, width in zip(pixels[:-1], up[1:], strict=True))
    made = sum(size * width for size, width in zip(pixels[:-1], up[:-1], strict=True))
    last = 2 * pixels[-1] * widths[-1] + 4 * _codes_of_maps(config, pixels[-1])
    return _copies(config) * (down + made) + doubled + last


def _codes_of_maps(config: Mapping[str, Scalar], places: int) -> int:
    return int(config["latent_dim"]) if "latent_dim" in config else places * int(config["code_dim"])
