"""The parameters of the adversarial families. Torch-free."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Literal, TypeAlias

from service.domain.space import Scalar
from trainers.knobs import Knob, choices_of, reals, whole
from trainers.params import (
    NetworkParams,
    PenalisedAutoencoderParams,
    VaeParams,
    count_autoencoder,
    count_vae,
)
from trainers.problem import Problem

AdversarialLoss: TypeAlias = Literal["hinge", "non_saturating"]

_WEIGHT = Knob(
    role="objective",
    allowed=reals(0.0, 100.0),
    per_slot=True,
    description="Weight of the adversarial term beside the reconstruction; 0.001 to 0.5 is usual.",
)


_LOSS = Knob(
    role="optimisation",
    allowed=choices_of("hinge", "non_saturating"),
    description="hinge (Lim & Ye 2017), or non_saturating (Goodfellow et al. 2014).",
)
_SPECTRAL = Knob(
    role="optimisation",
    allowed=choices_of(False, True),
    description="Divide every weight of the discriminator by its largest singular value (Miyato et "
    "al. 2018).",
)
_R1 = Knob(
    role="optimisation",
    allowed=reals(0.0, 100.0),
    description="Weight of half the squared slope of the discriminator at real samples (Mescheder "
    "et al. 2018).",
)


class AdversarialParams(NetworkParams):
    """What every family with a discriminator has."""

    adversarial_loss: Annotated[AdversarialLoss, _LOSS] = "non_saturating"
    discriminator_width: Annotated[
        int,
        Knob(
            role="optimisation",
            allowed=whole(1, 4096),
            default_range=choices_of(32, 64, 128, 256),
            description="Units of every hidden layer of the discriminator.",
        ),
    ] = 128
    discriminator_depth: Annotated[
        int,
        Knob(
            role="optimisation",
            allowed=whole(1, 4),
            description="Hidden layers of the discriminator.",
        ),
    ] = 2
    rate_ratio: Annotated[
        float,
        Knob(
            role="optimisation",
            allowed=reals(0.01, 100.0, log=True),
            default_range=reals(0.25, 4.0, log=True),
            per_slot=True,
            description="Learning rate of the discriminator, in units of the model's.",
        ),
    ] = 1.0
    spectral_norm: Annotated[bool, _SPECTRAL] = False
    r1: Annotated[float, _R1] = 0.0
    warm_up: Annotated[
        float,
        Knob(
            role="objective",
            allowed=reals(0.0, 1.0),
            per_slot=True,
            description="Share of the planned epochs over which the adversarial term (and a KL) "
            "rises from 0 to its weight; none of them is eligible for the best epoch.",
        ),
    ] = 0.1


class AaeParams(AdversarialParams, PenalisedAutoencoderParams):
    """An adversarial autoencoder.

    By default hinge and spectral norm: on digits validation MSE 0.0082 and a discriminator that
    is right 3 times in 4; without them it wins (0.016).
    """

    adversarial_loss: Annotated[AdversarialLoss, _LOSS] = "hinge"
    spectral_norm: Annotated[bool, _SPECTRAL] = True
    adversarial_weight: Annotated[float, _WEIGHT] = 0.1


class VaeGanParams(AdversarialParams, VaeParams):
    """A VAE with a discriminator of its images."""

    adversarial_weight: Annotated[float, _WEIGHT] = 0.1
    warm_up: Annotated[
        float,
        Knob(
            role="objective",
            allowed=reals(0.0, 1.0),
            per_slot=True,
            description="Share of the planned epochs over which KL and adversarial term rise from "
            "0 to their weights; none of them is eligible for the best epoch.",
        ),
    ] = 0.1


class BiGanParams(AdversarialParams, PenalisedAutoencoderParams):
    """A GAN with an encoder.

    By default with R1: on digits validation MSE 0.011, without it 0.09 (the mean image: 0.074).
    """

    r1: Annotated[float, _R1] = 1.0
    reconstruction_weight: Annotated[
        float,
        Knob(
            role="objective",
            allowed=reals(0.0, 100.0),
            per_slot=True,
            description="Weight of the reconstruction in pixels beside the adversarial term: "
            "0 is BiGAN (Donahue et al. 2017), above it is ALICE (Li et al. 2017).",
        ),
    ] = 1.0


def count_aae(config: Mapping[str, Scalar], problem: Problem) -> int:
    """Trainable parameters of one adversarial autoencoder, its discriminator included."""
    judged = int(config["latent_dim"])
    return count_autoencoder(config, problem) + _count_critic(config, judged)


def count_vae_gan(config: Mapping[str, Scalar], problem: Problem) -> int:
    """Trainable parameters of one VAE-GAN, its discriminator included."""
    return count_vae(config, problem) + _count_critic(config, problem.features)


def count_bigan(config: Mapping[str, Scalar], problem: Problem) -> int:
    """Trainable parameters of one BiGAN, its discriminator included."""
    judged = problem.features + int(config["latent_dim"])
    return count_autoencoder(config, problem) + _count_critic(config, judged)


def _count_critic(config: Mapping[str, Scalar], inputs: int) -> int:
    hidden = [int(config["discriminator_width"])] * int(config["discriminator_depth"])
    sizes = [inputs, *hidden, 1]
    return sum((before + 1) * after for before, after in pairwise(sizes))
