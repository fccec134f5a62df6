"""The parameters of the VAE's relatives. Torch-free."""

from typing import Annotated, Literal

from trainers.knobs import Knob, choices_of, reals
from trainers.loss_catalog import LossName
from trainers.params import VaeParams, loss_knob


class BetaVaeParams(VaeParams):
    """A VAE whose KL has a weight, beside half a sum of squares."""

    loss: Annotated[LossName, loss_knob("objective")] = "mse"
    beta: Annotated[
        float,
        Knob(
            role="objective",
            allowed=reals(0.0, 1000.0),
            per_slot=True,
            description="Weight of the KL term. With loss mse it is a variance in squared units of "
            "the data: latent units whose variance lies below it collapse.",
        ),
    ] = 0.1


class SigmaVaeParams(VaeParams):
    """A VAE with the optimal sigma and no weight on its KL."""

    loss: Annotated[
        Literal["gaussian"],
        Knob(role="objective", allowed=choices_of("gaussian"), description="Always gaussian."),
    ] = "gaussian"
    sigma: Annotated[
        Literal["learned"],
        Knob(
            role="objective",
            allowed=choices_of("learned"),
            per_slot=True,
            description="Always the optimal one.",
        ),
    ] = "learned"
    beta: Annotated[
        float,
        Knob(
            role="objective",
            allowed=reals(1.0, 1.0),
            per_slot=True,
            description="Always 1: the bound itself.",
        ),
    ] = 1.0
