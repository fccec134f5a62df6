"""Learning curves of all trials, with the best highlighted."""

from collections.abc import Sequence
from typing import NamedTuple

import plotly.graph_objects as go

from dashboards.figures.decimation import MAX_POINTS, choose_points, is_whole, spread
from dashboards.figures.figure import Cell, Table, Waiting
from dashboards.figures.frame import CurveColumns, StudyFrame
from dashboards.figures.paper import (
    BEST,
    STATE_DASHES,
    STATE_MARKS,
    axis,
    epoch_axis,
    label,
    needs_log,
    number,
    plural,
    rounded,
    sheet,
    unsquashed_range,
)

POINTS_PER_CURVE = 120
"""Of a curve in the background; the best one has up to MAX_POINTS."""
CURVES_PER_STATE = 60


class Bundle(NamedTuple):
    """Curves of one state in one trace, parted by None."""

    state: str
    x: list[float | None]
    y: list[float | None]
    numbers: list[int | None]


class LearningCurves(NamedTuple):
    """What is drawn: bundles by state, and the best trial's curve on top."""

    y_title: str
    log: bool
    y_range: list[float] | None
    bundles: list[Bundle]
    best_number: int | None
    best_state: str
    best_x: list[int]
    best_y: list[float | None]
    best_epoch: int | None
    best_value: str
    """Of the curve, at `best_epoch`; with the metric's name where it is not the objective."""
    last_epoch: int
    shown: int
    available: int


def choose_trials(frame: StudyFrame) -> list[int]:
    """Numbers of the trials whose curves are worth loading: of each state the best, the worst and
    evenly spaced ranks between, at most CURVES_PER_STATE."""
    trials = frame.trials
    chosen: list[int] = []
    for state in STATE_MARKS:
        inside = [
            position
            for position in range(len(trials))
            if trials.state[position] == state and trials.epochs[position] > 0
        ]
        sign = frame.study.aims.objectives[0].loss(1.0)
        inside.sort(
            key=lambda position: (
                trials.value[position] is None,
                sign * (trials.value[position] or 0.0),
                position,
            )
        )
        picked = [inside[i] for i in spread(len(inside), CURVES_PER_STATE)]
        chosen += [trials.number[position] for position in picked]
    return sorted(chosen)


def prepare_learning_curves(frame: StudyFrame) -> LearningCurves | Waiting:
    """Bundles within MAX_POINTS per state; at least the best and the worst of each are there."""
    trials = frame.trials
    numbers = [trial for trial in choose_trials(frame) if trial in frame.curves]
    if not numbers:
        return Waiting("Waiting for the first epoch to end.", "No epoch was trained.")
    position_of = {trial: position for position, trial in enumerate(trials.number)}
    best = frame.best
    best_number = trials.number[best] if best is not None else None
    best_curve = frame.curves.get(best_number) if best_number is not None else None
    by_state: dict[str, list[int]] = {}
    for trial in numbers:
        if trial != best_number:
            by_state.setdefault(trials.state[position_of[trial]], []).append(trial)
    bundles = [_bundle(frame, state, by_state[state]) for state in STATE_MARKS if state in by_state]
    best_x = list(best_curve.epochs) if best_curve else []
    best_y = list(best_curve.validation) if best_curve else []
    kept = choose_points(best_y, MAX_POINTS)
    values = [value for bundle in bundles for value in bundle.y] + best_y
    log = needs_log(values)
    return LearningCurves(
        y_title=label(f"{frame.study.metric} on validation", frame.study.unit),
        log=log,
        y_range=None if log else unsquashed_range(values, minimize=frame.study.minimize),
        bundles=bundles,
        best_number=best_number,
        best_state=trials.state[best] if best is not None else "",
        best_x=[best_x[i] for i in kept],
        best_y=[best_y[i] for i in kept],
        best_epoch=trials.best_epoch[best] if best is not None else None,
        best_value=_say_best(frame, best_curve),
        last_epoch=max(frame.curves[trial].epochs[-1] for trial in numbers),
        shown=len(numbers),
        available=sum(epochs > 0 for epochs in trials.epochs),
    )


