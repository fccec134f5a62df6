"""Parameters that take part only where another one has certain values (`needs`).

`channels` needs {architecture: [conv]}: where the architecture is searched, that becomes a
condition (`when`); where it is fixed, the parameter is searched or refused.
"""

from collections.abc import Mapping, Sequence

from service.domain.catalog import FamilyEntry
from service.domain.parameters import owners
from service.domain.space import (
    CategoricalDistribution,
    Scalar,
    SpaceEntry,
    contains,
    is_distribution,
    varies,
)
from service.errors import FieldError


def without_idle(
    space: Mapping[str, SpaceEntry], families: Sequence[FamilyEntry]
) -> dict[str, SpaceEntry]:
    """Default ranges without those that would never take part."""
    return {
        name: entry
        for name, entry in space.items()
        if not _unmet(name, entry, space, owners(name, entry, families))
    }


def imply_needs(
    space: Mapping[str, SpaceEntry], families: Sequence[FamilyEntry]
) -> dict[str, SpaceEntry]:
    """The space with a condition on every searched parameter that its families' needs limit."""
    return {name: _imply(name, entry, space, families) for name, entry in space.items()}


def check_needs(
    space: Mapping[str, SpaceEntry], families: Sequence[FamilyEntry]
) -> list[FieldError]:
    """Searched parameters that can never take part.

    A fixed value that has no effect is let through: a best config writes out every parameter.
    """
    errors = []
    for name, entry in space.items():
        if not varies(entry):
            continue
        unmet = _unmet(name, entry, space, owners(name, entry, families))
        if unmet:
            parent, values = next(iter(unmet.items()))
            wanted = " or ".join(str(value) for value in values)
            errors.append(
                FieldError(
                    pointer=f"/space/{name}",
                    reason=f"{name} has no effect here: it needs {parent} to be {wanted}",
                    remedy=f"add {parent}: {values[0]} to the space, or leave {name} out",
                )
            )
    return errors


def _imply(
    name: str,
    entry: SpaceEntry,
    space: Mapping[str, SpaceEntry],
    families: Sequence[FamilyEntry],
) -> SpaceEntry:
    owning = owners(name, entry, families)
    if not is_distribution(entry) or not owning:
        return entry
    when = dict(getattr(entry, "when", None) or {})
    for parent in {parent for family in owning for parent in family.parameters[name].needs}:
        searched = space.get(parent)
        needs = [family.parameters[name].needs.get(parent) for family in owning]
        # Where one of the families always uses it, a condition would take it away there.
        if parent in when or not varies(searched) or None in needs:  # type: ignore[arg-type]
            continue
        values = [value for value in _union(needs) if contains(searched, value)]  # type: ignore[arg-type]
        if values and not _always(searched, values):
            when[parent] = values
    return entry.model_copy(update={"when": when or None})  # type: ignore[union-attr]


def _unmet(
    name: str,
    entry: SpaceEntry,
    space: Mapping[str, SpaceEntry],
    owning: Sequence[FamilyEntry],
) -> dict[str, list[Scalar]]:
    """What is missing for the parameter to take part in any of its families; empty: nothing."""
    unmet: dict[str, list[Scalar]] = {}
    for family in owning:
        missing = {
            parent: values
            for parent, values in family.parameters[name].needs.items()
            if not _possible(parent, values, space, family)
        }
        if not missing:
            return {}
        unmet |= missing
    return unmet


def _possible(
    parent: str, values: Sequence[Scalar], space: Mapping[str, SpaceEntry], family: FamilyEntry
) -> bool:
    entry = space.get(parent)
    if entry is None or getattr(entry, "when", None):
        if family.parameters[parent].default in values:
            return True
        if entry is None:
            return False
    return any(contains(entry, value) for value in values)


def _union(needs: Sequence[Sequence[Scalar] | None]) -> list[Scalar]:
    return list(dict.fromkeys(value for values in needs for value in values or ()))


def _always(entry: SpaceEntry | None, values: Sequence[Scalar]) -> bool:
    return isinstance(entry, CategoricalDistribution) and set(entry.choices) <= set(values)
