"""The parameters of the tabular autoencoder. Torch-free."""

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from service.domain.space import Scalar
from trainers.counts import count_networks
from trainers.knobs import Knob, choices_of, reals, whole
from trainers.params import Activation, Norm, Sigma, TrainingParams
from trainers.problem import Problem

NumericLoss: TypeAlias = Literal["gaussian", "mse", "huber", "l1"]


class TabularAutoencoderParams(TrainingParams):
    """An autoencoder of rows of a table: fully connected, there is nothing to convolve."""

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
    ] = 64
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
    latent_dim: Annotated[
        int,
        Knob(role="capacity", allowed=whole(1, 4096), description="Numbers in the code."),
    ] = 8
    loss: Annotated[
        NumericLoss,
        Knob(
            role="capacity",
            allowed=choices_of("gaussian", "mse", "huber", "l1"),
            description="Training loss of the numeric columns; categorical ones have the cross-"
            "entropy of their categories. Every column counts once: with gaussian all of them are "
            "in nats, the others weigh more the wider the scaling (standard: about alike).",
        ),
    ] = "gaussian"
    sigma: Annotated[
        Sigma,
        Knob(
            role="capacity",
            allowed=reals(1e-3, 10.0, log=True),
            also_allowed=("learned",),
            per_slot=True,
            needs={"loss": ("gaussian",)},
            description="Standard deviation of the gaussian loss: a number, or `learned` (the "
            "optimal one of all numeric columns, Rybkin et al. 2021).",
        ),
    ] = "learned"


def count_tabular(config: Mapping[str, Scalar], problem: Problem) -> int:
    """Trainable parameters of one tabular autoencoder."""
    return count_networks({**config, "architecture": "mlp"}, problem, codes=1)
