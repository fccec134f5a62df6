"""Whether params that are to be tried first fit the space, and how a sampler would write them."""

from collections.abc import Mapping, Sequence

from service.domain.catalog import FamilyEntry
from service.domain.parameters import describe_allowed, say_value, suggest
from service.domain.space import (
    FAMILY,
    CategoricalDistribution,
    Distribution,
    FloatDistribution,
    IntDistribution,
    Params,
    Scalar,
    contains,
    distributions,
    grid_values,
    is_distribution,
    nearest_step,
    same_value,
    topological_order,
)
from service.domain.spec import ResolvedSpec
from service.domain.strategies import GridSampler
from service.errors import FieldError

LISTED = 8
"""More choices than this are not written out in a remedy."""
HUGE = 1e300
"""No range reaches so far, and what is larger may not be a float at all."""


def fit_enqueued(
    entries: Sequence[Mapping[str, Scalar]],
    spec: ResolvedSpec,
    families: Sequence[FamilyEntry],
    trials: int,
    pointer: str = "/enqueue",
) -> tuple[list[Params], list[FieldError]]:
    """Entries as params of the first of `trials` trials, and all that is wrong with them.

    What comes out looks like sampled params: searched and active parameters only, by sorted name,
    in their own types. Fitting that again changes nothing.
    """
    if not entries:
        return [], []
    if isinstance(spec.sampler, GridSampler):
        return [], [
            FieldError(
                pointer=pointer,
                reason="a grid tries every cell once, in a fixed order: nothing goes before it",
                remedy="leave enqueue out, or use the random, the tpe or the gp sampler",
            )
        ]
    if len(entries) > trials:
        return [], [
            FieldError(
                pointer=pointer,
                reason=f"there are {len(entries)} entries and {trials} trials",
                remedy=f"ask for at least {len(entries)} trials, or drop some entries",
            )
        ]
    fitted = []
    errors: list[FieldError] = []
    for index, entry in enumerate(entries):
        params, wrong = fit_params(entry, spec, families, f"{pointer}/{index}")
        fitted.append(params)
        errors += wrong
    return fitted, errors


def fit_params(
    entry: Mapping[str, Scalar],
    spec: ResolvedSpec,
    families: Sequence[FamilyEntry],
    pointer: str = "",
) -> tuple[Params, list[FieldError]]:
    """One entry as a sampler would have written it, and what is wrong with it.

    Fixed parameters, and those outside the space, may be named with the value that they have:
    they are left out of what is answered.
    """
    params: Params = {}
    errors: list[FieldError] = []
    searched = distributions(spec.space)
    for name, value in sorted(entry.items()):
        kept, error = _fit_value(name, value, entry, spec, families)
        if error is not None:
            errors.append(FieldError(pointer=f"{pointer}/{name}", reason=error[0], remedy=error[1]))
        elif name in searched or (name == FAMILY and spec.family_is_searched):
            params[name] = kept
    misplaced = {} if errors else _misplaced(params, spec)
    errors += [
        FieldError(pointer=f"{pointer}/{name}", reason=reason, remedy=remedy)
        for name, (reason, remedy) in sorted(misplaced.items())
    ]
    return params, errors


def _fit_value(
    name: str,
    value: Scalar,
    entry: Mapping[str, Scalar],
    spec: ResolvedSpec,
    families: Sequence[FamilyEntry],
) -> tuple[Scalar, tuple[str, str] | None]:
    """The value in the parameter's own type, or a reason and a remedy."""
    if name == FAMILY:
        return value, None if value in spec.families else (
            f"the study does not train {say_value(value)}",
            f"give {' or '.join(spec.families)}",
        )
    having = [family for family in families if name in family.parameters]
    if not having:
        return value, (
            f"there is no parameter {name!r}",
            suggest(name, [*spec.space, *([FAMILY] if spec.family_is_searched else [])]),
        )
    if name not in spec.space:
        return value, _not_in_space(name, value, entry.get(FAMILY), spec, having)
    found = spec.space[name]
    if not is_distribution(found):
        same = same_value(value, found)  # type: ignore[arg-type]
        return value, None if same else (
            f"{name} is fixed at {say_value(found)} in this space, and cannot be "  # type: ignore[arg-type]
            f"{say_value(value)}",
            "leave it out here, or give it a range in the space",
        )
    kept = _in_entry_type(found, value)  # type: ignore[arg-type]
    if contains(found, kept):
        return kept, None
    return value, (
        f"{name} cannot be {say_value(value)} in this space",
        f"give {_describe(found)}",  # type: ignore[arg-type]
    )


