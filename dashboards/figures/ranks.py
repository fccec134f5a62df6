"""Trials in planes of two parameters, marked by the rank of their result: outliers do no harm."""

import math
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go

from dashboards.figures.basin import Numeric
from dashboards.figures.decimation import MAX_MARKS, choose_points
from dashboards.figures.figure import Cell, Table, Waiting
from dashboards.figures.frame import StudyFrame
from dashboards.figures.pairs import choose_pairs, column_of, numeric_entries
from dashboards.figures.panels import lay_out
from dashboards.figures.paper import (
    BEST,
    BLUE,
    GREY,
    TEAL,
    Mark,
    axis,
    escape,
    marker_of,
    plural,
    rounded,
    sheet,
)
from dashboards.figures.rank_correlation import exceeds_chance, spearman
from service.domain.states import TrialState

FEWEST = 8
PAIRS = 6
BANDS = (
    (0.1, Mark("best tenth", BEST, "star"), 12),
    (0.25, Mark("best quarter", BLUE, "circle"), 9),
    (0.5, Mark("best half", TEAL, "diamond-open"), 7),
    (1.0, Mark("worse half", GREY, "circle-open"), 6),
)
"""Shares of the trials by rank, each with its look: by shape and size as well as by colour."""


class RankPanel(NamedTuple):
    """One pair; `rows` are (x, y, trial, place among the bands, rank)."""

    x_name: str
    y_name: str
    x_log: bool
    y_log: bool
    rows: list[tuple[float, float, int, int, int]]


class Ranks(NamedTuple):
    """What is drawn, and the strongest rank correlation of a parameter with the loss."""

    metric: str
    ranked: int
    panels: list[RankPanel]
    strongest: tuple[str, float, int, bool] | None
    """Parameter, correlation with the loss (negative: higher is better), n, beyond chance."""


def prepare_ranks(frame: StudyFrame) -> Ranks | Waiting:
    """Complete trials with a value, in up to six planes of two numeric parameters."""
    entries = numeric_entries(frame.study.space)
    if len(entries) < 2:
        return Waiting("Ranks need two numeric parameters that are searched.")
    trials, objective = frame.trials, frame.study.aims.objectives[0]
    inside = [
        position
        for position, value in enumerate(trials.value)
        if trials.state[position] == TrialState.COMPLETE.value
        and value is not None
        and math.isfinite(value)
        and trials.feasible[position] is not False
    ]
    columns = {name: column_of(frame, name, entry) for name, entry in entries.items()}
    pairs, _ = choose_pairs(frame, columns, inside, FEWEST, PAIRS)
    if not pairs:
        return Waiting(
            f"Waiting for {FEWEST} complete trials that share two numeric parameters: "
            f"{len(inside)} so far.",
            f"Only {plural(len(inside), 'trial')} completed with a value that counts: ranks need "
            f"{FEWEST}.",
        )
    losses = np.array([objective.loss(trials.value[i] or 0.0) for i in inside], np.float64)
    # Equal results have equal ranks: that of the first of them.
    ranks = np.searchsorted(np.sort(losses), losses, side="left")
    panels = []
    for x_name, y_name in pairs:
        x, y = columns[x_name][inside], columns[y_name][inside]
        having = [i for i in range(len(inside)) if np.isfinite(x[i]) and np.isfinite(y[i])]
        kept = choose_points([float(ranks[i]) for i in having], MAX_MARKS)
        rows = [
            (
                float(x[i]),
                float(y[i]),
                trials.number[inside[i]],
                _band(int(ranks[i]), len(inside)),
                int(ranks[i]) + 1,
            )
            for i in (having[k] for k in kept)
        ]
        panels.append(RankPanel(x_name, y_name, _log(entries, x_name), _log(entries, y_name), rows))
    found = []
    for name, column in columns.items():
        known = np.isfinite(column[inside])
        count = int(known.sum())
        if count >= FEWEST:
            value = spearman(column[inside][known], losses[known])  # type: ignore[arg-type]
            if value is not None:
                found.append((name, value, count))
    strongest = max(found, key=lambda each: abs(each[1]), default=None)
    return Ranks(
        metric=objective.name,
        ranked=len(inside),
        panels=panels,
        strongest=None
        if strongest is None
        else (*strongest, exceeds_chance(strongest[1], strongest[2], len(found))),
    )


def _log(entries: dict[str, Numeric], name: str) -> bool:
    return bool(entries[name].log)


def _band(rank: int, count: int) -> int:
    """Of a rank that begins at 0; the best trial is always in the first band."""
    return next(place for place, (share, _, _) in enumerate(BANDS) if rank < max(1, share * count))


def draw_ranks(data: Ranks) -> go.Figure:
    """A panel a pair; good trials stand above the others."""
    figure = sheet()
    for index, panel in enumerate(data.panels):
        axes = lay_out(figure, index, len(data.panels), columns=3)
        for place in reversed(range(len(BANDS))):
            _, mark, size = BANDS[place]
            rows = [row for row in panel.rows if row[3] == place]
            figure.add_scatter(
                x=[row[0] for row in rows],
                y=[row[1] for row in rows],
                customdata=[[row[2], row[4]] for row in rows],
                meta={"trials": True},
                xaxis=axes[0],
                yaxis=axes[1],
                name=mark.label,
                legendgroup=mark.label,
                showlegend=index == 0,
                mode="markers",
                marker=marker_of(mark, size),
                hovertemplate="trial %{customdata[0]}, rank %{customdata[1]}"
                "<br>%{x:.4g}, %{y:.4g}<extra>%{fullData.name}</extra>",
            )
        figure.layout[f"xaxis{axes[0][1:]}"].update(axis(escape(panel.x_name), log=panel.x_log))
        figure.layout[f"yaxis{axes[1][1:]}"].update(axis(escape(panel.y_name), log=panel.y_log))
    return figure


def summarise_ranks(data: Ranks) -> str:
    """One sentence: which parameter the ranks follow, if any beyond chance."""
    said = f"{plural(data.ranked, 'complete trial')} ranked by {data.metric}"
    if data.strongest is None:
        return f"{said}; no parameter has values enough to follow."
    name, value, count, sure = data.strongest
    if not sure:
        return (
            f"{said}; no parameter alone orders them beyond chance (the strongest is {name}, "
            f"rank correlation {abs(value):.2f}, n = {count})."
        )
    better = "higher" if value < 0 else "lower"
    how = f"correlation {abs(value):.2f}, n = {count}"
    return f"{said}; {better} {name} goes with better ranks ({how})."


def tabulate_ranks(data: Ranks) -> Table:
    """Trial, rank and both values, pair by pair."""
    rows: list[list[Cell]] = [
        [row[2], row[4], panel.x_name, rounded(row[0]), panel.y_name, rounded(row[1])]
        for panel in data.panels
        for row in panel.rows
    ]
    return Table(["trial", "rank (1 is the best)", "x", "value of x", "y", "value of y"], rows)
