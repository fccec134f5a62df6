"""StudySpec: the single definition of what a user may ask for."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, StrictFloat, StrictInt, Tag, model_validator

from service.domain.aims import Aims
from service.domain.datasets import DatasetSpec, Identifier, PathText
from service.domain.model import Value, invalid
from service.domain.objectives import Objective, ObjectiveSpec, is_left_out
from service.domain.space import Scalar, SpaceEntry
from service.domain.strategies import (
    Budget,
    Parallel,
    PrunerSpec,
    SamplerSpec,
    SelectionSpec,
    TPESampler,
    Training,
)
from service.domain.tasks import ReconstructTask, TaskSpec
from service.domain.unions import number_kind, one_of

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9 ._+\-]*$"
Name: TypeAlias = Annotated[str, Field(min_length=1, max_length=120, pattern=NAME_PATTERN)]

STUDY_ID = r"^[0-9A-Za-z][0-9A-Za-z_-]{0,63}$"
StudyReference: TypeAlias = Annotated[str, Field(pattern=STUDY_ID)]

MAX_TRIALS = 100_000
MAX_ENQUEUED = 256


def _part_tag(value: object) -> str | None:
    return "<as path>" if isinstance(value, str) else number_kind(value)


Part: TypeAlias = Annotated[
    Annotated[StrictInt, Field(ge=1), Tag("<as int>")]
    | Annotated[StrictFloat, Field(gt=0, lt=1), Tag("<as float>")]
    | Annotated[PathText, Tag("<as path>")],
    one_of(
        _part_tag,
        "this is no part of a data set",
        "give a share below 1 (0.7), a count (50000) or a path",
    ),
]


class SplitSpec(Value):
    """The three parts of the data: shares (below 1), counts (whole numbers), or paths.

    With `order: seed` samples are shuffled by `seed` before they are divided; with
    `order: file` parts follow one another in file order. `test: null` only with a data
    set that brings its own test file. `resplit: r` keeps the test part and draws train and
    validation anew, by (seed, r), from the rest: another split of the same data.
    """

    train: Part = 0.7
    validation: Part = 0.15
    test: Part | None = 0.15
    order: Literal["seed", "file"] = "seed"
    seed: int = Field(default=0, ge=0, le=2**63 - 1)
    resplit: int = Field(default=0, ge=0, le=2**31 - 1)
    """0: as `seed` says. Only with `order: seed`, and not with paths."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        parts = [part for part in (self.train, self.validation, self.test) if part is not None]
        shares = sum(part for part in parts if isinstance(part, float))
        if shares > 1 + 1e-9:
            raise invalid(
                f"the shares add up to {shares:g}", "give shares that add up to at most 1"
            )
        if len({isinstance(part, str) for part in parts}) > 1:
            raise invalid("paths and shares are mixed", "give paths for every part, or for none")
        return self


class FamilyChoices(Value):
    """Several families: the family is searched like a categorical parameter."""

    choices: list[Identifier] = Field(min_length=1, max_length=32)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(set(self.choices)) != len(self.choices):
            raise invalid("a family stands twice", "list each family once")
        return self


def _family_tag(value: object) -> str | None:
    if isinstance(value, str):
        return "<as name>"
    return "<as choices>" if isinstance(value, FamilyChoices | Mapping) else None


FamilySpec: TypeAlias = Annotated[
    Annotated[Identifier, Tag("<as name>")] | Annotated[FamilyChoices, Tag("<as choices>")],
    one_of(_family_tag, "this names no family", "give a name, or {choices: [name, ...]}"),
]


class ExtensionSpec(Value):
    """More trials for a study that is COMPLETE: what `:extend` is asked for."""

    trials: int = Field(ge=1, le=MAX_TRIALS)
    enqueue: list[dict[Identifier, Scalar]] = Field(default_factory=list, max_length=MAX_ENQUEUED)
    """Params of its first trials, as in StudySpec."""
    seconds: float | None = Field(default=None, gt=0, le=31_536_000)
    """Wall-clock that these trials may take; null: no limit."""


class Extension(ExtensionSpec):
    """An extension with where it begins: the search before it may have ended early."""

    first: int = Field(ge=1)
    """Its first trial: the number of trials that there were."""
    spent: float = Field(default=0.0, ge=0)
    """Wall-clock that the study had spent RUNNING before."""


