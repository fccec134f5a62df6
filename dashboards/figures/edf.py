"""The distribution of results: which share of the trials is at least as good as a value."""

import math
import statistics
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import NamedTuple

import plotly.graph_objects as go

from dashboards.figures.aims import Axis
from dashboards.figures.decimation import MAX_POINTS, spread
from dashboards.figures.figure import Cell, Table, Waiting
from dashboards.figures.frame import StudyFrame
from dashboards.figures.panels import lay_out
from dashboards.figures.paper import (
    BEST,
    BLUE,
    GREY,
    TEAL,
    axis,
    needs_log,
    number,
    plural,
    rounded,
    sheet,
    unsquashed_range,
)
from service.domain.states import TrialState

FEWEST_PER_QUARTER = 5
CLEAR = 2.0
"""Standard deviations of the rank statistic from which on quarters are said to differ."""
PRUNED_APART = 1.0
"""Standard errors between the shares of pruned trials."""
STEPS = 400
"""Points of a line; every trial of a small study."""


class Steps(NamedTuple):
    """One distribution, from the best value to the worst."""

    name: str
    values: list[float]
    shares: list[float]
    """Of the trials that are at least as good, of 1."""
    numbers: list[int]
    median: float
    trials: int


class EdfPanel(NamedTuple):
    """One objective."""

    objective: Axis
    log: bool
    x_range: list[float] | None
    every: Steps
    first: Steps | None
    """The first quarter of the trials by number; None: too few trials."""
    last: Steps | None
    shift: float | None
    """Rank statistic of last against first in its standard deviations; positive is better."""
    best: tuple[int, float]
    """Trial and value."""
    survivors: bool
    """More was pruned among the trials of one quarter than of the other, beyond chance."""


class Edf(NamedTuple):
    """A panel an objective, and who is not among the trials."""

    panels: list[EdfPanel]
    left_out: list[str]
    """`12 pruned`, `3 that break a constraint`."""


def prepare_edf(frame: StudyFrame) -> Edf | Waiting:
    """Complete trials that keep the constraints, with a finite value.

    Pruned trials are left out: what they carried is of fewer epochs, and no result.
    """
    trials, aims = frame.trials, frame.study.aims
    complete = [
        position
        for position in range(len(trials))
        if trials.state[position] == TrialState.COMPLETE.value
    ]
    kept = [position for position in complete if trials.feasible[position] is not False]
    panels = [
        panel
        for index, objective in enumerate(aims.objectives)
        if (panel := _panel(frame, objective, kept, index)) is not None
    ]
    if not panels:
        never = "No trial was completed with a value"
        return Waiting(
            "Waiting for the first complete trial.",
            f"{never} that keeps the constraints." if aims.constraints else f"{never}.",
        )
    pruned = trials.state.count(TrialState.PRUNED.value)
    broken = len(complete) - len(kept)
    left_out = [f"{pruned:,} pruned"] if pruned else []
    if broken:
        left_out.append(f"{broken:,} that {'breaks' if broken == 1 else 'break'} a constraint")
    return Edf(panels, left_out)


def _panel(
    frame: StudyFrame, objective: Axis, positions: Sequence[int], index: int
) -> EdfPanel | None:
    trials = frame.trials
    found: list[tuple[int, float]] = []
    for position in positions:
        trial = trials.number[position]
        value = trials.value[position] if index == 0 else None
        if frame.study.aims.is_pareto:
            value = frame.scores.get(trial, {}).get(objective.name)
        if value is not None and math.isfinite(value):
            found.append((trial, value))
    if not found:
        return None
    values = [value for _, value in found]
    quarter = len(found) // 4
    first = last = shift = None
    survivors = False
    if quarter >= FEWEST_PER_QUARTER:
        first = _steps("first quarter", objective, found[:quarter])
        last = _steps("last quarter", objective, found[-quarter:])
        shift = _shift(
            [objective.loss(value) for _, value in found[:quarter]],
            [objective.loss(value) for _, value in found[-quarter:]],
        )
        survivors = _pruned_apart(frame, found[quarter - 1][0], found[-quarter][0])
    log = needs_log(values)
    return EdfPanel(
        objective=objective,
        log=log,
        x_range=None if log else unsquashed_range(values, minimize=objective.minimize),
        every=_steps("every complete trial", objective, found),
        first=first,
        last=last,
        shift=shift,
        best=min(found, key=lambda pair: (objective.loss(pair[1]), pair[0])),
        survivors=survivors,
    )


def _pruned_apart(frame: StudyFrame, end: int, start: int) -> bool:
    """Whether trials up to `end` and from `start` on differ in the share that was pruned.

    Told earlier than a shift is: a share that cannot be ruled out makes survivors of the rest.
    """
    trials = frame.trials
    counts = []
    for inside in (range(end + 1), range(start, max(trials.number) + 1)):
        states = [
            state for n, state in zip(trials.number, trials.state, strict=True) if n in inside
        ]
        pruned = states.count(TrialState.PRUNED.value)
        counts.append((pruned, pruned + states.count(TrialState.COMPLETE.value)))
    (one, of_one), (other, of_other) = counts
    mean = (one + other) / (of_one + of_other)
    error = math.sqrt(mean * (1 - mean) * (1 / of_one + 1 / of_other))
    return error > 0 and abs(one / of_one - other / of_other) > PRUNED_APART * error


