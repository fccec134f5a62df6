from itertools import product
from math import prod
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.grid import count_cells, count_values
from service.domain.space import (
    FAMILY,
    MAX_GRID_CELLS,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    is_active,
    topological_order,
)


@st.composite
def discrete_spaces(draw: st.DrawFn) -> dict[str, Any]:
    """Up to five parameters of up to three values, each conditional on earlier ones or not."""
    space: dict[str, Any] = {}
    for name in draw(st.permutations(["a", "b", "c", "d", "e"]))[: draw(st.integers(0, 5))]:
        if draw(st.integers(0, 5)) == 0:
            space[name] = draw(st.integers(0, 2))
            continue
        when: dict[str, Any] = {}
        candidates = [*space, FAMILY]
        for parent in draw(st.lists(st.sampled_from(candidates), max_size=2, unique=True)):
            choices = ["x", "y"] if parent == FAMILY else [0, 1, 2]
            when[parent] = draw(st.lists(st.sampled_from(choices), min_size=1, unique=True))
        space[name] = CategoricalDistribution(
            choices=list(range(draw(st.integers(1, 3)))), when=when or None
        )
    return space


def enumerate_cells(space: dict[str, Any], families: list[str]) -> set[tuple[Any, ...]]:
    """Every cell by brute force: all combinations, inactive parameters dropped."""
    order = topological_order(space)
    cells = set()
    for values in product(families, *(space[name].choices for name in order)):
        params: dict[str, Any] = {FAMILY: values[0]} if len(families) > 1 else {}
        for name, value in zip(order, values[1:], strict=True):
            if is_active(name, space, params):
                params[name] = value
        cells.add(tuple(sorted(params.items())))
    return cells


@given(discrete_spaces(), st.sampled_from([["x"], ["x", "y"]]))
def test_the_count_is_that_of_the_distinct_cells(
    space: dict[str, Any], families: list[str]
) -> None:
    assert count_cells(space, families) == len(enumerate_cells(space, families))


@given(st.lists(st.integers(1, 9), max_size=5))
def test_without_conditions_sizes_multiply(sizes: list[int]) -> None:
    space = {f"p{i}": IntDistribution(low=1, high=size) for i, size in enumerate(sizes)}
    assert count_cells(space, ["x"]) == min(prod(sizes), MAX_GRID_CELLS + 1)


def test_a_huge_grid_is_counted_at_once() -> None:
    wide = IntDistribution(low=1, high=90_000)
    assert count_cells({f"p{i}": wide for i in range(60)}, ["x"]) == MAX_GRID_CELLS + 1


def test_a_long_chain_of_conditions_is_counted_at_once() -> None:
    """One step down the chain for one value of nine, and 90,000 values at its head."""
    space: dict[str, Any] = {
        f"p{i}": IntDistribution(low=1, high=9, when={f"p{i + 1}": [1]}) for i in range(59)
    }
    space["p59"] = IntDistribution(low=1, high=90_000)
    assert count_cells(space, ["x"]) == 90_000 + 59 * 8


def test_a_continuous_range_cannot_be_counted() -> None:
    with pytest.raises(ValueError, match="no grid"):
        count_values(FloatDistribution(low=0, high=1))
