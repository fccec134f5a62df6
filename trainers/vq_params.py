"""The parameters of the VQ-VAE. Torch-free."""

from collections.abc import Mapping
from typing import Annotated

from service.domain.space import Scalar
from trainers.counts import count_coded
from trainers.knobs import Knob, choices_of, reals, whole
from trainers.params import PenalisedParams
from trainers.problem import Problem


class VqVaeParams(PenalisedParams):
    """A VQ-VAE: its code is log2(codes) bits at every position."""

    codes: Annotated[
        int,
        Knob(
            role="capacity",
            allowed=whole(2, 4096),
            description="Vectors in the codebook; 64 to 1024 is usual.",
        ),
    ] = 128
    code_dim: Annotated[
        int,
        Knob(
            role="optimisation",
            allowed=whole(1, 256),
            default_range=choices_of(4, 8, 16),
            description="Numbers in a vector of the codebook.",
        ),
    ] = 4
    latents: Annotated[
        int,
        Knob(
            role="capacity",
            allowed=whole(1, 1024),
            needs={"architecture": ("mlp",)},
            description="Positions of the code, each with one vector; a convolutional network has "
            "those of its last map.",
        ),
    ] = 16
    commitment: Annotated[
        float,
        Knob(
            role="objective",
            allowed=reals(0.0, 100.0),
            per_slot=True,
            description="Weight of the squared distance of what the encoder says to its codes; "
            "0.1 to 1 is usual.",
        ),
    ] = 0.25
    decay: Annotated[
        float,
        Knob(
            role="optimisation",
            allowed=reals(0.0, 0.9999),
            default_range=reals(0.95, 0.999),
            per_slot=True,
            description="Of the moving means that the codebook is made of, per step.",
        ),
    ] = 0.99
    reset_after: Annotated[
        int,
        Knob(
            role="optimisation",
            allowed=whole(0, 1000),
            per_slot=True,
            description="Epochs without use after which a code moves to where samples are; "
            "0: never.",
        ),
    ] = 1


def count_vq_vae(config: Mapping[str, Scalar], problem: Problem) -> int:
    """Trainable parameters of one VQ-VAE; its codebook follows by moving means and is none."""
    return count_coded(config, problem)


def count_vq_used(config: Mapping[str, Scalar], problem: Problem) -> int:
    """Weights of one in use: what is trained, and the vectors of its codebook."""
    return count_vq_vae(config, problem) + int(config["codes"]) * int(config["code_dim"])
