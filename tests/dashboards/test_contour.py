"""Contours: which pairs, where the basin lies, where nothing is drawn, at every kind of study."""

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dashboards.figures import FIGURES
from dashboards.figures.basin import CELLS, find_basin, find_levels, smooth, to_unit
from dashboards.figures.contour import Contours, prepare_contour, searches_a_plane
from dashboards.figures.contour_drawing import LEVEL_COLORS, name_levels
from dashboards.figures.figure import Waiting
from service.domain.space import FloatDistribution, IntDistribution
from service.domain.states import TrialState
from tests.dashboards.synthetic import SyntheticStudy, make_spec, make_study
from trainers.registry import catalog

RATE = {"type": "float", "low": 1e-4, "high": 1e-2, "log": True}
WIDTH = {"type": "int", "low": 16, "high": 512, "log": True}
DROPOUT = {"type": "float", "low": 0.0, "high": 0.4}
PLANE = {"learning_rate": RATE, "hidden_width": WIDTH}
Value = Callable[[dict[str, Any]], float | None]


def scored(count: int, value: Value, space: dict[str, Any] | None = None, **changes: Any) -> (
    SyntheticStudy
):  # fmt: skip
    """COMPLETE trials whose value follows from their params; without importance."""
    made = make_study(count=count, spec=make_spec(trials=count, space=space or PLANE, **changes))
    made.trials = [
        t.model_copy(update={"state": TrialState.COMPLETE, "value": value(t.params), "rungs": {}})
        for t in made.trials
    ]
    made.analyses = []
    return made


def bowl(params: dict[str, Any]) -> float:
    """Lowest at a rate of 0.001 and a width of 90."""
    rate, width = params["learning_rate"], params["hidden_width"]
    return 0.01 + (math.log10(rate) + 3) ** 2 / 40 + math.log2(width / 90) ** 2 / 200


def slope(params: dict[str, Any]) -> float:
    return 0.1 - 0.02 * math.log10(params["learning_rate"])


def contours(made: SyntheticStudy) -> Contours:
    found = prepare_contour(made.frame())
    assert not isinstance(found, Waiting), found
    return found


def summary(made: SyntheticStudy) -> str:
    return FIGURES["contour"].render(made.frame()).summary


def test_the_basin_lies_where_the_best_tenth_lie() -> None:
    made = scored(150, bowl)
    (panel,) = contours(made).panels
    assert panel.basins is not None and panel.good == 15
    best = sorted(made.trials, key=lambda t: t.value or 0.0)[:15]
    for name, basin in zip(panel.names, panel.basins, strict=True):
        values = [t.params[name] for t in best]
        assert (basin.low, basin.high) == (min(values), max(values))
        assert not basin.everywhere and not basin.edge
    text = summary(made)
    assert "the best tenth (15) lie at " in text and text.endswith("; they touch no edge.")


@pytest.mark.parametrize(("sign", "edge"), [(1, "upper"), (-1, "lower")])
def test_a_basin_at_an_edge_is_told(sign: int, edge: str) -> None:
    made = scored(80, lambda p: 0.1 - sign * 0.02 * math.log10(p["learning_rate"]))
    assert f"they touch the {edge} edge of learning_rate." in summary(made)


def test_where_more_is_better_the_highest_are_the_best() -> None:
    objective = {"metric": "elbo", "direction": "maximize"}
    made = scored(80, lambda p: -slope(p) * 100, objective=objective)
    assert "they touch the upper edge of learning_rate." not in summary(
        scored(80, lambda p: slope(p) * 100, objective=objective)
    )
    assert "they touch the upper edge of learning_rate." in summary(made)
    names = name_levels(contours(made))
    assert names[0].startswith("elbo at least -") and names[-1].startswith("below -")


def test_pairs_are_of_the_most_important_and_at_most_three() -> None:
    space = {**PLANE, "dropout": DROPOUT, "weight_decay": {**RATE}, "latent_dim": 16}
    made = make_study(count=60, spec=make_spec(trials=60, space=space))
    shares = {"weight_decay": 0.45, "dropout": 0.35, "hidden_width": 0.2, "learning_rate": 0.0}
    made.analyses = [a.model_copy(update={"data": {"values": shares}}) for a in made.analyses]
    found = contours(made)
    assert found.by == "importance"
    assert [panel.names for panel in found.panels] == [
        ("weight_decay", "dropout"), ("weight_decay", "hidden_width"), ("dropout", "hidden_width"),
    ]  # fmt: skip


