"""The parameters of every family: defaults, ranges, roles. Torch-free."""

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from service.domain.catalog import Role
from service.domain.space import IntDistribution, Scalar
from trainers.counts import count_networks
from trainers.image_params import ImageAugmentation
from trainers.knobs import FamilyParams, Knob, choices_of, reals, whole
from trainers.loss_catalog import LOSS_CHOICES, LOSS_TEXT, LossName, ssim_knob
from trainers.problem import Problem

Activation: TypeAlias = Literal["relu", "gelu", "silu", "tanh", "elu"]
Architecture: TypeAlias = Literal["mlp", "conv"]
Norm: TypeAlias = Literal["none", "batch", "layer"]
OptimizerName: TypeAlias = Literal["adamw", "adam", "sgd"]
ScheduleName: TypeAlias = Literal["constant", "cosine"]
Sigma: TypeAlias = float | Literal["learned"]


_SIGMA_TEXT = (
    "Standard deviation of the gaussian loss: a number, or `learned` (the optimal one for the "
    "data, Rybkin et al. 2021); the other losses do not look at it."
)


class TrainingParams(FamilyParams):
    """What every family has: how it is trained."""

    learning_rate: Annotated[
        float,
        Knob(
            role="optimisation",
            allowed=reals(1e-7, 10.0, log=True),
            default_range=reals(1e-4, 1e-2, log=True),
            per_slot=True,
            description="Step size at the start; the schedule takes it from there.",
        ),
    ] = 5e-3
    batch_size: Annotated[
        int,
        Knob(
            role="optimisation",
            allowed=whole(2, 8192),
            description="Samples in one step. It also sets the number of steps in an epoch.",
        ),
    ] = 64
    weight_decay: Annotated[
        float,
        Knob(
            role="optimisation",
            allowed=reals(0.0, 10.0),
            default_range=reals(1e-4, 0.3, log=True),
            per_slot=True,
            description="Pull of the weights towards 0: decoupled with adamw, added to the "
            "gradient with adam and sgd.",
        ),
    ] = 1e-3
    optimizer: Annotated[
        OptimizerName,
        Knob(
            role="optimisation",
            allowed=choices_of("adamw", "adam", "sgd"),
            description="adamw, adam (betas 0.9 and 0.999), or sgd (momentum 0.9).",
        ),
    ] = "adamw"
    schedule: Annotated[
        ScheduleName,
        Knob(
            role="optimisation",
            allowed=choices_of("constant", "cosine"),
            per_slot=True,
            description="Learning rate over the planned epochs: constant, or cosine down to 0.",
        ),
    ] = "cosine"


class MlpParams(TrainingParams):
    """What every family of fully connected networks has."""

    dropout: Annotated[
        float,
        Knob(
            role="optimisation",
            allowed=reals(0.0, 0.9),
            default_range=reals(0.0, 0.3),
            per_slot=True,
            description="Share of hidden activations that are set to 0 in training.",
        ),
    ] = 0.0
    hidden_width: Annotated[
        int,
        Knob(
            role="optimisation",
            allowed=whole(1, 8192),
            default_range=choices_of(32, 64, 128, 256),
            description="Units of every hidden layer.",
        ),
    ] = 128
    depth: Annotated[
        int,
        Knob(
            role="optimisation",
            allowed=whole(0, 6),
            description="Hidden layers of the encoder; the decoder mirrors them. 0 is linear.",
        ),
    ] = 1
    activation: Annotated[
        Activation,
        Knob(
            role="optimisation",
            allowed=choices_of("relu", "gelu", "silu", "tanh", "elu"),
            description="Nonlinearity after every hidden layer.",
        ),
    ] = "gelu"
    norm: Annotated[
        Norm,
        Knob(
            role="optimisation",
            allowed=choices_of("none", "batch", "layer"),
            description="Normalisation between a hidden layer and its nonlinearity.",
        ),
    ] = "none"


