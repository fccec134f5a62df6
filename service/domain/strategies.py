"""How a study searches, prunes, spends and runs in parallel."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, Tag

from service.domain.model import Value
from service.domain.unions import one_of, tag_by

Auto: TypeAlias = Literal["auto"]


def _auto_tag(value: object) -> str | None:
    if value == "auto":
        return "<as auto>"
    whole = isinstance(value, int) and not isinstance(value, bool)
    return "<as number>" if whole else None


_AutoTag = Annotated[Auto, Tag("<as auto>")]
_number_or_auto = one_of(
    _auto_tag, "this is neither a whole number nor auto", "give a whole number, or auto"
)


class GridSampler(Value):
    """Every cell of the grid once, in a fixed order."""

    type: Literal["grid"] = "grid"


class RandomSampler(Value):
    """Independent draws from the space."""

    type: Literal["random"] = "random"


class TPESampler(Value):
    """Tree-structured Parzen estimator (Bergstra et al. 2011), multivariate."""

    type: Literal["tpe"] = "tpe"
    startup_trials: Annotated[
        Annotated[int, Field(ge=1, le=10_000), Tag("<as number>")] | _AutoTag, _number_or_auto
    ] = "auto"
    ei_candidates: int = Field(default=24, ge=1, le=10_000)


class GPSampler(Value):
    """Gaussian-process Bayesian optimisation with log expected improvement."""

    type: Literal["gp"] = "gp"
    startup_trials: Annotated[
        Annotated[int, Field(ge=1, le=10_000), Tag("<as number>")] | _AutoTag, _number_or_auto
    ] = "auto"


SamplerSpec: TypeAlias = Annotated[
    Annotated[GridSampler, Tag("<as grid>")]
    | Annotated[RandomSampler, Tag("<as random>")]
    | Annotated[TPESampler, Tag("<as tpe>")]
    | Annotated[GPSampler, Tag("<as gp>")],
    one_of(
        tag_by("type", "grid", "random", "tpe", "gp"),
        "there is no such sampler",
        "give {type: grid | random | tpe | gp}",
    ),
]


class NoPruner(Value):
    """Every trial runs to its end."""

    type: Literal["none"] = "none"


class HalvingPruner(Value):
    """Successive halving: at each rung the best 1/reduction_factor of the trials go on.

    Rungs stand at min_epochs * reduction_factor**i (Jamieson & Talwalkar 2016).
    """

    type: Literal["halving"] = "halving"
    reduction_factor: int = Field(default=3, ge=2, le=16)
    min_epochs: int = Field(default=3, ge=1, le=100_000)


class MedianPruner(Value):
    """At each rung, trials worse than the median of the trials seen at that rung end.

    Rungs stand at min_epochs, then every `interval` epochs (auto: a sixth of the epochs).
    """

    type: Literal["median"] = "median"
    min_epochs: int = Field(default=3, ge=1, le=100_000)
    interval: Annotated[
        Annotated[int, Field(ge=1, le=100_000), Tag("<as number>")] | _AutoTag, _number_or_auto
    ] = "auto"


PrunerSpec: TypeAlias = Annotated[
    Annotated[NoPruner, Tag("<as none>")]
    | Annotated[HalvingPruner, Tag("<as halving>")]
    | Annotated[MedianPruner, Tag("<as median>")],
    one_of(
        tag_by("type", "none", "halving", "median"),
        "there is no such pruner",
        "give {type: none | halving | median}",
    ),
]


class NoImprovement(Value):
    """End the search when `trials` trials in a row brought too little.

    Too little: the best value got better by less than `at_least`, a share of the best value before
    them (0.01: 1 %), or not at all. They are the newest by number that a cohort may see (rule R2),
    so trials under way are finished, and another machine ends the search at the same place.
    Trials that FAILED are not counted; an extension counts its own.
    """

    trials: int = Field(ge=1, le=100_000)
    at_least: float = Field(default=0.0, ge=0, lt=1)


class Budget(Value):
    """What a study may spend: trials, and seconds of wall-clock while RUNNING (null: no limit)."""

    trials: int | None = Field(default=None, ge=1, le=100_000)
    seconds: float | None = Field(default=None, gt=0, le=31_536_000)
    stop_when_no_improvement: NoImprovement | None = None


class SelectionSpec(Value):
    """After the search: the best `top_k` configs are trained again with `seeds` fresh seeds each.

    They are compared by their means, seed by seed; the winner's median model is scored once on the
    sealed test part (DOMAIN.md truth 10). `resplit` divides train and validation anew for each
    seed, with the test part untouched: what fitted one split by luck loses. `top_k: 0` leaves it
    out: the best search value wins.
    """

    top_k: int = Field(default=3, ge=0, le=16)
    seeds: int = Field(default=3, ge=2, le=16)
    resplit: bool = False


class Parallel(Value):
    """How many trials are proposed together, and how many cohorts may be under way.

    `auto` is a function of the budget alone (rule R2): it never looks at the machine.
    """

    cohort_size: Annotated[
        Annotated[int, Field(ge=1, le=64), Tag("<as number>")] | _AutoTag, _number_or_auto
    ] = "auto"
    cohorts_in_flight: Annotated[
        Annotated[int, Field(ge=1, le=8), Tag("<as number>")] | _AutoTag, _number_or_auto
    ] = "auto"


class EarlyStopping(Value):
    """Stop after `patience` epochs without an improvement of more than `min_delta`."""

    patience: int = Field(default=5, ge=1, le=100_000)
    min_delta: float = Field(default=0.0, ge=0)
    min_epochs: int = Field(default=3, ge=1, le=100_000)


class Training(Value):
    """How long a trial trains. One epoch is one pass over the training split.

    `first_eligible_epoch`: no epoch before it counts for best, patience, checkpoint or rungs
    (auto: the epoch after the largest KL warm-up that the space allows; rule R4).
    """

    epochs: int = Field(default=30, ge=1, le=100_000)
    early_stopping: EarlyStopping | None = EarlyStopping()
    first_eligible_epoch: Annotated[
        Annotated[int, Field(ge=1, le=100_000), Tag("<as number>")] | _AutoTag, _number_or_auto
    ] = "auto"
