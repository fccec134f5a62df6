"""Samples that are no pictures: features on x, input and reconstruction on y, a panel each."""

from collections.abc import Sequence
from typing import NamedTuple

import plotly.graph_objects as go

from dashboards.figures.decimation import spread
from dashboards.figures.frame import Picture
from dashboards.figures.moments import Moment, Step, add_slider
from dashboards.figures.panels import lay_out
from dashboards.figures.paper import BEST, GREY, VALIDATION, axis, sheet

LINE_POINTS = 250
MADE = "reconstruction"


class SampleLines(NamedTuple):
    """One sample; `made` has a line for every place of the slider."""

    title: str
    x: list[int]
    input: list[float]
    given: list[float]
    """What the model saw, where that is not `input`."""
    made: list[list[float]]


def sample_lines(
    title: str, target: Picture, given: Picture | None, made: Sequence[Picture]
) -> SampleLines:
    """One sample's lines, [features] each, thinned."""
    kept = spread(len(target), LINE_POINTS)

    def line(values: Picture) -> list[float]:
        return [float(values[i]) for i in kept]

    seen = [] if given is None else line(given)
    return SampleLines(title, kept, line(target), seen, [line(each) for each in made])


def draw_sample_lines(
    samples: Sequence[SampleLines], moments: Sequence[Moment], said: Sequence[str], active: int
) -> go.Figure:
    """A panel a sample; a slider where there is more than one moment."""
    figure = sheet()
    changing: list[int] = []
    for index, sample in enumerate(samples):
        x_axis, y_axis = lay_out(figure, index, len(samples))
        for name, values, color, dash in (
            ("target" if sample.given else "input", sample.input, VALIDATION, "solid"),
            ("given", sample.given, GREY, "dot"),
            (MADE, sample.made[active], BEST, "dash"),
        ):
            if not values:
                continue
            if name == MADE:
                changing.append(len(figure.data))
            figure.add_scatter(
                x=sample.x,
                y=values,
                xaxis=x_axis,
                yaxis=y_axis,
                name=name,
                legendgroup=name,
                showlegend=index == 0,
                mode="lines",
                line={"color": color, "width": 2, "dash": dash},
                hovertemplate="feature %{x}: %{y:.4g}<extra>%{fullData.name}</extra>",
            )
        figure.layout[f"xaxis{x_axis[1:]}"].update(axis("feature (index)"))
        figure.layout[f"yaxis{y_axis[1:]}"].update(axis(f"{sample.title} (scaled units)"))
    if len(moments) > 1:
        steps = [
            Step(moment.label, said[i], {"y": [sample.made[i] for sample in samples]}, {})
            for i, moment in enumerate(moments)
        ]
        add_slider(figure, steps, active, changing)
    return figure