class NetworkParams(MlpParams):
    """What every family of fully connected or, for images, convolutional networks has."""

    architecture: Annotated[
        Architecture,
        Knob(
            role="optimisation",
            allowed=choices_of("mlp", "conv"),
            description="mlp: fully connected. conv, for images: 3 x 3 convolutions with stride 2, "
            "and back up by resizing and convolving.",
        ),
    ] = "mlp"
    hidden_width: Annotated[
        int,
        Knob(
            role="optimisation",
            allowed=whole(1, 8192),
            default_range=choices_of(32, 64, 128, 256),
            needs={"architecture": ("mlp",)},
            description="Units of every hidden layer.",
        ),
    ] = 128
    depth: Annotated[
        int,
        Knob(
            role="optimisation",
            allowed=whole(0, 6),
            needs={"architecture": ("mlp",)},
            description="Hidden layers of the encoder; the decoder mirrors them. 0 is linear.",
        ),
    ] = 1
    channels: Annotated[
        int,
        Knob(
            role="optimisation",
            allowed=IntDistribution(low=8, high=64, step=8),
            default_range=choices_of(8, 16, 32),
            needs={"architecture": ("conv",)},
            description="Channels after the first stage; every further stage doubles them.",
        ),
    ] = 16
    stages: Annotated[
        int,
        Knob(
            role="optimisation",
            allowed=whole(1, 4),
            needs={"architecture": ("conv",)},
            description="How often the image is halved; it ends where a side would fall below 2 "
            "pixels.",
        ),
    ] = 2


class CodeParams(NetworkParams):
    """What every family has whose code is a vector."""

    latent_dim: Annotated[
        int,
        Knob(
            role="capacity",
            allowed=whole(1, 4096),
            description="Numbers in the code.",
        ),
    ] = 16


def loss_knob(role: Role) -> Knob:
    """The reconstruction loss: an objective where another term stands beside it."""
    return Knob(role=role, allowed=LOSS_CHOICES, description=LOSS_TEXT)


def sigma_knob(role: Role) -> Knob:
    """The standard deviation of the gaussian loss; its role is that of the family's `loss`."""
    return Knob(
        role=role,
        allowed=reals(1e-3, 10.0, log=True),
        also_allowed=("learned",),
        per_slot=True,
        description=_SIGMA_TEXT,
    )


class ReconstructionParams(ImageAugmentation, NetworkParams):
    """What every family has whose loss is a reconstruction and nothing else."""

    loss: Annotated[LossName, loss_knob("capacity")] = "mse"
    ssim_weight: Annotated[float, ssim_knob("capacity")] = 0.5
    sigma: Annotated[Sigma, sigma_knob("capacity")] = "learned"


class PenalisedParams(ReconstructionParams):
    """What every family has that charges for more than the reconstruction.

    Whatever changes the size of the reconstruction weighs the other term: a sigma of 0.01 is a
    penalty divided by 10,000.
    """

    loss: Annotated[LossName, loss_knob("objective")] = "mse"
    ssim_weight: Annotated[float, ssim_knob("objective")] = 0.5
    sigma: Annotated[Sigma, sigma_knob("objective")] = "learned"


class AutoencoderParams(ReconstructionParams, CodeParams):
    """A plain autoencoder."""


class PenalisedAutoencoderParams(PenalisedParams, AutoencoderParams):
    """An autoencoder with a second term in its loss."""


class VaeParams(ImageAugmentation, CodeParams):
    """A variational autoencoder; loss, sigma and the weights of the KL define its objective."""

    loss: Annotated[LossName, loss_knob("objective")] = "gaussian"
    ssim_weight: Annotated[float, ssim_knob("objective")] = 0.5
    sigma: Annotated[Sigma, sigma_knob("objective")] = "learned"
    beta: Annotated[
        float,
        Knob(
            role="objective",
            allowed=reals(0.0, 1000.0),
            per_slot=True,
            description="Weight of the KL term.",
        ),
    ] = 1.0
    warm_up: Annotated[
        float,
        Knob(
            role="objective",
            allowed=reals(0.0, 1.0),
            per_slot=True,
            description="Share of the planned epochs over which the KL weight rises from 0 to "
            "beta; none of them is eligible for the best epoch.",
        ),
    ] = 0.0
    free_bits: Annotated[
        float,
        Knob(
            role="objective",
            allowed=reals(0.0, 100.0),
            per_slot=True,
            description="Nats per latent dimension that the KL does not charge for "
            "(Kingma et al. 2016).",
        ),
    ] = 0.0


def count_autoencoder(config: Mapping[str, Scalar], problem: Problem) -> int:
    """Trainable parameters of one autoencoder."""
    return count_networks(config, problem, codes=1)


def count_vae(config: Mapping[str, Scalar], problem: Problem) -> int:
    """Trainable parameters of one VAE: its encoder ends in a mean and a log-variance."""
    return count_networks(config, problem, codes=2)