def _say_best(frame: StudyFrame, curve: CurveColumns | None) -> str:
    if frame.best is None or curve is None:
        return ""
    by_epoch = dict(zip(curve.epochs, curve.validation, strict=True))
    said = number(by_epoch.get(frame.trials.best_epoch[frame.best] or 0))
    objectives = [objective.name for objective in frame.study.aims.objectives]
    return said if frame.study.metric == objectives[0] else f"{frame.study.metric} {said}"


def _bundle(frame: StudyFrame, state: str, numbers: Sequence[int]) -> Bundle:
    per_curve = max(2, min(POINTS_PER_CURVE, MAX_POINTS // len(numbers) - 1))
    bundle = Bundle(state, [], [], [])
    for trial in numbers:
        curve = frame.curves[trial]
        for i in _outline(curve.validation, per_curve):
            bundle.x.append(curve.epochs[i])
            bundle.y.append(curve.validation[i])
            bundle.numbers.append(trial)
        bundle.x.append(None)
        bundle.y.append(None)
        bundle.numbers.append(None)
    return bundle


def _outline(values: Sequence[float | None], limit: int) -> list[int]:
    """`choose_points` needs room for ends and extremes; very short outlines are spread evenly."""
    return choose_points(values, limit) if limit >= 8 else spread(len(values), limit)


def draw_learning_curves(data: LearningCurves) -> go.Figure:
    """Thin lines by state, a thick one for the best."""
    figure = sheet(height=420)
    for bundle in data.bundles:
        mark = STATE_MARKS[bundle.state]
        figure.add_scatter(
            x=bundle.x,
            y=bundle.y,
            name=mark.label,
            mode="lines",
            opacity=0.6,
            line={
                "color": mark.color,
                "width": 1.3,
                "dash": STATE_DASHES.get(bundle.state, "solid"),
            },
            customdata=[[trial] for trial in bundle.numbers],
            hovertemplate="trial %{customdata[0]}, epoch %{x}: %{y:.4g}"
            "<extra>%{fullData.name}</extra>",
            meta={"trials": True},
        )
    if data.best_x:
        figure.add_scatter(
            x=data.best_x,
            y=data.best_y,
            name=f"best: trial {data.best_number}",
            mode="lines",
            line={"color": BEST, "width": 3},
            customdata=[[data.best_number]] * len(data.best_x),
            hovertemplate="trial %{customdata[0]}, epoch %{x}: %{y:.4g}<extra>best</extra>",
            meta={"trials": True},
        )
    figure.update_xaxes(epoch_axis(data.last_epoch))
    figure.update_yaxes(axis(data.y_title, log=data.log))
    if data.y_range is not None:
        figure.update_yaxes(range=data.y_range)
    return figure


def summarise_learning_curves(data: LearningCurves) -> str:
    """One sentence: how many curves, and where the best one is at its best."""
    shown = plural(data.shown, "curve")
    if data.shown < data.available:
        shown += f" of {data.available:,}, evenly chosen by rank"
    if data.best_number is None or not data.best_x:
        return f"{shown}; none is eligible for best."
    sentence = f"{shown}; the best, trial {data.best_number}, reaches {data.best_value}"
    if data.best_epoch is not None:
        sentence += f" at epoch {data.best_epoch} of {max(data.best_x)}"
    return f"{sentence}."


def tabulate_learning_curves(data: LearningCurves) -> Table:
    """The best trial's curve, epoch by epoch; in a file those of all trials that are drawn."""
    if is_whole():
        return Table(["trial", "state", "epoch", "value"], _rows_of_all(data))
    rows: list[list[Cell]] = [
        [epoch, rounded(value)] for epoch, value in zip(data.best_x, data.best_y, strict=True)
    ]
    return Table(["epoch", f"trial {data.best_number}: {data.y_title}"], rows)


def _rows_of_all(data: LearningCurves) -> list[list[Cell]]:
    """By trial, then by epoch; bundles part their curves by None."""
    found = [
        (trial, bundle.state, int(epoch), value)
        for bundle in data.bundles
        for trial, epoch, value in zip(bundle.numbers, bundle.x, bundle.y, strict=True)
        if trial is not None and epoch is not None
    ]
    if data.best_number is not None:
        found += [
            (data.best_number, data.best_state, epoch, value)
            for epoch, value in zip(data.best_x, data.best_y, strict=True)
        ]
    found.sort(key=lambda row: (row[0], row[2]))
    return [[trial, state, epoch, rounded(value)] for trial, state, epoch, value in found]
