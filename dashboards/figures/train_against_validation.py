"""Every trial's validation value against its train value; off the diagonal is the gap."""

from typing import NamedTuple

import plotly.graph_objects as go

from dashboards.figures.decimation import choose_points, share_marks
from dashboards.figures.figure import Cell, Table, Waiting
from dashboards.figures.frame import StudyFrame
from dashboards.figures.paper import (
    BEST,
    GREY,
    VERDICT_MARKS,
    axis,
    label,
    marker_of,
    needs_log,
    number,
    plural,
    rounded,
    sheet,
)


class Cloud(NamedTuple):
    """The trials of one verdict."""

    verdict: str
    train: list[float]
    validation: list[float]
    numbers: list[int]


class TrainAgainstValidation(NamedTuple):
    """Clouds by verdict, the diagonal's ends, and the best trial's point."""

    metric: str
    unit: str
    minimize: bool
    has_zero: bool
    log: bool
    clouds: list[Cloud]
    diagonal: tuple[float, float]
    best: tuple[int, float, float] | None
    counts: list[tuple[str, int]]


def prepare_train_against_validation(frame: StudyFrame) -> TrainAgainstValidation | Waiting:
    """Trials that have both values at their best epoch."""
    trials = frame.trials
    by_verdict: dict[str, list[int]] = {}
    for position in range(len(trials)):
        if trials.train[position] is not None and trials.validation[position] is not None:
            by_verdict.setdefault(trials.verdict[position] or "", []).append(position)
    if not by_verdict:
        return Waiting("Waiting for the first trial to end.", "No trial ended with a value.")
    found = [verdict for verdict in VERDICT_MARKS if verdict in by_verdict]
    limits = share_marks([len(by_verdict[verdict]) for verdict in found])
    clouds = [
        _cloud(frame, verdict, by_verdict[verdict], limit)
        for verdict, limit in zip(found, limits, strict=True)
    ]
    values = [value for cloud in clouds for value in cloud.train + cloud.validation]
    best = frame.best
    point = None
    if best is not None:
        left, right = trials.train[best], trials.validation[best]
        if left is not None and right is not None:
            point = (trials.number[best], left, right)
    return TrainAgainstValidation(
        metric=frame.study.metric,
        unit=frame.study.unit,
        minimize=frame.study.minimize,
        has_zero=frame.study.has_zero,
        log=needs_log(values),
        clouds=clouds,
        diagonal=(min(values), max(values)),
        best=point,
        counts=[(VERDICT_MARKS[verdict].label, len(by_verdict[verdict])) for verdict in found],
    )


def _cloud(frame: StudyFrame, verdict: str, inside: list[int], limit: int) -> Cloud:
    trials = frame.trials
    chosen = choose_points([trials.validation[position] for position in inside], limit)
    cloud = Cloud(verdict, [], [], [])
    for position in (inside[i] for i in chosen):
        left, right = trials.train[position], trials.validation[position]
        assert left is not None and right is not None
        cloud.train.append(left)
        cloud.validation.append(right)
        cloud.numbers.append(trials.number[position])
    return cloud


def draw_train_against_validation(data: TrainAgainstValidation) -> go.Figure:
    """Points by verdict, the diagonal dotted, the best one ringed."""
    figure = sheet(height=420)
    figure.add_scatter(
        x=list(data.diagonal),
        y=list(data.diagonal),
        name="no gap",
        mode="lines",
        line={"color": GREY, "width": 1.5, "dash": "dot"},
        hoverinfo="skip",
    )
    for cloud in data.clouds:
        mark = VERDICT_MARKS[cloud.verdict]
        figure.add_scatter(
            x=cloud.train,
            y=cloud.validation,
            name=mark.label,
            mode="markers",
            marker=marker_of(mark, 9),
            customdata=[[trial] for trial in cloud.numbers],
            hovertemplate="trial %{customdata[0]}<br>train %{x:.4g}<br>validation %{y:.4g}"
            "<extra>%{fullData.name}</extra>",
            meta={"trials": True},
        )
    if data.best is not None:
        trial, left, right = data.best
        figure.add_scatter(
            x=[left],
            y=[right],
            name=f"best: trial {trial}",
            mode="markers",
            marker={"color": BEST, "symbol": "circle-open", "size": 17, "line": {"width": 3}},
            hoverinfo="skip",
        )
    figure.update_xaxes(axis(label(f"{data.metric} on train", data.unit), log=data.log))
    figure.update_yaxes(axis(label(f"{data.metric} on validation", data.unit), log=data.log))
    return figure


def summarise_train_against_validation(data: TrainAgainstValidation) -> str:
    """One sentence: the verdicts, and the best trial's gap."""
    total = sum(count for _, count in data.counts)
    verdicts = ", ".join(f"{count:,} {name}" for name, count in data.counts)
    sentence = f"{plural(total, 'trial')}: {verdicts}"
    if data.best is None:
        return f"{sentence}."
    trial, left, right = data.best
    worse = right - left if data.minimize else left - right
    side = "worse" if worse >= 0 else "better"
    if data.has_zero and left > 0:
        gap = f"{abs(100 * worse / left):.1f} % {side}"
    else:  # no share of a number whose zero says nothing
        gap = f"{number(abs(worse))} {data.unit}".rstrip() + f" {side} in {data.metric}"
    return f"{sentence}; the best, trial {trial}, is {gap} on validation than on train."


def tabulate_train_against_validation(data: TrainAgainstValidation) -> Table:
    """Trial, verdict, train, validation."""
    rows: list[list[Cell]] = []
    for cloud in data.clouds:
        name = VERDICT_MARKS[cloud.verdict].label
        for trial, left, right in zip(cloud.numbers, cloud.train, cloud.validation, strict=True):
            rows.append([trial, name, rounded(left), rounded(right)])
    rows.sort(key=lambda row: int(row[0] or 0))
    metric = label(data.metric, data.unit)
    return Table(["trial", "verdict", f"train {metric}", f"validation {metric}"], rows)
