"""Search spaces: Optuna's distributions by name, and the conditions between parameters."""

from collections.abc import Mapping
from decimal import Decimal
from math import isclose
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import (
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    Tag,
    model_validator,
)

from service.domain.model import Value, invalid
from service.domain.unions import number_kind, one_of, tag_by


def _scalar_tag(value: object) -> str | None:
    if isinstance(value, bool):
        return "<as bool>"
    return "<as text>" if isinstance(value, str) else number_kind(value)


Scalar: TypeAlias = Annotated[
    Annotated[StrictBool, Tag("<as bool>")]
    | Annotated[StrictInt, Tag("<as int>")]
    | Annotated[StrictFloat, Tag("<as float>")]
    | Annotated[StrictStr, Tag("<as text>")],
    one_of(_scalar_tag, "this is not a single value", "give a number, a text, true or false"),
]
Params: TypeAlias = dict[str, Scalar]
Conditions: TypeAlias = Annotated[
    dict[str, Annotated[list[Scalar], Field(min_length=1, max_length=256)]], Field(max_length=8)
]
"""Parameter -> the values with which the condition holds; all of up to eight must hold."""

FAMILY = "family"
"""The name under which a searched family appears among a trial's params."""

MAX_GRID_CELLS = 100_000


class FloatDistribution(Value):
    """A real number in [low, high]; `log` samples its logarithm, `step` makes it discrete."""

    type: Literal["float"] = "float"
    low: float
    high: float
    log: bool = False
    step: float | None = None
    when: Conditions | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        _check_range(self.low, self.high, self.log)
        if self.step is not None and self.step <= 0:
            raise invalid(
                f"step {self.step} is not positive", "give a step above 0, or leave it out"
            )
        if self.step is not None and self.log:
            raise invalid("a log range cannot have a step", "leave out `step`, or set log: false")
        return self


class IntDistribution(Value):
    """A whole number in [low, high]; `log` samples its logarithm, `step` is the distance."""

    type: Literal["int"] = "int"
    low: int
    high: int
    log: bool = False
    step: int = 1
    when: Conditions | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        _check_range(self.low, self.high, self.log)
        if self.step < 1:
            raise invalid(f"step {self.step} is below 1", "give a whole step of at least 1")
        if self.step != 1 and self.log:
            raise invalid("a log range cannot have a step", "leave out `step`, or set log: false")
        return self


class CategoricalDistribution(Value):
    """One of `choices`."""

    type: Literal["categorical"] = "categorical"
    choices: list[Scalar] = Field(min_length=1, max_length=256)
    when: Conditions | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        keys = [(type(choice).__name__, choice) for choice in self.choices]
        if len(set(keys)) != len(keys):
            raise invalid("a choice stands twice", "list each choice once")
        return self


_distribution_tag = tag_by("type", "float", "int", "categorical")


def _entry_tag(value: object) -> str | None:
    scalar = _scalar_tag(value)
    return "<as value>" if scalar else _distribution_tag(value)


Distribution: TypeAlias = FloatDistribution | IntDistribution | CategoricalDistribution
SpaceEntry: TypeAlias = Annotated[
    Annotated[FloatDistribution, Tag("<as float>")]
    | Annotated[IntDistribution, Tag("<as int>")]
    | Annotated[CategoricalDistribution, Tag("<as categorical>")]
    | Annotated[Scalar, Tag("<as value>")],
    one_of(
        _entry_tag,
        "this is neither a distribution nor a single value",
        "give {type: float | int | categorical, ...}, or a bare value that fixes the parameter",
    ),
]
"""What a space says of a parameter: a distribution to search, or a bare value that fixes it."""


def _check_range(low: float, high: float, log: bool) -> None:
    if low > high:
        raise invalid(f"low {low} is above high {high}", "swap low and high")
    if log and low <= 0:
        raise invalid(f"a log range needs low above 0, not {low}", "raise low, or set log: false")


def is_distribution(entry: object) -> bool:
    """Whether a space entry is searched (and not a bare value)."""
    return isinstance(entry, FloatDistribution | IntDistribution | CategoricalDistribution)


def distributions(space: Mapping[str, SpaceEntry]) -> dict[str, Distribution]:
    """The searched entries of a space, by sorted name."""
    return {name: space[name] for name in sorted(space) if is_distribution(space[name])}  # type: ignore[misc]


def fixed_values(space: Mapping[str, SpaceEntry]) -> Params:
    """The fixed entries of a space, by sorted name."""
    return {name: space[name] for name in sorted(space) if not is_distribution(space[name])}  # type: ignore[misc]