def _steps(name: str, objective: Axis, found: Sequence[tuple[int, float]]) -> Steps:
    ordered = sorted(found, key=lambda pair: (objective.loss(pair[1]), pair[0]))
    count = len(ordered)
    chosen = spread(count, min(STEPS, MAX_POINTS))
    return Steps(
        name=name,
        values=[ordered[i][1] for i in chosen],
        shares=[(i + 1) / count for i in chosen],
        numbers=[ordered[i][0] for i in chosen],
        median=statistics.median(value for _, value in ordered),
        trials=count,
    )


def _shift(first: list[float], last: list[float]) -> float:
    """The Mann-Whitney statistic of losses, standardised; positive where `last` is smaller."""
    ordered = sorted(first)
    wins = sum(
        len(ordered) - (bisect_left(ordered, loss) + bisect_right(ordered, loss)) / 2
        for loss in last
    )
    pairs = len(first) * len(last)
    return (wins - pairs / 2) / math.sqrt(pairs * (len(first) + len(last) + 1) / 12)


def draw_edf(data: Edf) -> go.Figure:
    """Steps of all trials and of both quarters; the best and the median marked by shape."""
    single = len(data.panels) == 1
    figure = sheet(height=400)
    for index, panel in enumerate(data.panels):
        x_axis, y_axis = "x", "y"
        if not single:
            x_axis, y_axis = lay_out(figure, index, len(data.panels))
        place = {"xaxis": x_axis, "yaxis": y_axis, "showlegend": index == 0}
        lines = ((panel.every, BLUE, "solid", 2.5), (panel.first, GREY, "dot", 2.0),
                 (panel.last, TEAL, "dash", 2.0))  # fmt: skip
        for steps, color, dash, width in lines:
            if steps is None:
                continue
            sides = steps.values, [100 * part for part in steps.shares]
            figure.add_scatter(
                x=sides[0],
                y=sides[1],
                name=f"{steps.name} ({steps.trials:,})" if single else steps.name,
                mode="lines+markers" if len(steps.values) == 1 else "lines",
                line={"color": color, "dash": dash, "width": width, "shape": "hv"},
                customdata=[[trial] for trial in steps.numbers],
                hovertemplate="%{y:.0f} % of the trials are at %{x:.4g} or better, "
                "trial %{customdata[0]}<extra>%{fullData.name}</extra>",
                meta={"trials": True},
                **place,
            )
        trial, best = panel.best
        marks = (
            (f"best: trial {trial}" if single else "best", best, 100 / panel.every.trials,
             "star", [[trial]]),
            ("median", panel.every.median, 50.0, "diamond", None),
        )  # fmt: skip
        for name, x, y, symbol, point in marks:
            figure.add_scatter(
                x=[x],
                y=[y],
                name=name,
                mode="markers",
                marker={"color": BEST, "symbol": symbol, "size": 13},
                customdata=point,
                hovertemplate="%{fullData.name}: %{x:.4g}<extra></extra>",
                meta={"trials": point is not None},
                **place,
            )
        objective = panel.objective
        title = objective.title.replace(objective.name, f"{objective.name} on validation", 1)
        figure.layout[f"xaxis{x_axis[1:]}"].update(axis(title, log=panel.log))
        if panel.x_range is not None:
            figure.layout[f"xaxis{x_axis[1:]}"].update(range=panel.x_range)
        figure.layout[f"yaxis{y_axis[1:]}"].update(
            axis("at least as good (% of trials)", range=[0, 104])
        )
    return figure


def summarise_edf(data: Edf) -> str:
    """One sentence: the median against the best, and whether the last quarter is better."""
    parts = [_say(panel, named=len(data.panels) > 1) for panel in data.panels]
    left_out = f" (left out: {' and '.join(data.left_out)})" if data.left_out else ""
    trials = max(panel.every.trials for panel in data.panels)
    return f"{plural(trials, 'complete trial')}{left_out}: {'; '.join(parts)}."


def _say(panel: EdfPanel, named: bool) -> str:
    start = f"{panel.objective.name}: " if named else ""
    trial, best = panel.best
    if panel.every.trials == 1:
        return f"{start}trial {trial} has {number(best)}, and one trial makes no distribution"
    said = f"{start}the median is {number(panel.every.median)}, "
    said += f"the best {number(best)} (trial {trial})"
    if panel.first is None or panel.last is None or panel.shift is None:
        return f"{said}; too few to compare the first quarter with the last"
    said += (
        f"; the median of the last quarter is {number(panel.last.median)} against "
        f"{number(panel.first.median)} in the first"
    )
    if abs(panel.shift) < CLEAR:
        return f"{said}, which may be chance"
    if panel.survivors:
        return (
            f"{said}, but not as many were pruned in both: what completes may just be what is left"
        )
    return f"{said}: the search moves to {'better' if panel.shift > 0 else 'worse'} values"


def tabulate_edf(data: Edf) -> Table:
    """Every step of the line of all trials: objective, trial, value, share."""
    rows: list[list[Cell]] = [
        [panel.objective.name, trial, rounded(value), rounded(100 * part)]
        for panel in data.panels
        for trial, value, part in zip(
            panel.every.numbers, panel.every.values, panel.every.shares, strict=True
        )
    ]
    return Table(["objective", "trial", "value on validation", "at least as good (%)"], rows)
