"""How much each parameter matters, and how much of it chance gives (PED-ANOVA, by the engine)."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import plotly.graph_objects as go

from dashboards.figures.figure import Cell, Table, Waiting
from dashboards.figures.frame import StudyFrame
from dashboards.figures.paper import BLUE, ORANGE, axis, escape, plural, rounded, share, sheet


class Importance(NamedTuple):
    """Parameters with their shares (they add up to 1), the most important first."""

    metric: str
    parameters: list[str]
    shares: list[float]
    chance: list[float] | None
    """What each must exceed to be told from chance (may be above 1); None: an older analysis."""
    trials: int
    note: str

    @property
    def beyond(self) -> list[tuple[str, float]]:
        """Parameters that are told from chance with their shares, the most important first."""
        if self.chance is None:
            return []
        rows = zip(self.parameters, self.shares, self.chance, strict=True)
        return [(name, value) for name, value, level in rows if value > level]

    @property
    def hopeless(self) -> bool:
        """Whether no share could be told from chance: a level of 1 or more is out of reach."""
        return bool(self.chance) and min(self.chance or [0.0]) >= 1


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
    levels = analysis.get("chance") or {}
    known = [levels.get(name) for name, _ in pairs]
    chance = [
        float(level) for level in known if isinstance(level, int | float) and math.isfinite(level)
    ]
    return Importance(
        metric=frame.study.aims.names,
        parameters=[name for name, _ in pairs],
        shares=[value for _, value in pairs],
        chance=chance if len(chance) == len(pairs) else None,
        trials=int(analysis.get("trials") or 0),
        note=str(analysis.get("note") or ""),
    )


def draw_importance(data: Importance) -> go.Figure:
    """Horizontal bars, the longest on top; a mark at what chance gives."""
    figure = sheet(
        height=max(220, 110 + 34 * len(data.parameters)), showlegend=data.chance is not None
    )
    names = [escape(name) for name in data.parameters[::-1]]
    figure.add_bar(
        x=data.shares[::-1],
        y=names,
        name="share",
        orientation="h",
        marker={"color": BLUE},
        text=[share(value) for value in data.shares[::-1]],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{y}: %{x:.3f}<extra></extra>",
    )
    if data.chance is not None:
        figure.add_scatter(
            x=[level if level <= 1 else None for level in data.chance[::-1]],  # out of reach
            y=names,
            name="chance level",
            mode="markers",
            marker={
                "symbol": "line-ns-open", "color": ORANGE, "size": 18, "line": {"width": 3},
            },
            hovertemplate="%{y}: chance gives up to %{x:.3f}<extra></extra>",
        )  # fmt: skip
    figure.update_xaxes(axis("share of the importance (of 1)", range=[0, 1.06]))
    figure.update_yaxes(axis("parameter", type="category"))
    return figure


def summarise_importance(data: Importance) -> str:
    """One sentence: what is told from chance, and on how many trials that rests."""
    over = f"over {plural(data.trials, 'trial')}"
    if data.chance is None:
        return (
            f"{data.parameters[0]} has the largest share ({share(data.shares[0])}) for "
            f"{data.metric} {over}; this older analysis was not held against chance."
        )
    found = data.beyond
    if data.hopeless:
        return (
            f"Too few trials ({data.trials:,}) for shares to tell any parameter from chance for "
            f"{data.metric}; slices and ranks show more."
        )
    if not found:
        return f"No parameter stands out beyond chance for {data.metric} {over}."
    listed = ", then ".join(f"{name} ({share(value)})" for name, value in found)
    sentence = f"For {data.metric}, beyond chance, matter {listed}, {over}"
    if len(found) == 1:
        sentence = f"For {data.metric} only {listed} matters beyond chance {over}"
    rest = len(data.parameters) - len(found)
    if rest:
        what = "parameter" if rest == 1 else "parameters"
        sentence += f"; {rest} other {what} cannot be told from chance"
    return f"{sentence}."


def tabulate_importance(data: Importance) -> Table:
    """Parameter, share and what chance gives."""
    levels: Sequence[float | None] = data.chance or [None] * len(data.parameters)
    rows: list[list[Cell]] = [
        [name, rounded(value), None if level is None else rounded(level)]
        for name, value, level in zip(data.parameters, data.shares, levels, strict=True)
    ]
    return Table(["parameter", "share (of 1)", "chance level (of 1)"], rows)
