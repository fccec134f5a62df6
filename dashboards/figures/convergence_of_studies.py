"""Every study of a comparison as one line: its best so far against trials, and against cost.

Pure functions of a Comparison. Studies whose values cannot be compared stand in panels of their
own, so that no eye compares them.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias

import plotly.graph_objects as go

from dashboards.figures.best_so_far import UNITS
from dashboards.figures.decimation import every_point
from dashboards.figures.figure import Cell, Plot, Table, thin
from dashboards.figures.panels import lay_out
from dashboards.figures.paper import (
    BLUE,
    GOLD,
    GREY,
    ORANGE,
    PURPLE,
    RED,
    TEAL,
    axis,
    escape,
    needs_log,
    number,
    plural,
    rounded,
    sheet,
)
from service.domain.comparison import ComparedBest, ComparedStudy, Comparison, ConvergencePoint

Against: TypeAlias = Literal["trials", "seconds"]
TITLES: dict[Against, str] = {
    "trials": "Best so far, by trial: which search finds better models with fewer tries?",
    "seconds": "Best so far, by cost: which one finds them with less training?",
}
LOOKS = (
    (BLUE, "solid", "circle"),
    (ORANGE, "dash", "square"),
    (TEAL, "dot", "diamond"),
    (PURPLE, "dashdot", "triangle-up"),
    (RED, "longdash", "cross"),
    (GOLD, "longdashdot", "triangle-down"),
    (GREY, "solid", "x"),
    (BLUE, "dot", "star"),
)
"""Of the studies in their order: they differ by dash and shape as well as by colour."""
_NONE = "None of them has a best so far to draw: wait for a first trial to be complete."


class Line(NamedTuple):
    """One study."""

    name: str
    place: int
    """Among all studies of the comparison."""
    x: list[float]
    y: list[float]
    best: ComparedBest | None


class Panel(NamedTuple):
    """Studies whose values may be compared."""

    y_title: str
    y_range: list[float] | None
    """Where all values are one."""
    log: bool
    lines: list[Line]


class Convergence(NamedTuple):
    """What is drawn."""

    against: Against
    x_title: str
    panels: list[Panel]
    comparable: bool
    minimize: bool


def prepare_convergence(comparison: Comparison, against: Against) -> Convergence | None:
    """The lines in their panels; None while no study has one."""
    drawn = [(place, study) for place, study in enumerate(comparison.studies) if study.convergence]
    if not drawn:
        return None
    divisor, x_title = _scale([study for _, study in drawn], against)
    groups: dict[tuple[str | None, str], list[tuple[int, ComparedStudy]]] = {}
    for place, study in drawn:
        key = ("", "") if comparison.comparable else (study.data_hash, study.objective)
        groups.setdefault(key, []).append((place, study))
    names = [study.name for study in comparison.studies]
    panels = []
    for group in groups.values():
        metric = group[0][1].metric
        lines = []
        for place, study in group:
            name = study.name if names.count(study.name) == 1 else f"{study.name} {study.id[-6:]}"
            x = [_x(point, against) / divisor for point in study.convergence]
            y = [point.value for point in study.convergence]
            lines.append(Line(name, place, x, y, study.best))
        title = f"{metric} on validation"
        data_hash = group[0][1].data_hash
        if len(groups) > 1 and data_hash is not None:
            title += f", data {data_hash[:8]}"
        shown = [y for line in lines for y in line.y]
        means = [line.best.mean for line in lines if line.best is not None]
        shown += [mean for mean in means if mean is not None]
        panels.append(Panel(title, _range(shown), needs_log(shown), lines))
    minimize = drawn[0][1].direction == "minimize"
    return Convergence(against, x_title, panels, comparison.comparable, minimize)


def _range(values: Sequence[float]) -> list[float] | None:
    if len(set(values)) > 1 or values[0] == 0:
        return None
    return sorted([0.8 * values[0], 1.2 * values[0]])


def _scale(studies: Sequence[ComparedStudy], against: Against) -> tuple[float, str]:
    if against == "trials":
        return 1.0, "trials, in the order of their numbers"
    longest = max(study.convergence[-1].seconds for study in studies)
    divisor, unit = next((by, name) for above, by, name in UNITS if longest >= above)
    return divisor, f"training of all trials so far (trainer-{'seconds' if unit == 's' else unit})"


def _x(point: ConvergencePoint, against: Against) -> float:
    return point.trials if against == "trials" else point.seconds


def draw_convergence(data: Convergence) -> go.Figure:
    """A step line for every study; a star with its spread is the mean on fresh seeds."""
    count = len(data.panels)
    figure = sheet(height=420)
    for index, panel in enumerate(data.panels):
        axes = ("x", "y") if count == 1 else lay_out(figure, index, count, columns=2)
        for line in panel.lines:
            _draw_line(figure, line, axes)
        suffix = axes[0][1:]
        figure.update_layout(
            {
                f"xaxis{suffix}": axis(data.x_title, rangemode="tozero"),
                f"yaxis{suffix}": axis(
                    escape(panel.y_title),
                    log=panel.log,
                    **({} if panel.y_range is None else {"range": panel.y_range}),
                ),
            }
        )
    return figure


def _draw_line(figure: go.Figure, line: Line, axes: tuple[str, str]) -> None:
    color, dash, symbol = LOOKS[line.place % len(LOOKS)]
    name = escape(line.name)
    figure.add_scatter(
        x=line.x,
        y=line.y,
        name=name,
        mode="lines+markers",
        line={"color": color, "width": 2.2, "shape": "hv", "dash": dash},
        marker={"color": color, "symbol": symbol, "size": 7},
        hovertemplate="%{y:.4g} at %{x:.4g}<extra>%{fullData.name}</extra>",
        legendgroup=name,
        xaxis=axes[0],
        yaxis=axes[1],
    )
    best = line.best
    if best is None or best.mean is None:
        return
    figure.add_scatter(
        x=[line.x[-1]],
        y=[best.mean],
        error_y={"type": "data", "array": [best.sd or 0.0], "color": color, "thickness": 1.6},
        name=name,
        mode="markers",
        marker={"color": color, "symbol": "star-open", "size": 12, "line": {"width": 2}},
        hovertemplate=f"%{{y:.4g}}: mean of {best.seeds} fresh seeds<extra>{name}</extra>",
        legendgroup=name,
        showlegend=False,
        xaxis=axes[0],
        yaxis=axes[1],
    )


def summarise_convergence(data: Convergence) -> str:
    """Who is ahead at the same number of trials or the same cost, as far as all have come."""
    lines = [line for panel in data.panels for line in panel.lines]
    confirmed = any(line.best is not None and line.best.mean is not None for line in lines)
    stars = " A star is the mean on fresh seeds, with its spread." if confirmed else ""
    if not data.comparable:
        return (
            f"{plural(len(lines), 'study').replace('studys', 'studies')} in panels of their own: "
            f"their values cannot be compared.{stars}"
        )
    if len(lines) == 1:
        return f"Only {lines[0].name} has a line yet, at {number(lines[0].y[-1])}.{stars}"
    common = min(line.x[-1] for line in lines)
    sign = 1.0 if data.minimize else -1.0
    values = [(sign * value, line) for line in lines if (value := _at(line, common)) is not None]
    loss, ahead = min(values, key=lambda pair: pair[0])
    what = f"{common:.4g} trials" if data.against == "trials" else f"the cost of {common:.3g}"
    unit = "" if data.against == "trials" else f" {data.x_title.rpartition('(')[2].rstrip(')')}"
    text = f"After {what}{unit}, as far as all have come, {ahead.name} is ahead with "
    return f"{text}{number(sign * loss)}.{stars}"


def _at(line: Line, x: float) -> float | None:
    reached = [value for place, value in zip(line.x, line.y, strict=True) if place <= x]
    return reached[-1] if reached else None


def tabulate_convergence(data: Convergence) -> Table:
    """Every point of every line."""
    rows: list[list[Cell]] = [
        [line.name, rounded(x), rounded(y)]
        for panel in data.panels
        for line in panel.lines
        for x, y in zip(line.x, line.y, strict=True)
    ]
    titles = list(dict.fromkeys(panel.y_title for panel in data.panels))
    return Table(["study", data.x_title, " or ".join(titles)], rows)


def render_convergence(comparison: Comparison, against: Against) -> Plot:
    """The figure with its sentence and its table; an empty one while there is no line."""
    data = prepare_convergence(comparison, against)
    if data is None:
        return Plot(sheet(height=220), _NONE, Table([], []), True)
    figure = draw_convergence(data)
    figure.layout.title.text = TITLES[against]
    table = tabulate_convergence(data)
    return Plot(figure, summarise_convergence(data), Table(table.columns, thin(table.rows)), False)


def whole_convergence(comparison: Comparison, against: Against) -> Table:
    """Every row of the table; none while there is no line."""
    with every_point():
        data = prepare_convergence(comparison, against)
        return Table([], []) if data is None else tabulate_convergence(data)
