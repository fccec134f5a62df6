"""How many cells a grid has, conditions collapsed: counted, not enumerated."""

from collections.abc import Mapping, Sequence
from math import prod

from service.domain.space import (
    FAMILY,
    MAX_GRID_CELLS,
    CategoricalDistribution,
    Distribution,
    FloatDistribution,
    Params,
    SpaceEntry,
    distributions,
    grid_values,
    is_active,
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
    inactive parameter are one. The count stops just above MAX_GRID_CELLS. Only parameters
    that a condition names are walked through; all others multiply.

    Raises ValueError for a continuous range and for conditions that go round in a circle.
    """
    searched = distributions(space)
    sizes = {name: count_values(entry) for name, entry in searched.items()}
    named = {parent for entry in searched.values() for parent in entry.when or {}}
    order = topological_order(space)
    parents = [name for name in order if name in named]
    leaves = [name for name in order if name not in named]

    def count(index: int, chosen: Params) -> int:
        if index == len(parents):
            return prod(sizes[name] for name in leaves if is_active(name, space, chosen))
        name = parents[index]
        if not is_active(name, space, chosen):
            return count(index + 1, chosen)
        if sizes[name] > MAX_GRID_CELLS:
            return MAX_GRID_CELLS + 1
        total = 0
        for value in grid_values(searched[name]):
            total += count(index + 1, {**chosen, name: value})
            if total > MAX_GRID_CELLS:
                break
        return total

    if len(families) > 1:
        total = sum(count(0, {FAMILY: family}) for family in families)
    else:
        total = count(0, {})
    return min(total, MAX_GRID_CELLS + 1)