def contains(entry: SpaceEntry, value: Scalar) -> bool:
    """Whether a space entry can take a value."""
    if isinstance(entry, CategoricalDistribution):
        return any(type(value) is type(choice) and value == choice for choice in entry.choices)
    if isinstance(entry, IntDistribution):
        if isinstance(value, bool) or not isinstance(value, int):
            return False
        return entry.low <= value <= entry.high and (value - entry.low) % entry.step == 0
    if isinstance(entry, FloatDistribution):
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        if not entry.low <= value <= entry.high:
            return False
        return entry.step is None or value in _stepped(entry, entry.step, around=value)
    return type(entry) is type(value) and entry == value


def varies(entry: SpaceEntry) -> bool:
    """Whether a space entry can take more than one value."""
    if isinstance(entry, CategoricalDistribution):
        return len(entry.choices) > 1
    if isinstance(entry, FloatDistribution | IntDistribution):
        return entry.low + (entry.step or 0) <= entry.high and entry.low < entry.high
    return False


def is_active(name: str, space: Mapping[str, SpaceEntry], params: Mapping[str, Scalar]) -> bool:
    """Whether a parameter takes part, given the params chosen before it and the fixed values.

    Every condition must hold; a condition on an inactive parameter does not hold.
    """
    entry = space[name]
    when = getattr(entry, "when", None)
    if not when:
        return True
    for parent, values in when.items():
        if parent in params:
            chosen = params[parent]
        elif parent in space and not is_distribution(space[parent]):
            chosen = space[parent]  # type: ignore[assignment]
        else:
            return False
        if not any(same_value(chosen, value) for value in values):
            return False
    return True


def same_value(left: Scalar, right: Scalar) -> bool:
    """Whether two values are equal; true and 1 are not, 1 and 1.0 are."""
    return isinstance(left, bool) == isinstance(right, bool) and left == right


def topological_order(space: Mapping[str, SpaceEntry]) -> list[str]:
    """Searched parameters with every parent before its children; ties by name.

    Raises ValueError naming the parameters of a cycle.
    """
    searched = distributions(space)
    parents = {
        name: {parent for parent in (entry.when or {}) if parent in searched}
        for name, entry in searched.items()
    }
    order: list[str] = []
    while parents:
        ready = sorted(name for name, waits_for in parents.items() if waits_for <= set(order))
        if not ready:
            raise ValueError(f"conditions go round in a circle: {', '.join(sorted(parents))}")
        order.append(ready[0])
        del parents[ready[0]]
    return order


def grid_values(distribution: Distribution) -> list[Scalar]:
    """Every value of a discrete distribution in ascending (or listed) order.

    Raises ValueError for a continuous range, or one of more than MAX_GRID_CELLS values.
    """
    if isinstance(distribution, CategoricalDistribution):
        return list(distribution.choices)
    if isinstance(distribution, IntDistribution):
        if (distribution.high - distribution.low) // distribution.step >= MAX_GRID_CELLS:
            raise ValueError(f"more than {MAX_GRID_CELLS} values")
        return list(range(distribution.low, distribution.high + 1, distribution.step))
    if distribution.low == distribution.high:
        return [distribution.low]
    if distribution.step is None:
        raise ValueError("a continuous range has no grid")
    count = _step_count(distribution, distribution.step)
    if count >= MAX_GRID_CELLS:
        raise ValueError(f"more than {MAX_GRID_CELLS} values")
    return [_step_value(distribution, distribution.step, index) for index in range(count + 1)]


def nearest_step(distribution: FloatDistribution, value: float) -> float:
    """The value of a stepped range that a number stands for up to rounding, else the number."""
    step = distribution.step
    if step is None or distribution.low == distribution.high:
        return value
    if not distribution.low - step < value < distribution.high + step:
        return value
    close = [v for v in _stepped(distribution, step, value) if isclose(v, value, abs_tol=1e-12)]
    return close[0] if close else value


def _step_count(distribution: FloatDistribution, step: float) -> int:
    """Steps between low and high, in decimal: 0.1 to 0.3 by 0.1 is two."""
    return int(
        (Decimal(str(distribution.high)) - Decimal(str(distribution.low))) / Decimal(str(step))
    )


def _step_value(distribution: FloatDistribution, step: float, index: int) -> float:
    return float(Decimal(str(distribution.low)) + index * Decimal(str(step)))


def _stepped(distribution: FloatDistribution, step: float, around: float) -> list[float]:
    """The values of a stepped range next to a number."""
    nearest = round((around - distribution.low) / step)
    indices = range(max(0, nearest - 1), min(_step_count(distribution, step), nearest + 1) + 1)
    return [_step_value(distribution, step, index) for index in indices]
