"""A grid runs every combination once, in one order."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from service.domain.grid import count_cells
from service.domain.space import Params, SpaceEntry, distributions, grid_values, is_active
from service.domain.space import topological_order as ordered
from service.domain.states import TrialState
from service.engine.cohorts import cohort_trials, planned_cohorts, planned_trials
from service.engine.grid import Grid
from service.engine.proposals import Proposal, propose
from tests.engine.specs import resolved, run_search

SPACE = TypeAdapter(dict[str, SpaceEntry])


def walked(space: dict[str, SpaceEntry], families: list[str]) -> list[Params]:
    """The grid the slow way: every combination, inactive params dropped, repeats dropped."""
    order = ordered(space)
    values = [grid_values(distributions(space)[name]) for name in order]
    cells: list[Params] = []
    for family in families if len(families) > 1 else [None]:
        for combination in product(*values):
            cell: Params = {} if family is None else {"family": family}
            for name, value in zip(order, combination, strict=True):
                if is_active(name, space, cell):
                    cell[name] = value
            cell = dict(sorted(cell.items()))
            if cell not in cells:
                cells.append(cell)
    return cells


@st.composite
def spaces(draw: st.DrawFn) -> dict[str, SpaceEntry]:
    names = ["a", "b", "c", "d"][: draw(st.integers(1, 4))]
    space: dict[str, object] = {}
    for index, name in enumerate(names):
        if draw(st.integers(0, 5)) == 0:
            space[name] = draw(st.integers(0, 2))
            continue
        parents = draw(st.lists(st.sampled_from([*names[:index], "family"]), unique=True))
        when = {
            parent: ["vae"]
            if parent == "family"
            else draw(st.lists(st.integers(0, 3), min_size=1, max_size=3, unique=True))
            for parent in parents[:2]
        }
        space[name] = {
            "type": "int",
            "low": 0,
            "high": draw(st.integers(0, 3)),
            **({"when": when} if when else {}),
        }
    return SPACE.validate_python(space)


@given(spaces(), st.sampled_from([["vae"], ["autoencoder", "vae"]]))
@settings(max_examples=80, deadline=None)
def test_the_grid_is_the_walk_through_all_combinations(
    space: dict[str, SpaceEntry], families: list[str]
) -> None:
    grid = Grid(space, families)
    expected = walked(space, families)
    assert [grid[rank] for rank in range(len(grid))] == expected
    assert len(grid) == count_cells(space, families)


def test_there_is_no_cell_beyond_the_last() -> None:
    grid = Grid(SPACE.validate_python({"a": {"type": "int", "low": 1, "high": 3}}), ["vae"])
    assert [grid[0], grid[2]] == [{"a": 1}, {"a": 3}]
    for rank in (-1, 3):
        with pytest.raises(IndexError, match="3 cells"):
            grid[rank]


def test_a_cell_deep_in_a_huge_grid_is_found_at_once() -> None:
    side = {"type": "int", "low": 0, "high": 999}
    space = SPACE.validate_python({"a": side, "b": {**side, "when": {"c": [1]}}, "c": side})
    grid = Grid(space, ["vae"])
    assert len(grid) == 1000 * (999 + 1000)
    assert grid[len(grid) - 1] == {"a": 999, "c": 999}


def test_a_continuous_range_has_no_grid() -> None:
    with pytest.raises(ValueError, match="continuous"):
        Grid(SPACE.validate_python({"a": {"type": "float", "low": 0.0, "high": 1.0}}), ["vae"])


SIX = {
    "a": {"type": "int", "low": 0, "high": 2},
    "b": {"type": "categorical", "choices": ["x", "y"]},
}


def test_cohorts_walk_through_the_grid_once() -> None:
    spec = resolved(sampler={"type": "grid"}, space=SIX, trials=100, cohort_size=4)
    assert (planned_trials(spec), planned_cohorts(spec)) == (6, 2)
    history = run_search(spec)
    assert [trial.params for trial in history] == [{"a": a, "b": b} for a in range(3) for b in "xy"]
    assert propose(spec, history, 2) == []


def test_a_smaller_budget_cuts_the_grid_short() -> None:
    spec = resolved(sampler={"type": "grid"}, space=SIX, trials=5, cohort_size=4)
    assert [trial.number for trial in run_search(spec)] == [0, 1, 2, 3, 4]


def test_failed_cells_are_run_once_more_after_all_others() -> None:
    spec = resolved(sampler={"type": "grid"}, space=SIX, cohort_size=2)

    def end(proposal: Proposal, value: float) -> tuple[TrialState, float | None]:
        if proposal.number in (0, 3, 5):
            return TrialState.FAILED, None
        return TrialState.COMPLETE, value

    history = run_search(spec, end=end)
    assert not cohort_trials(spec, 3)
    assert cohort_trials(spec, 3, history) == range(6, 8)
    again = propose(spec, history, 3) + propose(spec, history, 4)
    assert [(p.number, p.params) for p in again] == [
        (6, history[0].params),
        (7, history[3].params),
        (8, history[5].params),
    ]
    assert propose(spec, history, 5) == []
