"""The parameters of denoising autoencoder and super-resolution. Torch-free."""

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from service.domain.space import Scalar
from trainers.image_params import ImageAugmentation
from trainers.knobs import Knob, choices_of, reals, whole
from trainers.params import AutoencoderParams, TrainingParams
from trainers.problem import Problem

TrainNoise: TypeAlias = Literal["gaussian", "salt_and_pepper", "masked"]
ImageLoss: TypeAlias = Literal["l1", "mse"]
KERNEL = 3


class DenoisingAutoencoderParams(AutoencoderParams):
    """An autoencoder with noise of its own in training."""

    noise_level: Annotated[
        float,
        Knob(
            role="optimisation",
            allowed=reals(0.0, 1.0),
            default_range=reals(0.02, 0.5, log=True),
            per_slot=True,
            follows="level",
            description="How much noise training puts on the input: the standard deviation of "
            "gaussian on the scaled data, the share of elements of the others. Evaluation has "
            "the task's noise, or none; a study that denoises trains at its task's level by "
            "default.",
        ),
    ] = 0.1
    noise_kind: Annotated[
        TrainNoise,
        Knob(
            role="optimisation",
            allowed=choices_of("gaussian", "salt_and_pepper", "masked"),
            per_slot=True,
            follows="noise",
            description="gaussian; salt_and_pepper: numbers at the ends of the range; masked: "
            "pixels at 0, columns of a table at their mean (Vincent et al. 2008). A study that "
            "denoises trains on its task's kind by default.",
        ),
    ] = "gaussian"


class SuperResolutionParams(ImageAugmentation, TrainingParams):
    """A convolutional network on the small image, added to its bicubic enlargement."""

    channels: Annotated[
        int,
        Knob(
            role="optimisation",
            allowed=whole(4, 256),
            default_range=choices_of(16, 32, 64),
            description="Maps of every layer.",
        ),
    ] = 32
    blocks: Annotated[
        int,
        Knob(
            role="optimisation",
            allowed=whole(1, 32),
            default_range=choices_of(2, 4, 8),
            description="Residual blocks of two convolutions.",
        ),
    ] = 4
    loss: Annotated[
        ImageLoss,
        Knob(
            role="capacity",
            allowed=choices_of("l1", "mse"),
            description="Training loss, summed over features and averaged over the batch: l1, or "
            "mse (half the sum of squares). l1 is sharper, mse wins by PSNR.",
        ),
    ] = "l1"


def count_super_resolution(config: Mapping[str, Scalar], problem: Problem) -> int:
    """Trainable parameters of one super-resolution network."""
    channels, blocks = int(config["channels"]), int(config["blocks"])
    factor = problem.task.factor or 1

    def layer(inputs: int, outputs: int) -> int:
        return (KERNEL * KERNEL * inputs + 1) * outputs

    first = layer(problem.channels * (2 if problem.masked else 1), channels)
    last = layer(channels, factor * factor * problem.channels)
    return first + (2 * blocks + 1) * layer(channels, channels) + last
