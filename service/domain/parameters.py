"""Whether a study's space fits its families: names, types, bounds, roles (DOMAIN.md truth 1)."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from service.domain.catalog import Catalog, FamilyEntry, ParameterEntry, Role
from service.domain.space import (
    FAMILY,
    CategoricalDistribution,
    Distribution,
    FloatDistribution,
    IntDistribution,
    Scalar,
    SpaceEntry,
    contains,
    grid_values,
    same_value,
)
from service.domain.tasks import TaskSpec
from service.errors import FieldError


def role_of(family: FamilyEntry, name: str) -> Role:
    """The role of a parameter; `loss` weighs what stands beside it, or is a choice of the metric.

    In a likelihood family that is the KL term; other families declare that they have such a term.
    """
    role = family.parameters[name].role
    if name == "loss" and role != "objective":
        return "objective" if family.likelihood else "capacity"
    return role


def default_of(parameter: ParameterEntry, task: TaskSpec) -> Scalar:
    """Its value where a study says nothing: that of the task's field that it follows, if any."""
    wanted = None if parameter.follows is None else getattr(task, parameter.follows, None)
    return (
        wanted if wanted is not None and contains(parameter.allowed, wanted) else parameter.default
    )


def owners(name: str, entry: SpaceEntry, families: Sequence[FamilyEntry]) -> list[FamilyEntry]:
    """The families that have a parameter and in which an entry's `when` lets it take part."""
    allowed = (getattr(entry, "when", None) or {}).get(FAMILY)
    return [
        family
        for family in families
        if name in family.parameters and (allowed is None or family.name in allowed)
    ]


def suggest(name: str, known: Iterable[str]) -> str:
    """A remedy for an unknown name: close matches first, then all that there is."""
    names = sorted(known)
    close = get_close_matches(name, names, n=3, cutoff=0.6)
    listed = f"known: {', '.join(names)}" if names else "there are none"
    return f"did you mean {' or '.join(close)}? ({listed})" if close else listed


def default_space(families: Sequence[FamilyEntry]) -> dict[str, SpaceEntry]:
    """What an empty space means: the default ranges of every family.

    A range that not all families share gets a condition on those that do; where families
    have different ranges for one name, the first family's is searched.
    """
    space: dict[str, SpaceEntry] = {}
    for name in dict.fromkeys(name for family in families for name in family.parameters):
        ranges = {
            family.name: family.parameters[name].default_range
            for family in families
            if name in family.parameters
        }
        chosen = next((entry for entry in ranges.values() if entry is not None), None)
        if chosen is None:
            continue
        sharing: list[Scalar] = [family for family, entry in ranges.items() if entry == chosen]
        when = None if len(sharing) == len(families) else {FAMILY: sharing}
        space[name] = chosen.model_copy(update={"when": when})
    return space


def fit_entry(
    name: str, entry: SpaceEntry, families: Sequence[FamilyEntry], catalog: Catalog
) -> tuple[SpaceEntry, list[FieldError]]:
    """The entry with its values in the parameter's own type, and what is wrong with it."""
    pointer = f"/space/{name}"
    having = [family for family in families if name in family.parameters]
    if not having:
        return entry, [_unknown(name, families, catalog)]
    owning = owners(name, entry, families) or having
    parameters = [family.parameters[name] for family in owning]
    if isinstance(entry, FloatDistribution | IntDistribution):
        return entry, _range_errors(pointer, entry, parameters)
    if isinstance(entry, CategoricalDistribution):
        choices = [in_own_type(choice, parameters[0]) for choice in entry.choices]
        errors = [
            error
            for index, choice in enumerate(choices)
            for error in _value_errors(f"{pointer}/choices/{index}", name, choice, parameters)
        ]
        twice = any(
            same_value(choice, other) for i, choice in enumerate(choices) for other in choices[:i]
        )
        if twice and not errors:
            errors.append(
                FieldError(
                    pointer=f"{pointer}/choices",
                    reason="a choice stands twice",
                    remedy="list each choice once",
                )
            )
        return entry.model_copy(update={"choices": choices}), errors
    value = in_own_type(entry, parameters[0])
    return value, _value_errors(pointer, name, value, parameters)


