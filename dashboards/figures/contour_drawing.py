"""Draws contours: levels by colour, the same for trials and for the surface under them."""

import math

import plotly.graph_objects as go

from dashboards.figures.basin import Levels, Numeric
from dashboards.figures.contour import ContourPanel, Contours
from dashboards.figures.panels import lay_out
from dashboards.figures.paper import BEST, GREY, axis, escape, number, share, sheet

LEVEL_COLORS = ("#3568c8", "#7d5bd0", "#b34fa6", "#cf5a52", "#b07d12")
"""The best first; each with a contrast of 3:1 on white and on dark, and ever lighter."""
PADDING = 0.04


def draw_contour(data: Contours) -> go.Figure:
    """Panels in a row; the page lays them out in one column on a phone."""
    figure = sheet(showlegend=True)
    names = [escape(f"{name}") for name in name_levels(data)]
    colors = _colors(len(names))
    named: set[str] = set()
    for index, panel in enumerate(data.panels):
        x_axis, y_axis = lay_out(figure, index, len(data.panels))
        axes = {"xaxis": x_axis, "yaxis": y_axis}
        if panel.surface:
            _draw_surface(figure, panel, colors, axes)
        if panel.pruned[0]:
            _draw_pruned(figure, panel, axes, "pruned" not in named)
            named.add("pruned")
        for level, name in enumerate(names):
            for broken in (False, True):
                _draw_points(figure, data, panel, level, broken, name, colors[level], axes, named)
        if panel.best is not None:
            figure.add_scatter(
                x=[panel.best[0]],
                y=[panel.best[1]],
                **axes,
                name=f"best: trial {data.best_number}",
                legendgroup="best",
                showlegend="best" not in named,
                mode="markers",
                marker={"color": BEST, "symbol": "star", "size": 15,
                        "line": {"color": "#ffffff", "width": 1}},
                hoverinfo="skip",
            )  # fmt: skip
            named.add("best")
        for short, name, entry in zip((x_axis, y_axis), panel.names, panel.entries, strict=True):
            figure.layout[f"{short[0]}axis{short[1:]}"].update(_axis_of(name, entry))
    for level, name in enumerate(names):
        if f"level {level}" not in named:  # in the surface, or of broken constraints only
            figure.add_scatter(
                x=[None],
                y=[None],
                name=name,
                legendrank=level + 1,
                legendgroup=f"level {level}",
                mode="markers",
                marker={"color": colors[level], "symbol": "circle", "size": 8},
                hoverinfo="skip",
            )
    lines = len({trace.legendgroup for trace in figure.data if trace.legendgroup})
    figure.layout.meta = {"panels": len(data.panels), "legend": lines}
    return figure


def name_levels(data: Contours) -> list[str]:
    """`mse at most 0.0112 (best 10 %)`, ..., `above 0.02`."""
    levels: Levels = data.levels
    if not levels.bounds:
        return [f"{data.metric} {number(data.value)}"]
    most, to, beyond = (
        ("at most", "to", "above") if levels.minimize else ("at least", "down to", "below")
    )
    names = []
    for index, (bound, part) in enumerate(zip(levels.bounds, levels.shares, strict=True)):
        start = f"{data.metric} {most}" if index == 0 else to
        names.append(f"{start} {number(bound)} (best {share(part)})")
    return [*names, f"{beyond} {number(levels.bounds[-1])}"]


def _colors(count: int) -> list[str]:
    """From best to worst, as far apart as their number allows."""
    last = len(LEVEL_COLORS) - 1
    return [LEVEL_COLORS[round(i * last / max(1, count - 1))] for i in range(count)]


def _draw_surface(
    figure: go.Figure, panel: ContourPanel, colors: list[str], axes: dict[str, str]
) -> None:
    last = len(colors) - 1
    figure.add_contour(
        x=panel.grid[0],
        y=panel.grid[1],
        z=panel.surface,
        **axes,
        colorscale=[[i / last, color] for i, color in enumerate(colors)],
        autocontour=False,
        contours={"start": 1, "end": last, "size": 1, "coloring": "fill", "showlines": False},
        zmin=0,
        zmax=len(colors),
        connectgaps=False,
        opacity=0.4,
        showscale=False,
        hoverinfo="skip",
    )


def _draw_pruned(
    figure: go.Figure, panel: ContourPanel, axes: dict[str, str], showlegend: bool
) -> None:
    figure.add_scatter(
        x=panel.pruned[0],
        y=panel.pruned[1],
        **axes,
        name="pruned: not in the surface",
        legendgroup="pruned",
        legendrank=len(LEVEL_COLORS) + 2,
        showlegend=showlegend,
        mode="markers",
        marker={"color": GREY, "symbol": "triangle-down-open", "size": 6,
                "line": {"color": GREY, "width": 1.2}},
        customdata=[[trial] for trial in panel.pruned[2]],
        hovertemplate="trial %{customdata[0]}, pruned<extra></extra>",
        meta={"trials": True},
    )  # fmt: skip


def _draw_points(
    figure: go.Figure,
    data: Contours,
    panel: ContourPanel,
    level: int,
    broken: bool,
    name: str,
    color: str,
    axes: dict[str, str],
    named: set[str],
) -> None:
    here = [i for i, its in enumerate(panel.levels) if its == level and panel.broken[i] is broken]
    if not here:
        return
    group = "broken" if broken else f"level {level}"
    across, up = (escape(each) for each in panel.names)
    figure.add_scatter(
        x=[panel.x[i] for i in here],
        y=[panel.y[i] for i in here],
        **axes,
        name="breaks a constraint" if broken else name,
        legendgroup=group,
        legendrank=len(LEVEL_COLORS) + 1 if broken else level + 1,
        showlegend=group not in named,
        mode="markers",
        marker={"color": color, "symbol": "x-thin-open" if broken else "circle", "size": 8,
                "line": {"color": color, "width": 1.6}},
        customdata=[[panel.numbers[i], float(f"{panel.values[i]:.4g}")] for i in here],
        hovertemplate=f"trial %{{customdata[0]}}<br>{escape(data.metric)} %{{customdata[1]}}"
        f"<br>{across} %{{x:.4g}}<br>{up} %{{y:.4g}}<extra></extra>",
        meta={"trials": True},
    )  # fmt: skip
    named.add(group)


def _axis_of(name: str, entry: Numeric) -> dict[str, object]:
    """The whole range that is searched, so that its edges are seen."""
    low, high = float(entry.low), float(entry.high)
    if not entry.log:
        room = PADDING * (high - low)
        return axis(escape(name), nticks=5, range=[low - room, high + room])
    start, end = math.log10(low), math.log10(high)
    room = PADDING * (end - start)
    span = end - start
    ticks: dict[str, object] = {"nticks": 5}
    if span > 0.7:  # few ticks: a narrow panel has no room for more
        ticks = {"dtick": 1 if span > 1.9 else "D2"}
    return axis(escape(name), log=True, range=[start - room, end + room], **ticks)
