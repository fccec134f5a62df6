"""The parameters of every family: defaults, ranges, roles. Torch-free."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, model_validator

from service.domain.catalog import ParameterEntry, Role
from service.domain.space import (
    CategoricalDistribution,
    Distribution,
    FloatDistribution,
    IntDistribution,
    Scalar,
    contains,
)

Activation: TypeAlias = Literal["relu", "gelu", "silu", "tanh", "elu"]
Norm: TypeAlias = Literal["none", "batch", "layer"]
OptimizerName: TypeAlias = Literal["adamw", "adam", "sgd"]
ScheduleName: TypeAlias = Literal["constant", "cosine"]
LossName: TypeAlias = Literal["mse", "bce", "l1", "huber", "gaussian"]
Sigma: TypeAlias = float | Literal["learned"]


@dataclass(frozen=True)
class Knob:
    """What the catalog says of a field: its role, what it may be, what is searched by default.

    `per_slot`: trials that differ in it can still share an array. An objective-role field has
    no default range: searching it under a reconstruction objective is degenerate.
    """

    role: Role
    allowed: Distribution
    description: str
    per_slot: bool = False
    default_range: Distribution | None = None
    also_allowed: tuple[Scalar, ...] = ()

    def accepts(self, value: Scalar) -> bool:
        """Whether a value is inside `allowed`, or one of `also_allowed`."""
        return contains(self.allowed, value) or any(
            type(value) is type(other) and value == other for other in self.also_allowed
        )


def _reals(low: float, high: float, *, log: bool = False) -> FloatDistribution:
    return FloatDistribution(low=low, high=high, log=log)


def _whole(low: int, high: int) -> IntDistribution:
    return IntDistribution(low=low, high=high)


def _choices(*choices: Scalar) -> CategoricalDistribution:
    return CategoricalDistribution(choices=list(choices))


_LOSSES = _choices("mse", "bce", "l1", "huber", "gaussian")
_LOSS_TEXT = (
    "Training loss, summed over features and averaged over the batch: mse (half the sum of "
    "squares), bce (data in [0, 1]), l1, huber (delta 1), gaussian (negative log-likelihood with "
    "its constants, see sigma)."
)
_SIGMA_TEXT = (
    "Standard deviation of the gaussian loss: a number, or `learned` (the optimal one for the "
    "data, Rybkin et al. 2021); the other losses do not look at it."
)


class FamilyParams(BaseModel):
    """A complete, checked configuration of one model. Every field carries a Knob."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    @classmethod
    def knobs(cls) -> dict[str, Knob]:
        """The Knob of every field, in the order of declaration."""
        found: dict[str, Knob] = {}
        for name, info in cls.model_fields.items():
            found[name] = next(item for item in info.metadata if isinstance(item, Knob))
        return found

    @classmethod
    def entries(cls) -> dict[str, ParameterEntry]:
        """The fields as the catalog shows them."""
        return {
            name: ParameterEntry(
                name=name,
                role=knob.role,
                default=cls.model_fields[name].default,
                default_range=knob.default_range,
                allowed=knob.allowed,
                also_allowed=list(knob.also_allowed),
                per_slot=knob.per_slot,
                description=knob.description,
            )
            for name, knob in cls.knobs().items()
        }

    @classmethod
    def structure(cls, config: Mapping[str, Scalar]) -> dict[str, Scalar]:
        """The part of a complete config that trials of one array must share."""
        return {name: config[name] for name, knob in cls.knobs().items() if not knob.per_slot}

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name, knob in type(self).knobs().items():
            value = getattr(self, name)
            if not knob.accepts(value):
                raise ValueError(f"{name}: {value!r} is outside of what is allowed")
        return self


