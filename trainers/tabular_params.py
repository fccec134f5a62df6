"""The parameters of the tabular autoencoder. Torch-free."""

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from service.domain.space import Scalar
from trainers.counts import count_networks
from trainers.knobs import Knob, choices_of, reals, whole
from trainers.params import MlpParams, Sigma
from trainers.problem import Problem

NumericLoss: TypeAlias = Literal["gaussian", "mse", "huber", "l1"]


class TabularAutoencoderParams(MlpParams):
    """An autoencoder of rows of a table: fully connected, there is nothing to convolve."""

    hidden_width: Annotated[
        int,
        Knob(
            role="optimisation",
            allowed=whole(1, 8192),
            default_range=choices_of(32, 64, 128, 256),
            description="Units of every hidden layer.",
        ),
    ] = 64
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