def in_own_type(value: Scalar, parameter: ParameterEntry) -> Scalar:
    """A whole number as a float where the parameter is a real number (0 -> 0.0)."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    if (
        whole
        and isinstance(parameter.allowed, FloatDistribution)
        and contains(parameter.allowed, value)
    ):
        return float(value)
    return value


def describe_allowed(parameter: ParameterEntry) -> str:
    """What a parameter may be, in words."""
    allowed = parameter.allowed
    if isinstance(allowed, CategoricalDistribution):
        text = "one of " + ", ".join(say_value(choice) for choice in allowed.choices)
    else:
        kind = "a number" if isinstance(allowed, FloatDistribution) else "a whole number"
        text = f"{kind} from {say_value(allowed.low)} to {say_value(allowed.high)}"
        if isinstance(allowed, IntDistribution) and allowed.step > 1:
            text += f" in steps of {allowed.step}"
    return text + "".join(f", or {say_value(value)}" for value in parameter.also_allowed)


def _unknown(name: str, families: Sequence[FamilyEntry], catalog: Catalog) -> FieldError:
    pointer = f"/space/{name}"
    if name == FAMILY:
        return FieldError(
            pointer=pointer,
            reason="the family is not a parameter of the space",
            remedy="name it at the top: family: {choices: [...]}",
        )
    chosen = " or ".join(family.name for family in families)
    having = [other.name for other in catalog.families.values() if name in other.parameters]
    known = {parameter for family in families for parameter in family.parameters}
    remedy = f"leave it out, or use {' or '.join(having)}" if having else suggest(name, known)
    return FieldError(pointer=pointer, reason=f"{chosen} has no parameter {name!r}", remedy=remedy)


def _value_errors(
    pointer: str, name: str, value: Scalar, parameters: Sequence[ParameterEntry]
) -> list[FieldError]:
    for parameter in parameters:
        also = any(same_value(value, other) for other in parameter.also_allowed)
        if not also and not contains(parameter.allowed, value):
            return [
                FieldError(
                    pointer=pointer,
                    reason=f"{name} cannot be {say_value(value)}",
                    remedy=f"give {describe_allowed(parameter)}",
                )
            ]
    return []


def _range_errors(
    pointer: str, entry: Distribution, parameters: Sequence[ParameterEntry]
) -> list[FieldError]:
    assert isinstance(entry, FloatDistribution | IntDistribution)
    for parameter in parameters:
        allowed = parameter.allowed
        name = parameter.name
        if isinstance(allowed, CategoricalDistribution):
            try:
                inside = all(contains(allowed, value) for value in grid_values(entry))
            except ValueError:
                inside = False
            if not inside:
                return [
                    FieldError(
                        pointer=pointer,
                        reason=f"{name} is chosen from a list, a range does not fit it",
                        remedy="use {type: categorical, choices: [...]} with "
                        + describe_allowed(parameter),
                    )
                ]
            continue
        if allowed.type != entry.type:
            kind = "real" if isinstance(allowed, FloatDistribution) else "whole"
            return [
                FieldError(
                    pointer=f"{pointer}/type",
                    reason=f"{name} is a {kind} number, type {entry.type} does not fit it",
                    remedy=f"use type: {allowed.type}",
                )
            ]
        for bound in ("low", "high"):
            if not contains(allowed, getattr(entry, bound)):
                return [
                    FieldError(
                        pointer=f"{pointer}/{bound}",
                        reason=f"{name} cannot be {say_value(getattr(entry, bound))}",
                        remedy=f"give {describe_allowed(parameter)}",
                    )
                ]
        if _falls_between(entry, allowed):
            return [
                FieldError(
                    pointer=pointer,
                    reason=f"{name} goes in steps of {getattr(allowed, 'step', 1)}, and this range "
                    "has numbers between them",
                    remedy=f"use {{type: categorical, choices: [...]}}, or a range without log "
                    f"with step: {getattr(allowed, 'step', 1)}",
                )
            ]
    return []


def _falls_between(entry: Distribution, allowed: Distribution) -> bool:
    """Whether a range of whole numbers has some that the steps of `allowed` leave out."""
    if not isinstance(entry, IntDistribution) or not isinstance(allowed, IntDistribution):
        return False
    return entry.low < entry.high and entry.step % allowed.step != 0


def say_value(value: Scalar) -> str:
    """A value as people read it; a long one is cut."""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."
