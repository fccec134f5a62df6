"""Every trial as a line over its parameters and its result: what do the best ones share?

Drawn as ordinary lines: Plotly's own trace of that name needs WebGL, which many machines lack.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go

from dashboards.figures.basin import Array, to_unit
from dashboards.figures.decimation import spread
from dashboards.figures.figure import Cell, Table, Waiting
from dashboards.figures.frame import StudyFrame
from dashboards.figures.paper import BEST, BLUE, GREY, escape, number, plural, rounded, sheet
from service.domain.space import (
    CategoricalDistribution,
    Distribution,
    Params,
    Scalar,
    varies,
)
from service.domain.states import TrialState

MOST_AXES = 8
FEWEST = 5
DRAWN = 200
INACTIVE = -0.14
"""Where a line passes that does not have the parameter, below the axis."""
NARROW = 0.5
"""The best tenth is said to share a range where it is at most this part of what is searched."""
SHARED = 5
"""Of fewer best trials nothing is said to be shared."""
DRAWS = 1000
"""Random tenths of the trials that the best tenth is held against."""
COMPARED = 100
"""Of a larger tenth so many stand for it."""
MOST_TICKS = 8
SEVERAL = 20
"""From so many on the outer tenths of the best ones are left out of a range."""


class Column(NamedTuple):
    """One axis: where it is named, and where each trial stands on it (0 to 1, or INACTIVE)."""

    name: str
    ticks: list[tuple[float, str]]
    places: list[float]
    values: list[Scalar | None]
    """Of each trial; None: inactive."""


class ParallelCoordinates(NamedTuple):
    """The axes from left to right, the last of them the objective; trials best first."""

    metric: str
    columns: list[Column]
    numbers: list[int]
    values: list[float]
    good: int
    """How many of the first are the best tenth."""
    drawn: list[int]
    """Positions of the lines that are drawn, best first."""
    left_out: int
    """Parameters that have no axis."""
    shared: list[str]
    """What the best tenth have in common, in words."""
    by: str
    """Of several objectives: by which one they are ordered."""


def prepare_parallel_coordinates(frame: StudyFrame) -> ParallelCoordinates | Waiting:
    """Complete trials with a value; the most important parameters first, where that is known."""
    study, trials = frame.study, frame.trials
    space = {name: entry for name, entry in study.space.items() if varies(entry)}
    if not space:
        return Waiting("This study searches no parameter: there is nothing to compare.")
    objective = study.aims.objectives[0]
    inside = [
        (objective.loss(value), position)
        for position, value in enumerate(trials.value)
        if trials.state[position] == TrialState.COMPLETE.value
        and value is not None
        and math.isfinite(value)
        and trials.feasible[position] is not False
    ]
    if len(inside) < FEWEST:
        return Waiting(
            f"Waiting for {FEWEST} complete trials: {len(inside)} so far.",
            f"Only {plural(len(inside), 'trial')} completed with a value that counts.",
        )
    order = [position for _, position in sorted(inside)]
    shares = frame.analyses.get("importance", {}).get("values") or {}
    names = sorted(space, key=lambda name: -float(shares.get(name) or 0.0))[:MOST_AXES]
    columns = [
        _column(name, space[name], [trials.params[i].get(name) for i in order]) for name in names
    ]
    values = [float(trials.value[i] or 0.0) for i in order]
    columns.append(_results(objective.name, values))
    good = max(1, round(0.1 * len(order)))
    kept = list(range(min(good, DRAWN // 2)))
    kept += [good + i for i in spread(len(order) - good, DRAWN - len(kept))]
    return ParallelCoordinates(
        metric=objective.name,
        columns=columns,
        numbers=[trials.number[i] for i in order],
        values=values,
        good=good,
        drawn=kept,
        left_out=max(0, len(space) - MOST_AXES),
        shared=_shared(space, names, [trials.params[i] for i in order], values, good),
        by=f" by {objective.name}" if study.aims.is_pareto else "",
    )


def _shared(
    space: Mapping[str, Distribution],
    names: Sequence[str],
    params: Sequence[Params],
    values: Sequence[float],
    good: int,
) -> list[str]:
    """What the best tenth have in common beyond chance, parameter by parameter, in words."""
    if good < SHARED or values[good - 1] == values[good]:
        return []  # of equals nobody is the tenth
    said = [_share(name, space[name], [each.get(name) for each in params], good, len(names))
            for name in names]  # fmt: skip
    return [each for each in said if each]


def _column(name: str, entry: Distribution, values: Sequence[Scalar | None]) -> Column:
    if isinstance(entry, CategoricalDistribution):
        last = max(1, len(entry.choices) - 1)
        ticks = [(index / last, _say(choice)) for index, choice in enumerate(entry.choices)]
        at: dict[tuple[type, Scalar | None], float] = {
            (type(choice), choice): index / last for index, choice in enumerate(entry.choices)
        }
        places = [at.get((type(value), value), INACTIVE) for value in values]
    else:
        numeric = [
            float(value)
            if isinstance(value, int | float) and not isinstance(value, bool)
            else math.nan
            for value in values
        ]
        with np.errstate(invalid="ignore", divide="ignore"):
            unit = to_unit(entry, numeric) if entry.high > entry.low else np.zeros(len(numeric))
        places = [
            float(min(1.0, max(0.0, place))) if math.isfinite(place) else INACTIVE for place in unit
        ]
        ticks = [(0.0, number(float(entry.low))), (1.0, number(float(entry.high)))]
    if INACTIVE in places:
        ticks = [(INACTIVE, "inactive"), *ticks]
    return Column(name, ticks, places, list(values))


def _results(name: str, values: Sequence[float]) -> Column:
    """By rank: values of bad trials would press the good ones together."""
    last = max(1, len(values) - 1)
    places = [1 - index / last for index in range(len(values))]
    ticks = [(1.0, number(values[0])), (0.5, number(values[len(values) // 2]))]
    return Column(f"{name}, by rank", [*ticks, (0.0, number(values[-1]))], places, list(values))


def _share(
    name: str, entry: Distribution, values: Sequence[Scalar | None], good: int, looked_at: int
) -> str:
    """What the best have in common in one parameter; empty where chance would give it as well.

    Held against random tenths of all trials (a search samples unevenly), at 5 % shared over the
    parameters that are looked at.
    """
    best = values[:good]
    if any(value is None for value in values):
        return ""
    level = 0.05 / looked_at
    tenths = np.random.default_rng(0).integers(len(values), size=(DRAWS, min(good, COMPARED)))
    if isinstance(entry, CategoricalDistribution):
        most = max(best, key=best.count)
        count = best.count(most)
        has = np.array([value == most for value in values])
        by_chance = float((has[tenths].mean(axis=1) >= count / good).mean())
        if count < 0.8 * good or by_chance > level:
            return ""
        return f"{count} of {good} have {name} {_say(most)}" if most is not None else ""
    numeric = np.array([float(value) for value in values if value is not None])
    places = to_unit(entry, numeric.tolist())
    own = _span(places[:good][spread(good, COMPARED)][None, :])[0]
    by_chance = float((_span(places[tenths]) <= own).mean())
    if own > NARROW or by_chance > level:
        return ""
    low, high = np.quantile(numeric[:good], _middle(good))
    searched = f"searched: {number(float(entry.low))} to {number(float(entry.high))}"
    part = "" if good < SEVERAL else "for the middle 80 % "
    return f"{name} lies {part}between {number(float(low))} and {number(float(high))} ({searched})"


def _middle(count: int) -> tuple[float, float]:
    """Quantiles between which so many are said to lie: of several, without the outer ones."""
    return (0.0, 1.0) if count < SEVERAL else (0.1, 0.9)


def _span(places: Array) -> Array:
    """[k, n] -> [k]: how much of the range each row takes."""
    low, high = np.quantile(places, _middle(places.shape[1]), axis=1)
    return np.asarray(high - low, np.float64)


def _say(value: Scalar) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value).lower() if isinstance(value, bool) else str(value)


def draw_parallel_coordinates(data: ParallelCoordinates) -> go.Figure:
    """The others faint, the best tenth in colour, the best one bold; axes with their ends."""
    figure = sheet(height=460)
    groups = (
        ("others", GREY, 0.9, 0.45, [i for i in data.drawn if i >= data.good]),
        (f"best tenth{data.by}", BLUE, 1.6, 0.9, [i for i in data.drawn if 0 < i < data.good]),
        (f"best{data.by}: trial {data.numbers[0]}", BEST, 3.2, 1.0, [0]),
    )
    for name, color, width, opacity, lines in groups:
        if not lines:
            continue
        x: list[float | None] = []
        y: list[float | None] = []
        marked: list[list[int | float | None]] = []
        for line in lines:
            for place, column in enumerate(data.columns):
                x.append(place)
                y.append(column.places[line])
                marked.append([data.numbers[line], data.values[line]])
            x.append(None)
            y.append(None)
            marked.append([None, None])
        figure.add_scatter(
            x=x,
            y=y,
            customdata=marked,
            meta={"trials": True},
            name=f"{name} ({len(lines):,})" if len(lines) > 1 else name,
            mode="lines",
            opacity=opacity,
            line={"color": color, "width": width},
            hovertemplate="trial %{customdata[0]}: %{customdata[1]:.4g}<extra>%{fullData.name}"
            "</extra>",
        )
    for place, column in enumerate(data.columns):
        figure.add_shape(
            type="line", x0=place, x1=place, y0=0, y1=1, line={"color": GREY, "width": 1.4}
        )
        figure.add_annotation(
            text=escape(column.name), x=place, y=1.1, yanchor="bottom", showarrow=False,
            textangle=-24, xanchor="left", font={"size": 12},
        )  # fmt: skip
        shown = column.ticks
        if len(shown) > MOST_TICKS:
            shown = [shown[i] for i in spread(len(shown), MOST_TICKS)]
        for height, tick in shown:
            figure.add_annotation(
                text=escape(tick[:16]), x=place, y=height, xanchor="left", xshift=4,
                showarrow=False, font={"size": 10.5},
            )  # fmt: skip
    figure.update_xaxes(visible=False, range=[-0.12, len(data.columns) - 0.35], fixedrange=True)
    figure.update_yaxes(visible=False, range=[-0.24, 1.55], fixedrange=True)
    return figure


def summarise_parallel_coordinates(data: ParallelCoordinates) -> str:
    """One sentence: what the best tenth share, if anything."""
    if data.good < SHARED:
        return (
            f"{plural(len(data.numbers), 'complete trial')}: too few to say what the best tenth "
            f"share; the best{data.by} is trial {data.numbers[0]} with {number(data.values[0])}."
        )
    said = f"Of the best {data.good:,}{data.by} of {plural(len(data.numbers), 'complete trial')} "
    said += "; ".join(data.shared) if data.shared else "nothing is shared beyond chance"
    if len(data.drawn) < len(data.numbers):
        said += f" ({len(data.drawn):,} lines are drawn)"
    if data.left_out:
        said += f"; {plural(data.left_out, 'less important parameter')} without an axis"
    return f"{said}."


def tabulate_parallel_coordinates(data: ParallelCoordinates) -> Table:
    """Trial, its value, and the parameters that have an axis (empty: inactive)."""
    rows: list[list[Cell]] = [
        [
            data.numbers[line],
            rounded(data.values[line]),
            *(column.values[line] for column in data.columns[:-1]),
        ]
        for line in range(len(data.numbers))
    ]
    names = [column.name for column in data.columns[:-1]]
    return Table(["trial", data.metric, *names], rows)