class WarmStart(Value):
    """Where good configs may come from: they are tried first, as far as they fit the space."""

    studies: list[StudyReference] = Field(default_factory=list, max_length=16)
    """Ids of earlier studies: their best trials."""
    configs: list[dict[Identifier, Scalar]] = Field(default_factory=list, max_length=MAX_ENQUEUED)
    """Known-good params, such as those of a study of another tool; names that the space does not
    have are left out."""


class StudySpec(Value):
    """One search, as a user asks for it. Only `name`, `dataset` and `family` are required."""

    name: Name
    dataset: DatasetSpec
    split: SplitSpec = SplitSpec()
    scaling: Literal["none", "unit", "standard"] = "unit"
    task: TaskSpec = ReconstructTask()
    family: FamilySpec
    objective: ObjectiveSpec = Field(default=Objective(), exclude_if=is_left_out)
    """Left out: the first metric that all of the families report, mse for those of pictures."""
    space: dict[Identifier, SpaceEntry] = Field(default_factory=dict, max_length=64)
    training: Training = Training()
    sampler: SamplerSpec = TPESampler()
    pruner: PrunerSpec | None = None
    budget: Budget = Budget()
    selection: SelectionSpec = SelectionSpec()
    enqueue: list[dict[Identifier, Scalar]] = Field(
        default_factory=list,
        max_length=MAX_ENQUEUED,
        description="Params of the first trials; what one leaves out, the sampler chooses.",
    )
    warm_start: WarmStart | None = None
    parallel: Parallel = Parallel()
    seed: int = Field(default=0, ge=0, le=2**63 - 1)
    trial_seed: int | None = Field(
        default=None,
        ge=0,
        le=2**63 - 1,
        description="Train every trial with this seed instead of one derived from `seed`: "
        "how `best/config` repeats one trial exactly.",
    )

    @property
    def aims(self) -> Aims:
        """Its objectives and constraints, and how records compare under them."""
        chosen = self.objective
        return Aims(tuple(chosen) if isinstance(chosen, list) else (chosen,))

    @property
    def families(self) -> list[str]:
        """The families that are searched, in the order given."""
        return [self.family] if isinstance(self.family, str) else list(self.family.choices)

    @property
    def family_is_searched(self) -> bool:
        """Whether `family` is one of the searched parameters."""
        return not isinstance(self.family, str) and len(self.family.choices) > 1


class ResolvedSpec(StudySpec):
    """A StudySpec with nothing left out and no `auto`; resolving it again changes nothing.

    `space` holds the searched and the user-fixed parameters; `defaults[family]` the value of
    every parameter that a trial's params may leave out: fixed, conditional, or not in the space
    (`configuration.complete_config` joins them). `rungs` are epochs: ascending, below
    `training.epochs`. `enqueue` holds what warm_start brought, too. `extensions` are what the study
    was asked for later; they change neither cohort size nor startup trials. `trial_seeds`, where
    there are any, are the seeds of trials 0, 1, ...: how a selection repeats configs.
    """

    defaults: dict[str, dict[str, Scalar]]
    rungs: list[int]
    extensions: list[Extension] = []
    trial_seeds: list[int] = []

    @property
    def trials(self) -> int:
        """The number of trials that the budget and its extensions allow."""
        assert self.budget.trials is not None
        if self.extensions:
            return self.extensions[-1].first + self.extensions[-1].trials
        return self.budget.trials

    @property
    def seconds_limit(self) -> float | None:
        """The seconds RUNNING at which the search ends, counted from the study's beginning."""
        if not self.extensions:
            return self.budget.seconds
        last = self.extensions[-1]
        return None if last.seconds is None else last.spent + last.seconds

    @property
    def cohort_size(self) -> int:
        """The number of trials proposed together."""
        assert isinstance(self.parallel.cohort_size, int)
        return self.parallel.cohort_size

    @property
    def cohorts_in_flight(self) -> int:
        """W of rule R2: how many cohorts may be under way."""
        assert isinstance(self.parallel.cohorts_in_flight, int)
        return self.parallel.cohorts_in_flight

    @property
    def first_eligible_epoch(self) -> int:
        """The first epoch that counts for best, patience, checkpoint and rungs."""
        assert isinstance(self.training.first_eligible_epoch, int)
        return self.training.first_eligible_epoch