def _not_in_space(
    name: str,
    value: Scalar,
    family: Scalar | None,
    spec: ResolvedSpec,
    having: Sequence[FamilyEntry],
) -> tuple[str, str] | None:
    defaults = [
        spec.defaults[owner.name][name]
        for owner in having
        if name in spec.defaults[owner.name] and family in (None, owner.name)
    ]
    if all(same_value(value, default) for default in defaults):
        return None
    allowed = describe_allowed(having[0].parameters[name])
    return (
        f"{name} is not in the space: it keeps its default, {say_value(defaults[0])}",
        f"leave it out here, or put it into the space with {allowed}",
    )


def _in_entry_type(entry: Distribution, value: Scalar) -> Scalar:
    """The value as a sampler writes it: 1 as 1.0 for a real number, 0.30000000000000004 as 0.3."""
    if isinstance(entry, CategoricalDistribution):
        same = [choice for choice in entry.choices if same_value(choice, value)]
        exact = [choice for choice in same if type(choice) is type(value)]
        return (exact or same or [value])[0]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    if abs(value) > HUGE:
        return value
    if isinstance(entry, IntDistribution):
        return int(value) if float(value).is_integer() else value
    return nearest_step(entry, float(value))


def _misplaced(params: Params, spec: ResolvedSpec) -> dict[str, tuple[str, str]]:
    """Parameters that would not take part, or of which that is not known."""
    found: dict[str, tuple[str, str]] = {}
    searched = distributions(spec.space)
    status: dict[str, bool | None] = {FAMILY: True} if spec.family_is_searched else {}
    for name in topological_order(spec.space):
        verdict: bool | None = True
        for parent, values in (searched[name].when or {}).items():
            holds = _holds(parent, values, params, spec, status)
            if holds is True:
                continue
            verdict = False if holds is False else (verdict and None)
            if name in params and (name not in found or holds is False):
                found[name] = _say_condition(name, parent, values, holds)
        status[name] = verdict
    return found


def _holds(
    parent: str,
    values: Sequence[Scalar],
    params: Params,
    spec: ResolvedSpec,
    status: Mapping[str, bool | None],
) -> bool | None:
    """Whether a condition holds; None: it is left to the sampler."""
    if parent in params:
        return any(same_value(params[parent], value) for value in values)
    if parent in status:
        return False if status[parent] is False else None
    fixed = spec.space.get(parent)
    if fixed is None or is_distribution(fixed):
        return False
    return any(same_value(fixed, value) for value in values)  # type: ignore[arg-type]


def _say_condition(
    name: str, parent: str, values: Sequence[Scalar], holds: bool | None
) -> tuple[str, str]:
    wanted = f"{parent} is {' or '.join(say_value(value) for value in values)}"
    if holds is False:
        return f"{name} takes part only where {wanted}", f"leave {name} out, or change {parent}"
    return (
        f"{name} takes part only where {wanted}, and this entry leaves {parent} to the sampler",
        f"give {parent} too, or leave {name} out",
    )


def _describe(entry: Distribution) -> str:
    """What a searched parameter may be, in words."""
    if isinstance(entry, CategoricalDistribution):
        few = [say_value(choice) for choice in entry.choices[:LISTED]]
        return "one of " + ", ".join(few) + (", ..." if len(entry.choices) > LISTED else "")
    kind = "a number" if isinstance(entry, FloatDistribution) else "a whole number"
    text = f"{kind} from {say_value(entry.low)} to {say_value(entry.high)}"
    if entry.step is not None and entry.step != 1 and entry.low < entry.high:
        few = [say_value(value) for value in _first_values(entry)]
        return f"{text} in steps of {say_value(entry.step)} ({', '.join(few)}, ...)"
    return text


def _first_values(entry: FloatDistribution | IntDistribution) -> list[Scalar]:
    try:
        return grid_values(entry)[:3]
    except ValueError:
        return [entry.low]