def test_without_importance_the_rank_correlation_chooses() -> None:
    made = scored(60, slope, {**PLANE, "dropout": DROPOUT})
    found = contours(made)
    assert found.by == "rank correlation"
    assert found.panels[0].names[0] == "learning_rate"


def test_nothing_is_drawn_far_from_trials() -> None:
    corner = np.linspace(0, 0.2, 30)
    values = list(0.01 + corner)
    levels = find_levels(values, minimize=True)
    surface = smooth(corner, corner, values, levels)
    assert len(surface) == CELLS and all(len(row) == CELLS for row in surface)
    known = [(row, column) for row in range(CELLS) for column in range(CELLS)
             if surface[row][column] is not None]  # fmt: skip
    assert known and max(max(place) for place in known) < 0.45 * CELLS
    nearest, farthest = (surface[row][column] for row, column in (known[0], known[-1]))
    assert nearest is not None and farthest is not None and nearest < 2 < 3 < farthest


def test_one_awful_trial_does_not_colour_its_neighbours() -> None:
    draw = np.random.default_rng(1)
    x, y = draw.random(100), draw.random(100)
    values = list(0.01 + 0.001 * x)
    calm = smooth(x, y, values, find_levels(values, minimize=True))
    near = int(np.argmin((x - 0.2) ** 2 + (y - 0.5) ** 2))
    values[near] = 1e9
    wild = smooth(x, y, values, find_levels(values, minimize=True))
    moved = [
        abs(a - b)
        for one, other in zip(calm, wild, strict=True)
        for a, b in zip(one, other, strict=True)
        if a is not None and b is not None
    ]
    assert max(moved) < 2.5 and float(np.median(moved)) < 0.2


def test_levels_are_values_of_trials_with_the_share_that_reaches_them() -> None:
    levels = find_levels([float(i) for i in range(1, 41)], minimize=True)
    assert levels.bounds == [4.0, 10.0, 20.0, 30.0] and levels.shares == [0.1, 0.25, 0.5, 0.75]
    assert levels.place([1.0, 4.0, 4.5, 30.0, 31.0]) == [0, 0, 1, 3, 4]
    turned = find_levels([float(i) for i in range(1, 41)], minimize=False)
    assert turned.place([40.0, 37.0, 36.5, 1.0]) == [0, 0, 1, 4]
    tied = find_levels([1.0] * 30 + [2.0] * 10, minimize=True)
    assert (tied.bounds, tied.shares) == ([1.0], [0.75])


def test_a_few_good_trials_are_told_whole_and_many_without_their_ends() -> None:
    entry = FloatDistribution(low=0.0, high=1.0)
    assert find_basin(entry, [0.3, 0.2, 0.4])[:2] == (0.2, 0.4)
    many = [0.4 + 0.01 * i for i in range(20)] + [0.0, 1.0]
    assert find_basin(entry, many)[:2] == pytest.approx((0.41, 0.58))
    assert find_basin(entry, [0.1, 0.9]).everywhere
    log = FloatDistribution(low=1e-4, high=1e-2, log=True)
    assert to_unit(log, [1e-4, 1e-3, 1e-2]) == pytest.approx([0.0, 0.5, 1.0])
    assert find_basin(IntDistribution(low=1, high=4), [4, 4, 4]).edge == "upper"


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_values_that_are_no_numbers_are_left_out(value: float | None) -> None:
    made = scored(20, lambda p: value if p["learning_rate"] > 1e-3 else 0.01 + p["learning_rate"])
    kept = sum(float(t.params["learning_rate"]) <= 1e-3 for t in made.trials)
    found = prepare_contour(made.frame())
    assert isinstance(found, Waiting) if kept < 8 else found.panels[0].trials == kept


def test_equal_values_are_told_to_be_equal() -> None:
    plot = FIGURES["contour"].render(scored(20, lambda p: 0.01).frame())
    assert "all have the same mse" in plot.summary
    assert not [trace for trace in plot.figure.data if trace.type == "contour"]


def test_few_trials_are_waited_for() -> None:
    assert summary(scored(7, bowl)).startswith("Only 7 trials completed")
    made = make_study(count=3, planned=30, spec=make_spec(trials=30, space=PLANE))
    assert summary(made).startswith("Waiting for 8 complete trials")
    assert "the best 3 lie at" in summary(scored(12, bowl))


