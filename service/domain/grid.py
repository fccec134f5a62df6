"""How many cells a grid has, conditions collapsed: counted, not enumerated."""

from collections.abc import Mapping, Sequence
from math import prod

from service.domain.space import (
    FAMILY,
    MAX_GRID_CELLS,
    CategoricalDistribution,
    Conditions,
    Distribution,
    FloatDistribution,
    Params,
    Scalar,
    SpaceEntry,
    contains,
    distributions,
    fixed_values,
    grid_values,
    topological_order,
)


def is_continuous(distribution: Distribution) -> bool:
    """Whether a distribution has infinitely many values: no grid can cover it."""
    return (
        isinstance(distribution, FloatDistribution)
        and distribution.step is None
        and distribution.low < distribution.high
    )


def count_values(distribution: Distribution) -> int:
    """The number of values of a discrete distribution, at most MAX_GRID_CELLS + 1.

    Raises ValueError for a continuous range.
    """
    if isinstance(distribution, CategoricalDistribution):
        return len(distribution.choices)
    if is_continuous(distribution):
        raise ValueError("a continuous range has no grid")
    try:
        return len(grid_values(distribution))
    except ValueError:
        return MAX_GRID_CELLS + 1


def count_cells(space: Mapping[str, SpaceEntry], families: Sequence[str]) -> int:
    """The cells of a grid over a space (and over the families, when there are several).

    A cell is a set of params without the inactive ones, so cells that differ only in an
    inactive parameter are one. The count stops just above MAX_GRID_CELLS. Only values that a
    condition names are walked through; all others multiply.

    Raises ValueError for a continuous range and for conditions that go round in a circle.
    """
    searched = distributions(space)
    sizes = {name: count_values(entry) for name, entry in searched.items()}
    named = {name: _named_values(name, searched) for name in searched}
    order = topological_order(space)
    parents = [name for name in order if named[name]]
    leaves = [name for name in order if not named[name]]
    free = prod(sizes[name] for name in leaves if not searched[name].when)
    bound = [name for name in leaves if searched[name].when]
    holds = {name: _Condition(searched[name].when or {}, space) for name in (*parents, *bound)}

    def count(index: int, chosen: Params) -> int:
        if index == len(parents):
            return free * prod(sizes[name] for name in bound if holds[name](chosen))
        name = parents[index]
        if not holds[name](chosen):
            return count(index + 1, chosen)
        others = sizes[name] - len(named[name])
        total = others * count(index + 1, chosen) if others else 0
        for value in named[name]:
            if total > MAX_GRID_CELLS:
                break
            total += count(index + 1, {**chosen, name: value})
        return total

    if len(families) > 1:
        total = sum(count(0, {FAMILY: family}) for family in families)
    else:
        total = count(0, {})
    return min(total, MAX_GRID_CELLS + 1)


def _named_values(parent: str, searched: Mapping[str, Distribution]) -> list[Scalar]:
    """The values of a parameter that some condition asks for, each once."""
    asked = {
        (isinstance(value, bool), value): value
        for entry in searched.values()
        for value in (entry.when or {}).get(parent, [])
        if contains(searched[parent], value)
    }
    return list(asked.values())


class _Condition:
    """space.is_active for one parameter, with sets: a grid asks it up to 100,000 times."""

    def __init__(self, when: Conditions, space: Mapping[str, SpaceEntry]) -> None:
        self._allowed = {
            parent: {(isinstance(value, bool), value) for value in values}
            for parent, values in when.items()
        }
        self._fixed = fixed_values(space)

    def __call__(self, chosen: Params) -> bool:
        for parent, allowed in self._allowed.items():
            value = chosen.get(parent, self._fixed.get(parent))
            if value is None or (isinstance(value, bool), value) not in allowed:
                return False
        return True
