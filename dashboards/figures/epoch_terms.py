"""Everything else that a trial reports by epoch: loss terms, learning rate, gradient norm."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import plotly.graph_objects as go

from dashboards.figures.decimation import MAX_POINTS, choose_points
from dashboards.figures.figure import Cell, Table, Waiting
from dashboards.figures.frame import StudyFrame
from dashboards.figures.panels import lay_out
from dashboards.figures.paper import (
    BEST,
    GOLD,
    PURPLE,
    TRAIN,
    VALIDATION,
    axis,
    epoch_axis,
    escape,
    needs_log,
    number,
    rounded,
    sheet,
)
from service.domain.records import EpochReport
from service.domain.trials import is_metric

MAX_TERMS = 12
RAW = "_raw"
FIRST = ("loss", "reconstruction", "kl")
UNITS = {
    "loss": "as trained",
    "reconstruction": "its part of the loss",
    "active_units": "count",
    "mse_raw": "raw units, squared",
    "mae_raw": "raw units",
}
"""Of what is no metric of the catalog."""


class Line(NamedTuple):
    """One line of a panel."""

    name: str
    color: str
    dash: str
    y: list[float | None]


class Term(NamedTuple):
    """One panel."""

    title: str
    log: bool
    lines: list[Line]


class EpochTerms(NamedTuple):
    """Panels over the same epochs."""

    trial: int
    epochs: list[int]
    terms: list[Term]
    left_out: list[str]
    """Names of terms that have no panel."""


def prepare_loss_terms(frame: StudyFrame) -> EpochTerms | Waiting:
    """Every reported quantity but the objective itself, train and validation."""
    reports = _reports(frame)
    if isinstance(reports, Waiting):
        return reports
    reported = {name for report in reports for name in (*report.train, *report.validation)}
    units = frame.study.units
    named = [name for name in reported if is_metric(name) and name != frame.study.metric]
    names = sorted(named, key=lambda name: _place(name, units))
    terms = []
    for name in names:
        train = [report.train.get(name) for report in reports]
        validation = [report.validation.get(name) for report in reports]
        lines = [
            Line(part, color, dash, values)
            for part, color, dash, values in (
                ("train", TRAIN, "dash", train),
                ("validation", VALIDATION, "solid", validation),
            )
            if any(value is not None for value in values)
        ]
        said = units.get(name) or UNITS.get(name)
        unit = f" ({said})" if said else ""
        if lines:
            terms.append(Term(f"{name}{unit}", needs_log(train + validation), lines))
    return _epoch_terms(frame, reports, terms)


def _place(name: str, units: Mapping[str, str]) -> tuple[int, str]:
    """What is trained by comes first: the loss, its parts, the players' scores; then metrics."""
    if name in FIRST:
        return FIRST.index(name), name
    if name.endswith(RAW):
        return len(FIRST) + 2, name
    return len(FIRST) + (1 if name in units else 0), name


def prepare_training_signals(frame: StudyFrame) -> EpochTerms | Waiting:
    """Learning rate, gradient norm before clipping, effective beta."""
    reports = _reports(frame)
    if isinstance(reports, Waiting):
        return reports
    signals: tuple[tuple[str, str, Callable[[EpochReport], float | None]], ...] = (
        ("learning rate (per step)", GOLD, lambda report: report.learning_rate),
        ("gradient norm (before clipping)", PURPLE, lambda report: report.gradient_norm),
        ("effective beta (weight of KL)", BEST, lambda report: report.effective_beta),
    )
    terms = []
    for title, color, read in signals:
        values = [read(report) for report in reports]
        if any(value is not None for value in values):
            name = title.split(" (")[0]
            terms.append(Term(title, needs_log(values), [Line(name, color, "solid", values)]))
    return _epoch_terms(frame, reports, terms)


def _reports(frame: StudyFrame) -> list[EpochReport] | Waiting:
    if frame.trial is None or not frame.trial.reports:
        return Waiting("Waiting for this trial's first epoch to end.")
    return list(frame.trial.reports)


def _epoch_terms(
    frame: StudyFrame, reports: list[EpochReport], terms: list[Term]
) -> EpochTerms | Waiting:
    assert frame.trial is not None
    if not terms:
        if any(value is None for report in reports for value in report.train.values()):
            return Waiting("This trial diverged: none of its numbers was finite at any epoch.")
        return Waiting("This trial reports nothing beside the objective.")
    left_out = [term.title.split(" (")[0] for term in terms[MAX_TERMS:]]
    kept = choose_points([terms[0].lines[0].y[i] for i in range(len(reports))], MAX_POINTS)
    thinned = [
        term._replace(lines=[line._replace(y=[line.y[i] for i in kept]) for line in term.lines])
        for term in terms[:MAX_TERMS]
    ]
    return EpochTerms(frame.trial.number, [reports[i].epoch for i in kept], thinned, left_out)


def draw_epoch_terms(data: EpochTerms) -> go.Figure:
    """A panel a term."""
    figure = sheet()
    named: set[str] = set()
    for index, term in enumerate(data.terms):
        x_axis, y_axis = lay_out(figure, index, len(data.terms))
        for line in term.lines:
            figure.add_scatter(
                x=data.epochs,
                y=line.y,
                xaxis=x_axis,
                yaxis=y_axis,
                name=escape(line.name),
                legendgroup=line.name,
                showlegend=line.name not in named,
                mode="lines",
                line={"color": line.color, "width": 2, "dash": line.dash},
                hovertemplate="epoch %{x}: %{y:.4g}<extra>%{fullData.name}</extra>",
            )
            named.add(line.name)
        figure.layout[f"xaxis{x_axis[1:]}"].update(epoch_axis(data.epochs[-1], "epoch (passes)"))
        figure.layout[f"yaxis{y_axis[1:]}"].update(axis(escape(term.title), log=term.log))
    return figure


def summarise_epoch_terms(data: EpochTerms) -> str:
    """One sentence: the last value of every term."""
    parts = []
    for term in data.terms:
        last = [value for value in term.lines[-1].y if value is not None]
        if last:
            parts.append(f"{term.title.split(' (')[0]} {number(last[-1])}")
    sentence = f"At epoch {data.epochs[-1]} of trial {data.trial}: {', '.join(parts)}"
    if data.left_out:
        sentence += f"; {len(data.left_out)} more are not drawn: {', '.join(data.left_out)}"
    return f"{sentence}."


def tabulate_epoch_terms(data: EpochTerms) -> Table:
    """Epoch, then a column a line."""
    columns = ["epoch"]
    series: list[list[float | None]] = []
    for term in data.terms:
        for line in term.lines:
            alone = len(term.lines) == 1
            columns.append(term.title if alone else f"{line.name} {term.title}")
            series.append(line.y)
    rows: list[list[Cell]] = [
        [epoch, *(rounded(values[i]) for values in series)] for i, epoch in enumerate(data.epochs)
    ]
    return Table(columns, rows)
