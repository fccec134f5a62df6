"""Conditions between parameters (`when`): what they may name, and those that are implied."""

from collections.abc import Mapping, Sequence

from service.domain.catalog import FamilyEntry
from service.domain.grid import is_continuous
from service.domain.parameters import in_own_type, suggest
from service.domain.space import (
    FAMILY,
    Conditions,
    Scalar,
    SpaceEntry,
    contains,
    distributions,
    is_distribution,
)
from service.errors import FieldError


def imply_families(
    space: Mapping[str, SpaceEntry], families: Sequence[FamilyEntry]
) -> dict[str, SpaceEntry]:
    """The space with `when: {family: ...}` on every parameter that not all families have.

    Values in conditions take the type of the parameter they speak of; with one family,
    conditions on it are dropped, since they always hold.
    """
    return {
        name: _imply(name, entry, families)
        if is_distribution(entry) and any(name in family.parameters for family in families)
        else entry
        for name, entry in space.items()
    }


def _imply(name: str, entry: SpaceEntry, families: Sequence[FamilyEntry]) -> SpaceEntry:
    when: Conditions = {
        parent: [_typed(parent, value, families) for value in values]
        for parent, values in (getattr(entry, "when", None) or {}).items()
    }
    having = [family.name for family in families if name in family.parameters]
    if FAMILY not in when and len(having) < len(families):
        when[FAMILY] = list(having)
    if len(families) == 1 and when.get(FAMILY) == [families[0].name]:
        del when[FAMILY]
    return entry.model_copy(update={"when": when or None})  # type: ignore[union-attr]


def _typed(parent: str, value: Scalar, families: Sequence[FamilyEntry]) -> Scalar:
    for family in families:
        if parent in family.parameters:
            return in_own_type(value, family.parameters[parent])
    return value


def check_conditions(
    space: Mapping[str, SpaceEntry], families: Sequence[FamilyEntry]
) -> list[FieldError]:
    """Conditions that name something unknown, can never hold, or go round in a circle."""
    errors: list[FieldError] = []
    for name, entry in distributions(space).items():
        for parent, values in (entry.when or {}).items():
            pointer = f"/space/{name}/when/{parent}"
            if parent == FAMILY:
                errors += _family_errors(name, pointer, values, families)
            elif parent not in space:
                errors.append(_absent(pointer, parent, space, families))
            else:
                errors += _value_errors(pointer, parent, space[parent], values)
    return errors + _circles(space)


def _family_errors(
    name: str, pointer: str, values: Sequence[Scalar], families: Sequence[FamilyEntry]
) -> list[FieldError]:
    by_name = {family.name: family for family in families}
    errors = []
    for index, value in enumerate(values):
        if value not in by_name:
            reason = f"{value} is not among the study's families"
        elif name not in by_name[str(value)].parameters:
            reason = f"{value} has no parameter {name!r}"
        else:
            continue
        having = [family.name for family in families if name in family.parameters]
        remedy = f"choose among {', '.join(having)}" if having else "leave the condition out"
        errors.append(FieldError(pointer=f"{pointer}/{index}", reason=reason, remedy=remedy))
    return errors


def _absent(
    pointer: str, parent: str, space: Mapping[str, SpaceEntry], families: Sequence[FamilyEntry]
) -> FieldError:
    if any(parent in family.parameters for family in families):
        return FieldError(
            pointer=pointer,
            reason=f"{parent} is not in the space: it keeps its default, so there is nothing "
            "to depend on",
            remedy=f"give {parent} a range or a value in the space, or drop the condition",
        )
    return FieldError(
        pointer=pointer,
        reason=f"there is no parameter {parent!r}",
        remedy=suggest(parent, [*space, FAMILY]),
    )


def _value_errors(
    pointer: str, parent: str, entry: SpaceEntry, values: Sequence[Scalar]
) -> list[FieldError]:
    if is_distribution(entry) and is_continuous(entry):  # type: ignore[arg-type]
        return [
            FieldError(
                pointer=pointer,
                reason=f"{parent} is continuous: a condition on single values never holds",
                remedy=f"give {parent} a step or a list of choices, or drop the condition",
            )
        ]
    return [
        FieldError(
            pointer=f"{pointer}/{index}",
            reason=f"{parent} can never be {value}",
            remedy=f"name a value that {parent} can take in this space",
        )
        for index, value in enumerate(values)
        if not contains(entry, value)
    ]


def _circles(space: Mapping[str, SpaceEntry]) -> list[FieldError]:
    parents = {name: list(entry.when or {}) for name, entry in distributions(space).items()}
    errors = []
    for name in parents:
        seen: set[str] = set()
        queue = list(parents[name])
        while queue:
            ancestor = queue.pop()
            if ancestor not in seen:
                seen.add(ancestor)
                queue += parents.get(ancestor, [])
        if name in seen:
            circle = sorted(other for other in seen if other in parents)
            errors.append(
                FieldError(
                    pointer=f"/space/{name}/when",
                    reason=f"conditions go round in a circle: {', '.join(circle)}",
                    remedy="drop one of them, so that some parameter comes first",
                )
            )
    return errors