def test_one_numeric_parameter_makes_no_plane() -> None:
    space = {
        "learning_rate": RATE,
        "dropout": {"type": "float", "low": 0.1, "high": 0.1},
        "activation": {"type": "categorical", "choices": ["relu", "gelu"]},
    }
    made = scored(20, slope, space)
    assert not searches_a_plane(made.study.resolved, catalog())
    assert summary(made).endswith("it searches only learning_rate.")
    assert searches_a_plane(scored(1, slope).study.resolved, catalog())


def test_families_that_share_no_pair_have_none() -> None:
    made = scored(30, slope, {**PLANE, "dropout": DROPOUT})
    made.trials = [
        t.model_copy(update={"params": {
            name: value for name, value in t.params.items()
            if name == ("dropout" if t.number % 2 else "hidden_width") or name == "learning_rate"
        }})
        for t in made.trials
    ]  # fmt: skip
    names = {frozenset(panel.names) for panel in contours(made).panels}
    assert names == {
        frozenset({"learning_rate", "dropout"}), frozenset({"learning_rate", "hidden_width"}),
    }  # fmt: skip
    assert {panel.trials for panel in contours(made).panels} == {15}


def test_trials_that_break_a_constraint_are_not_among_the_best() -> None:
    made = scored(60, bowl, objective={"metric": "mse", "subject_to": [
        {"metric": "kl", "at_most": 10}]})  # fmt: skip
    made.trials = [
        t.model_copy(update={"feasible": float(t.params["learning_rate"]) > 2e-3})
        for t in made.trials
    ]
    panel = contours(made).panels[0]
    assert panel.basins is not None
    assert panel.basins[panel.names.index("learning_rate")].low > 2e-3
    figure = FIGURES["contour"].render(made.frame()).figure
    assert "breaks a constraint" in {trace.name for trace in figure.data}
    best = make_worst_of(made)
    traces = FIGURES["contour"].render(best.frame()).figure.data
    shown = {trace.name for trace in traces if trace.showlegend is not False}
    assert set(name_levels(contours(best))) <= shown  # also one that no feasible trial reaches


def make_worst_of(made: SyntheticStudy) -> SyntheticStudy:
    """The study if its better half broke a constraint."""
    half = sorted(t.value or 0.0 for t in made.trials)[len(made.trials) // 2]
    made.trials = [t.model_copy(update={"feasible": (t.value or 0.0) > half}) for t in made.trials]
    return made


def test_of_several_objectives_the_first_is_named() -> None:
    made = scored(60, bowl, objective=[{"metric": "mse"}, {"metric": "kl"}])
    assert "the best tenth (6) by mse lie" in summary(made)


def test_a_grid_is_drawn_where_its_trials_stand() -> None:
    made = scored(36, bowl)
    rates, widths = np.geomspace(1e-4, 1e-2, 6), [16, 32, 64, 128, 256, 512]
    made.trials = [
        t.model_copy(update={"params": (p := {
            "learning_rate": float(rates[i % 6]), "hidden_width": widths[i // 6]
        }), "value": bowl(p)})
        for i, t in enumerate(made.trials)
    ]  # fmt: skip
    found = contours(made)
    assert sum(z is not None for row in found.panels[0].surface for z in row) > 0.5 * CELLS**2
    figure = FIGURES["contour"].render(made.frame()).figure
    assert {figure.layout.xaxis.type, figure.layout.yaxis.type} == {"log"}


def test_pruned_trials_are_shown_and_not_in_the_surface() -> None:
    made = scored(40, bowl)
    made.trials = [
        t.model_copy(update={"state": TrialState.PRUNED, "value": 1e-9}) if t.number > 20 else t
        for t in made.trials
    ]
    (panel,) = contours(made).panels
    assert (panel.trials, len(panel.pruned[0])) == (21, 19)
    assert min(panel.values) > 1e-3


def luminance(color: str) -> float:
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_levels_read_on_white_and_on_dark_and_grow_lighter() -> None:
    dark = luminance("#171c23")
    levels = [luminance(color) for color in LEVEL_COLORS]
    assert levels == sorted(levels)
    for level in levels:
        assert 1.05 / (level + 0.05) >= 3
        assert (level + 0.05) / (dark + 0.05) >= 3


def test_10000_trials_are_prepared_quickly() -> None:
    made = make_study(count=10_000, spec=make_spec(trials=10_000, space={
        **PLANE, "dropout": DROPOUT}), epochs=1)  # fmt: skip
    frame = made.frame()
    taken = []
    for _ in range(3):
        started = time.perf_counter()
        prepare_contour(frame)
        taken.append(time.perf_counter() - started)
    assert min(taken) < 1.0, taken  # 0.1 s alone on one core
