"""Where validation samples lie in a trial's latent space: its two widest axes."""

from typing import NamedTuple

import plotly.graph_objects as go

from dashboards.figures.decimation import spread
from dashboards.figures.figure import Cell, Table, Waiting, no_evidence
from dashboards.figures.frame import StudyFrame
from dashboards.figures.paper import VALIDATION, axis, plural, rounded, share, sheet

MAX_POINTS = 500


class LatentScatter(NamedTuple):
    """Points at the best epoch, and the variance that the two axes hold."""

    trial: int
    samples: list[int]
    x: list[float]
    y: list[float]
    shares: tuple[float, float]


def prepare_latent_scatter(frame: StudyFrame) -> LatentScatter | Waiting:
    """Posterior means (or codes) of up to 500 validation samples."""
    facts = frame.trial
    evidence = facts.evidence if facts is not None else None
    points = evidence.get("latent/best") if evidence is not None else None
    if facts is None or evidence is None or points is None:
        return no_evidence(frame, "codes of validation samples", "a model with a code")
    held = evidence.get("latent_share/best")
    kept = spread(len(points), MAX_POINTS)
    return LatentScatter(
        trial=facts.number,
        samples=kept,
        x=[float(points[i, 0]) for i in kept],
        y=[float(points[i, 1]) for i in kept],
        shares=(0.0, 0.0) if held is None else (float(held[0]), float(held[1])),
    )


def draw_latent_scatter(data: LatentScatter) -> go.Figure:
    """Equal units on both axes: distances are what the decoder sees."""
    figure = sheet(height=460, showlegend=False)
    figure.add_scatter(
        x=data.x,
        y=data.y,
        mode="markers",
        marker={"color": VALIDATION, "size": 6, "opacity": 0.7},
        customdata=[[sample] for sample in data.samples],
        hovertemplate="validation sample %{customdata[0]}<extra></extra>",
    )
    first, second = (share(each) for each in data.shares)
    figure.update_xaxes(axis(f"first principal axis ({first} of the variance)"))
    figure.update_yaxes(axis(f"second ({second})", scaleanchor="x"))
    return figure


def summarise_latent_scatter(data: LatentScatter) -> str:
    """One sentence: how much of the latent space two axes show."""
    return (
        f"{plural(len(data.x), 'validation sample')} in the latent space of trial {data.trial}: "
        f"its two widest axes hold {share(sum(data.shares))} of the variance of the codes."
    )


def tabulate_latent_scatter(data: LatentScatter) -> Table:
    """Sample and its two coordinates."""
    rows: list[list[Cell]] = [
        [sample, rounded(data.x[i]), rounded(data.y[i])] for i, sample in enumerate(data.samples)
    ]
    return Table(["validation sample", "first axis", "second axis"], rows)
