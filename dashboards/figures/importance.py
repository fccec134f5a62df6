"""How much of the objective each parameter explains, as the engine has stored it (PED-ANOVA)."""

import math
from typing import NamedTuple

import plotly.graph_objects as go

from dashboards.figures.figure import Cell, Table, Waiting
from dashboards.figures.frame import StudyFrame
from dashboards.figures.paper import BLUE, axis, escape, rounded, share, sheet


class Importance(NamedTuple):
    """Parameters with their shares (they add up to 1), the most important first."""

    metric: str
    parameters: list[str]
    shares: list[float]
    trials: int
    note: str


def prepare_importance(frame: StudyFrame) -> Importance | Waiting:
    """The stored analysis; the HTTP side computes nothing."""
    analysis = frame.analyses.get("importance")
    values = analysis.get("values") if analysis else None
    if not analysis or not values:
        note = str(analysis.get("note") or "") if analysis else ""
        if note:
            return Waiting(note)
        return Waiting(
            "Waiting for the engine to compare enough ended trials.",
            "Too few trials ended to tell which parameters matter.",
        )
    pairs = sorted(
        (
            (name, float(value))
            for name, value in values.items()
            if isinstance(value, int | float) and math.isfinite(value)
        ),
        key=lambda pair: (-pair[1], pair[0]),
    )
    return Importance(
        metric=frame.study.aims.names,
        parameters=[name for name, _ in pairs],
        shares=[value for _, value in pairs],
        trials=int(analysis.get("trials") or 0),
        note=str(analysis.get("note") or ""),
    )


def draw_importance(data: Importance) -> go.Figure:
    """Horizontal bars, the longest on top."""
    figure = sheet(height=max(220, 110 + 34 * len(data.parameters)), showlegend=False)
    figure.add_bar(
        x=data.shares[::-1],
        y=[escape(name) for name in data.parameters[::-1]],
        orientation="h",
        marker={"color": BLUE},
        text=[share(value) for value in data.shares[::-1]],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{y}: %{x:.3f}<extra></extra>",
    )
    figure.update_xaxes(axis(f"share of {escape(data.metric)} explained (of 1)", range=[0, 1.06]))
    figure.update_yaxes(axis("parameter", type="category"))
    return figure


def summarise_importance(data: Importance) -> str:
    """One sentence: what matters most, and on how many trials that rests."""
    first = f"{data.parameters[0]} explains {share(data.shares[0])} of what {data.metric} owes"
    sentence = f"{first} to the parameters, over {data.trials:,} trials"
    if len(data.parameters) > 1:
        sentence += f"; {data.parameters[-1]} the least ({share(data.shares[-1])})"
    return f"{sentence}."


def tabulate_importance(data: Importance) -> Table:
    """Parameter and share."""
    rows: list[list[Cell]] = [
        [name, rounded(value)] for name, value in zip(data.parameters, data.shares, strict=True)
    ]
    return Table(["parameter", "share (of 1)"], rows)
