"""What a parameter of a family is to the catalog; the base of every family's Params. Torch-free."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

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
    needs: Mapping[str, tuple[Scalar, ...]] = field(default_factory=dict)
    """It takes part only where these other parameters have one of these values."""
    follows: str | None = None
    """The field of the task that gives the default where the task has it."""

    def accepts(self, value: Scalar) -> bool:
        """Whether a value is inside `allowed`, or one of `also_allowed`."""
        return contains(self.allowed, value) or any(
            type(value) is type(other) and value == other for other in self.also_allowed
        )


def reals(low: float, high: float, *, log: bool = False) -> FloatDistribution:
    """A range of real numbers."""
    return FloatDistribution(low=low, high=high, log=log)


def whole(low: int, high: int) -> IntDistribution:
    """A range of whole numbers."""
    return IntDistribution(low=low, high=high)


def choices_of(*choices: Scalar) -> CategoricalDistribution:
    """One of these."""
    return CategoricalDistribution(choices=list(choices))


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
                needs={name: list(values) for name, values in knob.needs.items()},
                follows=knob.follows,
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
