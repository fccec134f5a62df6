"""What a study is after: one objective or several, and constraints."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, Tag, model_validator

from service.domain.datasets import Identifier
from service.domain.model import Value, invalid
from service.domain.unions import one_of

MOST_OBJECTIVES = 3
MOST_CONSTRAINTS = 8


class Constraint(Value):
    """A bound that a trial must keep to win: a metric's value at its best epoch."""

    metric: Identifier
    at_most: float | None = Field(default=None, exclude_if=lambda bound: bound is None)
    at_least: float | None = Field(default=None, exclude_if=lambda bound: bound is None)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.at_most is None) == (self.at_least is None):
            raise invalid(
                "a constraint has one bound",
                f"write {{metric: {self.metric}, at_most: NUMBER}}, or at_least",
            )
        return self

    @property
    def limit(self) -> float:
        """The bound itself."""
        bound = self.at_least if self.at_most is None else self.at_most
        assert bound is not None
        return bound

    @property
    def direction(self) -> Literal["minimize", "maximize"]:
        """Where the values that keep it lie."""
        return "minimize" if self.at_least is None else "maximize"

    def violation(self, value: float) -> float:
        """How far beyond the bound a value lies, as a share of the bound; kept at 0 and below.

        A share, so that violations of several constraints can be added up; of 1 where the
        bound is 0.
        """
        beyond = value - self.limit if self.at_most is not None else self.limit - value
        return beyond / (abs(self.limit) or 1.0)

    def __str__(self) -> str:
        """`kl <= 20`."""
        sign = "<=" if self.at_most is not None else ">="
        return f"{self.metric} {sign} {self.limit:g}"


class Objective(Value):
    """A metric that ranks trials, on the validation split, on the scale of the scaled data."""

    metric: Identifier = "mse"
    direction: Literal["minimize", "maximize"] = "minimize"
    subject_to: list[Constraint] = Field(
        default_factory=list,
        max_length=MOST_CONSTRAINTS,
        exclude_if=lambda constraints: not constraints,  # specs without keep their hash
        description="Only trials within all of these can be the best.",
    )

    @property
    def sign(self) -> float:
        """Turns a value into a loss: 1 to minimise, -1 to maximise."""
        return 1.0 if self.direction == "minimize" else -1.0


def is_left_out(objective: object) -> bool:
    """Whether nobody said anything of the objective: then it stays unsaid in JSON too."""
    return isinstance(objective, Objective) and not objective.model_fields_set


def _check_names(objectives: list[Objective]) -> list[Objective]:
    names = [objective.metric for objective in objectives]
    if len(set(names)) < len(names):
        raise invalid("an objective stands twice", "list each metric once")
    return objectives


def _objective_tag(value: object) -> str | None:
    if isinstance(value, list):
        return "<as several>"
    return "<as one>" if isinstance(value, Objective | Mapping) else None


ObjectiveSpec: TypeAlias = Annotated[
    Annotated[Objective, Tag("<as one>")]
    | Annotated[
        list[Objective],
        Field(
            min_length=2,
            max_length=MOST_OBJECTIVES,
            description="Two or three objectives: the answer is the set of best compromises.",
        ),
        AfterValidator(_check_names),
        Tag("<as several>"),
    ],
    one_of(
        _objective_tag,
        "this is no objective",
        "give {metric: mse}, or two or three of them: [{metric: mse}, {metric: kl}]",
    ),
]
"""One objective, or two or three (a Pareto study)."""
