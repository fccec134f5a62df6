"""KL of each latent unit of a trial: which ones carry information, and which have collapsed."""

from typing import NamedTuple

import plotly.graph_objects as go

from dashboards.figures.decimation import spread
from dashboards.figures.figure import Cell, Table, Waiting, no_evidence
from dashboards.figures.frame import StudyFrame
from dashboards.figures.paper import BEST, VALIDATION, axis, number, plural, rounded, sheet

USED = 0.01
"""Nats: below it a unit says next to nothing."""
MAX_BARS = 512


class LatentUnits(NamedTuple):
    """Units from the one that says most to the one that says least, at the best epoch."""

    trial: int
    units: list[int]
    best: list[float]
    last: list[float]
    """The same units at the last epoch; empty: it is the best one."""
    total: float
    used: int
    size: int


def prepare_latent_units(frame: StudyFrame) -> LatentUnits | Waiting:
    """Mean KL per unit over the evaluated validation samples."""
    facts = frame.trial
    evidence = facts.evidence if facts is not None else None
    best = evidence.get("kl_per_unit/best") if evidence is not None else None
    if facts is None or best is None:
        return no_evidence(frame, "KL per latent unit", "a model with a KL term")
    last = evidence.get("kl_per_unit/last") if evidence is not None else None
    order = (-best).argsort(kind="stable")
    kept = [int(order[i]) for i in spread(len(order), MAX_BARS)]
    same = last is None or bool((last == best).all())
    return LatentUnits(
        trial=facts.number,
        units=kept,
        best=[float(best[unit]) for unit in kept],
        last=[] if same or last is None else [float(last[unit]) for unit in kept],
        total=float(best.sum()),
        used=int((best > USED).sum()),
        size=len(best),
    )


def draw_latent_units(data: LatentUnits) -> go.Figure:
    """Bars by rank; the last epoch as marks above them."""
    figure = sheet(height=300, showlegend=bool(data.last))
    places = list(range(1, len(data.units) + 1))
    figure.add_bar(
        x=places,
        y=data.best,
        name="best epoch",
        marker={"color": VALIDATION},
        customdata=[[unit] for unit in data.units],
        hovertemplate="unit %{customdata[0]}: %{y:.4g} nats<extra></extra>",
    )
    if data.last:
        figure.add_scatter(
            x=places,
            y=data.last,
            name="last epoch",
            mode="markers",
            marker={"color": BEST, "symbol": "line-ew-open", "size": 9, "line": {"width": 2}},
            hovertemplate="%{y:.4g} nats<extra>last epoch</extra>",
        )
    figure.update_xaxes(axis("latent units, the most telling first (rank)"))
    figure.update_yaxes(axis("KL (nats per sample)", rangemode="tozero"))
    return figure


def summarise_latent_units(data: LatentUnits) -> str:
    """One sentence: how many units are in use, and the rate."""
    idle = data.size - data.used
    tail = "none has collapsed" if not idle else f"{idle:,} have collapsed to the prior"
    return (
        f"{data.used:,} of {plural(data.size, 'latent unit')} of trial {data.trial} say more than "
        f"{USED} nats, {number(data.total)} nats per sample in all; {tail}."
    )


def tabulate_latent_units(data: LatentUnits) -> Table:
    """Unit, KL at the best and at the last epoch."""
    rows: list[list[Cell]] = [
        [unit, rounded(data.best[i]), rounded(data.last[i] if data.last else data.best[i])]
        for i, unit in enumerate(data.units)
    ]
    return Table(["unit", "KL at best epoch (nats)", "KL at last epoch (nats)"], rows)
