"""A small hand-made catalog, so that the tests of the domain need no trainers."""

from collections.abc import Mapping
from itertools import pairwise
from math import prod
from typing import Any

from service.domain.aims import COMPLEXITY
from service.domain.catalog import (
    Catalog,
    Choice,
    FamilyEntry,
    LossEntry,
    MetricEntry,
    ParameterEntry,
    Role,
    TaskEntry,
)
from service.domain.records import DataHeader
from service.domain.space import (
    CategoricalDistribution,
    Distribution,
    FloatDistribution,
    IntDistribution,
    Scalar,
)
from service.domain.spec import StudySpec

DIGITS = DataHeader(samples=1797, shape=[8, 8], dtype="float64", bytes=1797 * 64)


def parameter(
    name: str,
    role: Role,
    default: Scalar,
    allowed: Distribution,
    default_range: Distribution | None = None,
    also_allowed: tuple[Scalar, ...] = (),
) -> ParameterEntry:
    return ParameterEntry(
        name=name,
        role=role,
        default=default,
        default_range=default_range,
        allowed=allowed,
        also_allowed=list(also_allowed),
        per_slot=True,
        description=f"The {name}.",
    )


def real(low: float, high: float, log: bool = False) -> FloatDistribution:
    return FloatDistribution(low=low, high=high, log=log)


def whole(low: int, high: int) -> IntDistribution:
    return IntDistribution(low=low, high=high)


def among(*choices: Scalar) -> CategoricalDistribution:
    return CategoricalDistribution(choices=list(choices))


SHARED = {
    entry.name: entry
    for entry in (
        parameter("learning_rate", "optimisation", 0.002, real(1e-6, 1.0), real(1e-4, 1e-2, True)),
        parameter("batch_size", "optimisation", 128, whole(1, 4096)),
        parameter("weight_decay", "optimisation", 0.0, real(0.0, 1.0), real(1e-4, 0.3, True)),
        parameter("dropout", "optimisation", 0.0, real(0.0, 0.9), real(0.0, 0.3)),
        parameter(
            "hidden_width", "optimisation", 128, whole(1, 1_000_000), among(32, 64, 128, 256)
        ),
        parameter("depth", "optimisation", 1, whole(0, 6)),
        parameter("latent_dim", "capacity", 16, whole(1, 4096)),
        parameter("optimizer", "optimisation", "adamw", among("adam", "adamw", "sgd")),
        parameter("loss", "capacity", "mse", among("mse", "bce", "l1", "huber", "gaussian")),
        parameter("sigma", "objective", "learned", real(0.001, 10.0), None, ("learned",)),
    )
}
VAE = {
    **SHARED,
    "loss": parameter("loss", "objective", "gaussian", among("mse", "bce", "l1", "gaussian")),
    "beta": parameter("beta", "objective", 1.0, real(0.0, 100.0)),
    "warm_up": parameter("warm_up", "objective", 0.0, real(0.0, 1.0)),
    "free_bits": parameter("free_bits", "objective", 0.0, real(0.0, 10.0)),
    "prior_width": parameter("prior_width", "optimisation", 8, whole(1, 64), among(8, 16)),
}


def family(name: str, likelihood: bool, parameters: Mapping[str, ParameterEntry]) -> FamilyEntry:
    return FamilyEntry(
        name=name,
        title=name.title(),
        description=f"The {name}.",
        likelihood=likelihood,
        parameters=dict(parameters),
        metrics=["mse", "mae", "elbo", "kl"] if likelihood else ["mse", "mae"],
    )


def training_loss(name: str, **fields: Any) -> LossEntry:
    kinds = ["image"] if "ssim" in name else ["vector", "image", "table"]
    return LossEntry(
        name=name, description=f"The {name}.", assumes="Much.", data_kinds=kinds, **fields
    )


LOSSES = [
    training_loss("mse"),
    training_loss("gaussian"),
    training_loss("l1"),
    training_loss("huber"),
    training_loss("charbonnier"),
    training_loss("bce", unit_range=True),
    training_loss("continuous_bernoulli", unit_range=True),
    training_loss("ssim_mix", density=False),
    training_loss("ms_ssim_mix", density=False),
]


def metric(name: str, reconstruction: bool = True) -> MetricEntry:
    return MetricEntry(
        name=name,
        direction="minimize" if reconstruction else "maximize",
        unit="",
        reconstruction=reconstruction,
        description=name,
    )


def cost(name: str, source: Any = "validation") -> MetricEntry:
    return metric(name, False).model_copy(update={"direction": "minimize", "source": source})


def count_parameters(family: str, config: Mapping[str, Scalar], problem: Mapping[str, Any]) -> int:
    sizes = [
        prod(problem["shape"]),
        *([int(config["hidden_width"])] * int(config["depth"])),
        int(config["latent_dim"]),
    ]
    return 2 * sum(before * after + after for before, after in pairwise(sizes))


def count_activations(family: str, config: Mapping[str, Scalar], problem: Mapping[str, Any]) -> int:
    return int(config.get("batch_size", 64)) * prod(problem["shape"])


def signature(family: str, config: Mapping[str, Scalar]) -> str:
    return f"{family}-{config['hidden_width']}"


CATALOG = Catalog(
    families={
        "autoencoder": family("autoencoder", False, SHARED),
        "vae": family("vae", True, VAE),
    },
    metrics={
        entry.name: entry
        for entry in (
            metric("mse"),
            metric("mae"),
            metric("elbo", False).model_copy(update={"density": True}),
            cost("kl"),
            *(cost(name, "complexity") for name in COMPLEXITY),
        )
    },
    tasks=[TaskEntry(name="reconstruct", description="The input from itself.")],
    samplers=[],
    pruners=[],
    datasets=[Choice(name="digits", description="Handwritten digits.")],
    count_parameters=count_parameters,
    count_used=count_parameters,
    count_activations=count_activations,
    signature=signature,
    losses={loss.name: loss for loss in LOSSES},
)


def spec(**fields: Any) -> StudySpec:
    return StudySpec.model_validate(
        {"name": "x", "dataset": {"name": "digits"}, "family": "vae", **fields}
    )
