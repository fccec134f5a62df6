"""Which columns of a table come out wrong: the mean error of each, worst first."""

from typing import NamedTuple

import plotly.graph_objects as go

from dashboards.figures.figure import Cell, Table
from dashboards.figures.frame import Evidence, Picture
from dashboards.figures.paper import (
    BLUE,
    ORANGE,
    axis,
    escape,
    number,
    plural,
    rounded,
    share,
    sheet,
)

MAX_COLUMNS = 30
BAR = 24
NAME_LENGTH = 28
KINDS = {"numeric": (BLUE, ""), "categorical": (ORANGE, "/")}
"""Colour and pattern, so that they differ by more than colour."""


class ColumnError(NamedTuple):
    """One column: its squared error, a mean over the numbers that it takes in a sample."""

    name: str
    kind: str
    width: int
    error: float
    share: float
    """Of the error of all samples and numbers."""


class ColumnErrors(NamedTuple):
    """What is drawn, largest error first."""

    trial: int
    columns: list[ColumnError]
    mean: float
    """Over all numbers of a sample."""


def read_column_errors(trial: int, evidence: Evidence, errors: Picture) -> ColumnErrors:
    """The errors [features] gathered by column; `evidence` is of a table."""
    flat = errors.ravel()
    total = float(flat.sum())
    columns = []
    for column in evidence.table:
        part = flat[column.start : column.start + column.width]
        portion = float(part.sum()) / total if total > 0 else 0.0
        columns.append(
            ColumnError(column.name, column.kind, column.width, float(part.mean()), portion)
        )
    columns.sort(key=lambda column: -column.error)
    return ColumnErrors(trial, columns, float(flat.mean()))


def draw_column_errors(data: ColumnErrors) -> go.Figure:
    """Bars that lie, the worst column on top; categories are hatched."""
    shown = data.columns[:MAX_COLUMNS]
    figure = sheet(height=150 + BAR * len(shown), bargap=0.25)
    for kind, (color, pattern) in KINDS.items():
        chosen = [place for place, column in enumerate(shown) if column.kind == kind]
        if not chosen:
            continue
        figure.add_bar(
            x=[shown[place].error for place in chosen],
            y=chosen,
            orientation="h",
            name=kind,
            showlegend=True,
            marker={"color": color, "pattern": {"shape": pattern}},
            customdata=[[escape(shown[p].name), share(shown[p].share)] for p in chosen],
            hovertemplate="%{customdata[0]}: %{x:.4g}, %{customdata[1]} of the whole error"
            "<extra>%{fullData.name}</extra>",
        )
    figure.update_xaxes(
        axis("squared error, scaled data (mean over validation)", rangemode="tozero")
    )
    names = [escape(_short(column.name)) for column in shown]
    figure.update_yaxes(
        axis("column", autorange="reversed", tickvals=list(range(len(shown))), ticktext=names)
    )
    return figure


def _short(name: str) -> str:
    return name if len(name) <= NAME_LENGTH else f"{name[: NAME_LENGTH - 1]}…"


def summarise_column_errors(data: ColumnErrors) -> str:
    """One sentence: which columns come out worst, and which best."""
    worst, best = data.columns[0], data.columns[-1]
    sentence = (
        f"Trial {data.trial} errs most in {worst.name} ({number(worst.error)}, "
        f"{share(worst.share)} of the whole error) and least in {best.name} "
        f"({number(best.error)}); the mean over all numbers is {number(data.mean)} "
        "(squared error, scaled data)"
    )
    left = len(data.columns) - MAX_COLUMNS
    if left > 0:
        sentence += f"; {plural(left, 'column')} with smaller errors are left out of the drawing"
    return f"{sentence}."


def tabulate_column_errors(data: ColumnErrors) -> Table:
    """Column, its kind, its error and its share of the whole, worst first."""
    rows: list[list[Cell]] = [
        [column.name, column.kind, rounded(column.error), rounded(column.share)]
        for column in data.columns
    ]
    return Table(["column", "kind", "squared error, scaled data", "share of the whole"], rows)