class MlpParams(FamilyParams):
    """What every family of fully connected networks has."""

    learning_rate: Annotated[
        float,
        Knob(
            role="optimisation",
            allowed=_reals(1e-7, 10.0, log=True),
            default_range=_reals(1e-4, 1e-2, log=True),
            per_slot=True,
            description="Step size at the start; the schedule takes it from there.",
        ),
    ] = 5e-3
    batch_size: Annotated[
        int,
        Knob(
            role="optimisation",
            allowed=_whole(2, 8192),
            description="Samples in one step. It also sets the number of steps in an epoch.",
        ),
    ] = 64
    weight_decay: Annotated[
        float,
        Knob(
            role="optimisation",
            allowed=_reals(0.0, 10.0),
            default_range=_reals(1e-4, 0.3, log=True),
            per_slot=True,
            description="Pull of the weights towards 0: decoupled with adamw, added to the "
            "gradient with adam and sgd.",
        ),
    ] = 1e-3
    dropout: Annotated[
        float,
        Knob(
            role="optimisation",
            allowed=_reals(0.0, 0.9),
            default_range=_reals(0.0, 0.3),
            per_slot=True,
            description="Share of hidden activations that are set to 0 in training.",
        ),
    ] = 0.0
    hidden_width: Annotated[
        int,
        Knob(
            role="optimisation",
            allowed=_whole(1, 8192),
            default_range=_choices(32, 64, 128, 256),
            description="Units of every hidden layer.",
        ),
    ] = 128
    depth: Annotated[
        int,
        Knob(
            role="optimisation",
            allowed=_whole(0, 6),
            description="Hidden layers of the encoder; the decoder mirrors them. 0 is linear.",
        ),
    ] = 1
    latent_dim: Annotated[
        int,
        Knob(
            role="capacity",
            allowed=_whole(1, 4096),
            description="Numbers in the code.",
        ),
    ] = 16
    activation: Annotated[
        Activation,
        Knob(
            role="optimisation",
            allowed=_choices("relu", "gelu", "silu", "tanh", "elu"),
            description="Nonlinearity after every hidden layer.",
        ),
    ] = "gelu"
    norm: Annotated[
        Norm,
        Knob(
            role="optimisation",
            allowed=_choices("none", "batch", "layer"),
            description="Normalisation between a hidden layer and its nonlinearity.",
        ),
    ] = "none"
    optimizer: Annotated[
        OptimizerName,
        Knob(
            role="optimisation",
            allowed=_choices("adamw", "adam", "sgd"),
            description="adamw, adam (betas 0.9 and 0.999), or sgd (momentum 0.9).",
        ),
    ] = "adamw"
    schedule: Annotated[
        ScheduleName,
        Knob(
            role="optimisation",
            allowed=_choices("constant", "cosine"),
            per_slot=True,
            description="Learning rate over the planned epochs: constant, or cosine down to 0.",
        ),
    ] = "cosine"


class AutoencoderParams(MlpParams):
    """A plain autoencoder."""

    loss: Annotated[LossName, Knob(role="capacity", allowed=_LOSSES, description=_LOSS_TEXT)] = (
        "mse"
    )
    sigma: Annotated[
        Sigma,
        Knob(
            role="capacity",
            allowed=_reals(1e-3, 10.0, log=True),
            also_allowed=("learned",),
            per_slot=True,
            description=_SIGMA_TEXT,
        ),
    ] = "learned"


class VaeParams(MlpParams):
    """A variational autoencoder; loss, sigma and the weights of the KL define its objective."""

    loss: Annotated[LossName, Knob(role="objective", allowed=_LOSSES, description=_LOSS_TEXT)] = (
        "gaussian"
    )
    sigma: Annotated[
        Sigma,
        Knob(
            role="objective",
            allowed=_reals(1e-3, 10.0, log=True),
            also_allowed=("learned",),
            per_slot=True,
            description=_SIGMA_TEXT,
        ),
    ] = "learned"
    beta: Annotated[
        float,
        Knob(
            role="objective",
            allowed=_reals(0.0, 1000.0),
            per_slot=True,
            description="Weight of the KL term.",
        ),
    ] = 1.0
    warm_up: Annotated[
        float,
        Knob(
            role="objective",
            allowed=_reals(0.0, 1.0),
            per_slot=True,
            description="Share of the planned epochs over which the KL weight rises from 0 to "
            "beta; none of them is eligible for the best epoch.",
        ),
    ] = 0.0
    free_bits: Annotated[
        float,
        Knob(
            role="objective",
            allowed=_reals(0.0, 100.0),
            per_slot=True,
            description="Nats per latent dimension that the KL does not charge for "
            "(Kingma et al. 2016).",
        ),
    ] = 0.0


def count_autoencoder(config: Mapping[str, Scalar], features: int) -> int:
    """Trainable parameters of one autoencoder."""
    return _count_mlp(config, features, codes=1)


def count_vae(config: Mapping[str, Scalar], features: int) -> int:
    """Trainable parameters of one VAE: its encoder ends in a mean and a log-variance."""
    return _count_mlp(config, features, codes=2)


def _count_mlp(config: Mapping[str, Scalar], features: int, codes: int) -> int:
    depth, width, latent = (int(config[name]) for name in ("depth", "hidden_width", "latent_dim"))
    hidden = [width] * depth
    encoder = [features, *hidden, codes * latent]
    decoder = [latent, *hidden, features]
    count = sum(
        (inputs + 1) * outputs
        for sizes in (encoder, decoder)
        for inputs, outputs in pairwise(sizes)
    )
    if config["norm"] != "none":
        count += 2 * 2 * width * depth
    return count
