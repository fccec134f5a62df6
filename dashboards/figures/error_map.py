"""Where a trial errs: the mean error of each pixel, column or position over validation."""

from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go

from dashboards.figures.column_errors import (
    ColumnErrors,
    draw_column_errors,
    read_column_errors,
    summarise_column_errors,
    tabulate_column_errors,
)
from dashboards.figures.decimation import spread
from dashboards.figures.figure import Cell, Table, Waiting, no_evidence
from dashboards.figures.frame import Picture, StudyFrame
from dashboards.figures.paper import VALIDATION, axis, escape, number, rounded, share, sheet
from dashboards.figures.pictures import HEAT, as_images, is_image

MAX_SIDE = 96
MAX_BARS = 400


class ErrorMap(NamedTuple):
    """Errors in reading order; `grid` holds rows of an image, at most MAX_SIDE a side."""

    trial: int
    unit: str
    grid: list[list[float]]
    """Means of `block` x `block` pixels."""
    block: int
    rows: list[float]
    columns: list[float]
    """Where the middle of each block stands, in pixels."""
    places: list[str]
    values: list[float]
    mean: float
    top_share: float
    """Of the whole error, in the worst tenth of the places."""
    worst: str


def prepare_error_map(frame: StudyFrame) -> ErrorMap | ColumnErrors | Waiting:
    """The mean over the evaluated validation samples, at the best epoch."""
    facts = frame.trial
    evidence = facts.evidence if facts is not None else None
    errors = evidence.get("error_map/best") if evidence is not None else None
    if facts is None or evidence is None or errors is None:
        return no_evidence(frame, "its error by place", "a trial that ran to its end")
    if evidence.table:
        return read_column_errors(facts.number, evidence, errors)
    flat = errors.ravel()
    names = [evidence.place(index) for index in range(len(flat))]
    grid: list[list[float]] = []
    rows: list[float] = []
    columns: list[float] = []
    block = 1
    if is_image(evidence.shape):
        image = as_images(errors.reshape(1, -1), evidence.shape, whole=True)[0].mean(axis=2)
        block = -(-max(image.shape) // MAX_SIDE)
        rows, columns = (_middles(side, block) for side in image.shape)
        means = _means(_means(image, block).T, block).T
        grid = [[float(v) for v in row] for row in means]
    ordered = sorted((float(value) for value in flat), reverse=True)
    tenth = max(1, len(ordered) // 10)
    total = sum(ordered)
    return ErrorMap(
        trial=facts.number,
        unit="share of wrong tokens" if evidence.kind == "text" else "squared error, scaled data",
        grid=grid,
        block=block,
        rows=rows,
        columns=columns,
        places=names,
        values=[float(value) for value in flat],
        mean=total / len(ordered),
        top_share=sum(ordered[:tenth]) / total if total > 0 else 0.0,
        worst=names[int(flat.argmax())],
    )


def _middles(side: int, block: int) -> list[float]:
    starts = range(0, side, block)
    return [(start + min(start + block, side) - 1) / 2 for start in starts]


def _means(values: Picture, block: int) -> Picture:
    """Means of `block` rows after each other; the last may be of fewer."""
    starts = np.arange(0, len(values), block)
    counts = np.diff([*starts, len(values)])
    sums: Picture = np.add.reduceat(values, starts, axis=0) / counts[:, None]
    return sums


def draw_error_map(data: ErrorMap | ColumnErrors) -> go.Figure:
    """A heat map of an image, bars for everything else."""
    if isinstance(data, ColumnErrors):
        return draw_column_errors(data)
    figure = sheet(height=420, showlegend=False)
    if data.grid:
        scale = [[i / (len(HEAT) - 1), f"rgb({r:.0f},{g:.0f},{b:.0f})"]
                 for i, (r, g, b) in enumerate(HEAT)]  # fmt: skip
        figure.add_heatmap(
            z=data.grid,
            x=data.columns,
            y=data.rows,
            colorscale=scale,
            zmin=0,
            colorbar={"title": {"text": data.unit, "side": "right", "font": {"size": 12}}},
            hovertemplate="row %{y}, column %{x}: %{z:.4g}<extra></extra>",
        )
        figure.update_xaxes(axis("column (pixels)", constrain="domain"))
        figure.update_yaxes(
            axis("row (pixels)", autorange="reversed", scaleanchor="x", constrain="domain")
        )
        return figure
    kept = spread(len(data.values), MAX_BARS)
    figure.add_bar(
        x=kept,
        y=[data.values[i] for i in kept],
        marker={"color": VALIDATION},
        customdata=[[escape(data.places[i])] for i in kept],
        hovertemplate="%{customdata[0]}: %{y:.4g}<extra></extra>",
    )
    more: dict[str, Any] = {}
    if len(kept) <= 24:
        more = {"tickvals": kept, "ticktext": [escape(data.places[i][:18]) for i in kept]}
    figure.update_xaxes(axis("column or position", **more))
    figure.update_yaxes(axis(data.unit, rangemode="tozero"))
    return figure


def summarise_error_map(data: ErrorMap | ColumnErrors) -> str:
    """One sentence: how much of the error lies where."""
    if isinstance(data, ColumnErrors):
        return summarise_column_errors(data)
    worst = data.worst
    if data.block > 1:
        worst += f"; each square drawn is the mean of {data.block} x {data.block} pixels"
    return (
        f"Trial {data.trial} errs by {number(data.mean)} on average ({data.unit}); the worst tenth "
        f"of the places holds {share(data.top_share)} of it, the worst of all is {worst}."
    )


def tabulate_error_map(data: ErrorMap | ColumnErrors) -> Table:
    """Place and error."""
    if isinstance(data, ColumnErrors):
        return tabulate_column_errors(data)
    rows: list[list[Cell]] = [
        [place, rounded(value)] for place, value in zip(data.places, data.values, strict=True)
    ]
    return Table(["place", data.unit], rows)
