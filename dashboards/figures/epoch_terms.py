"""Everything else that a trial reports by epoch: loss terms, learning rate, gradient norm."""

from collections.abc import Callable
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
UNITS = {
    "loss": "as trained",
    "reconstruction": "its part of the loss",
    "kl": "nats",
    "elbo": "nats",
    "active_units": "count",
    "mse": "scaled data, squared",
    "mae": "scaled data",
    "mse_raw": "raw units, squared",
    "mae_raw": "raw units",
}


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


def prepare_loss_terms(frame: StudyFrame) -> EpochTerms | Waiting:
    """Every reported quantity but the objective itself, train and validation."""
    reports = _reports(frame)
    if isinstance(reports, Waiting):
        return reports
    reported = {name for report in reports for name in (*report.train, *report.validation)}
    names = sorted(name for name in reported if is_metric(name))
    first = [name for name in ("loss", "reconstruction", "kl") if name in names]
    names = [*first, *(name for name in names if name not in first)]
    terms = []
    for name in [name for name in names if name != frame.study.metric][:MAX_TERMS]:
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
        unit = f" ({UNITS[name]})" if name in UNITS else ""
        terms.append(Term(f"{name}{unit}", needs_log(train + validation), lines))
    return _epoch_terms(frame, reports, terms)


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
        return Waiting("This trial reports nothing beside the objective.")
    kept = choose_points([terms[0].lines[0].y[i] for i in range(len(reports))], MAX_POINTS)
    thinned = [
        term._replace(lines=[line._replace(y=[line.y[i] for i in kept]) for line in term.lines])
        for term in terms
    ]
    return EpochTerms(frame.trial.number, [reports[i].epoch for i in kept], thinned)


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
    return f"At epoch {data.epochs[-1]} of trial {data.trial}: {', '.join(parts)}."


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
