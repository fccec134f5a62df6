"""Clouds of trials between two metrics, with the front of what nothing beats, and its knee."""

from collections.abc import Sequence
from typing import NamedTuple

import plotly.graph_objects as go

from dashboards.figures.aims import Axis
from dashboards.figures.decimation import MAX_MARKS, MAX_POINTS, choose_points
from dashboards.figures.figure import Cell, Table
from dashboards.figures.frame import StudyFrame
from dashboards.figures.panels import few_ticks, lay_out
from dashboards.figures.paper import (
    BEST,
    GREY,
    RED,
    STATE_MARKS,
    Mark,
    axis,
    escape,
    label,
    marker_of,
    needs_log,
    number,
    plural,
    rounded,
    sheet,
)
from service.domain.objectives import Constraint
from service.domain.pareto import Member, find_knee, pareto_front

BEYOND = Mark("beyond a bound", RED, "square-open")
POINTS_IN_ALL = 4000
STATES = ("COMPLETE", "STOPPED", "PRUNED")


class Cloud(NamedTuple):
    """The trials that look alike."""

    mark: Mark
    x: list[float]
    y: list[float]
    numbers: list[int]


class Panel(NamedTuple):
    """One pair of metrics."""

    x_axis: Axis
    y_axis: Axis
    x_log: bool
    y_log: bool
    clouds: list[Cloud]
    front: list[tuple[float, float, int]]
    """(x, y, trial), ascending by x."""
    joined: bool
    """Whether the front is a curve of this panel; else it is the shadow of one of more axes."""
    knee: tuple[float, float, int] | None
    bounds: list[Constraint]
    """Those on one of both metrics."""


class TradeOffs(NamedTuple):
    """Panels side by side."""

    panels: list[Panel]
    trials: int
    beyond: int
    """Trials that break a constraint."""


def prepare_panels(
    frame: StudyFrame, pairs: Sequence[tuple[Axis, Axis]], front: Sequence[int] | None = None
) -> TradeOffs | None:
    """A panel for each pair (x, y) that trials have both of; None where there is none.

    `front`: numbers of the Pareto set, where it is that of more than the pair.
    """
    panels = []
    for x_axis, y_axis in pairs:
        panel = _panel(frame, x_axis, y_axis, front, POINTS_IN_ALL // len(pairs))
        if panel is not None:
            panels.append(panel)
    if not panels:
        return None
    feasible = frame.trials.feasible
    shown = [p for p, trial in enumerate(frame.trials.number) if trial in frame.scores]
    return TradeOffs(panels, len(shown), sum(feasible[p] is False for p in shown))


def _panel(
    frame: StudyFrame, x_axis: Axis, y_axis: Axis, front: Sequence[int] | None, limit: int
) -> Panel | None:
    trials = frame.trials
    points: dict[int, tuple[float, float]] = {}
    for position, trial in enumerate(trials.number):
        scores = frame.scores.get(trial, {})
        x, y = scores.get(x_axis.name), scores.get(y_axis.name)
        if x is not None and y is not None and trials.state[position] in STATES:
            points[position] = (x, y)
    if not points:
        return None
    members = [
        Member(trials.number[p], (x_axis.loss(points[p][0]), y_axis.loss(points[p][1])))
        for p in frame.eligible
        if p in points
    ]
    joined = front is None
    if front is None:
        chosen = pareto_front(members)
    else:
        chosen = [member for member in members if member.number in set(front)]
    knee = find_knee(chosen) if joined else None
    if frame.study.aims.knee is not None and not joined:
        knee = next((m for m in chosen if m.number == frame.study.aims.knee), None)
    at = {trials.number[position]: point for position, point in points.items()}
    kept = {member.number for member in chosen}
    groups: dict[Mark, list[int]] = {}
    for position in points:
        mark = STATE_MARKS[trials.state[position]]
        mark = BEYOND if trials.feasible[position] is False else mark
        groups.setdefault(mark, []).append(position)
    marks = [mark for mark in (*STATE_MARKS.values(), BEYOND) if mark in groups]
    return Panel(
        x_axis=x_axis,
        y_axis=y_axis,
        x_log=needs_log(x for x, _ in points.values()),
        y_log=needs_log(y for _, y in points.values()),
        clouds=[
            _cloud(
                frame, mark, groups[mark], points, kept, limit * len(groups[mark]) // len(points)
            )
            for mark in marks
        ],
        front=sorted((*at[member.number], member.number) for member in chosen)[:MAX_POINTS],
        joined=joined,
        knee=None if knee is None else (*at[knee.number], knee.number),
        bounds=[
            bound
            for bound in frame.study.aims.constraints
            if bound.metric in (x_axis.name, y_axis.name)
        ],
    )


def _cloud(
    frame: StudyFrame,
    mark: Mark,
    inside: list[int],
    points: dict[int, tuple[float, float]],
    kept: set[int],
    share: int,
) -> Cloud:
    limit = max(100, min(share, MAX_MARKS))
    numbers = frame.trials.number
    keep = [index for index, position in enumerate(inside) if numbers[position] in kept]
    chosen = choose_points([points[p][1] for p in inside], limit, keep[: limit // 2])
    positions = [inside[index] for index in chosen]
    return Cloud(
        mark,
        [points[position][0] for position in positions],
        [points[position][1] for position in positions],
        [numbers[position] for position in positions],
    )


def draw_trade_offs(data: TradeOffs) -> go.Figure:
    """Dots by state and feasibility, the front as a line, its knee as a star, bounds dashed."""
    figure = sheet(height=420)
    named: set[str] = set()
    for index, panel in enumerate(data.panels):
        x_name, y_name = "x", "y"
        if len(data.panels) > 1:
            x_name, y_name = lay_out(figure, index, len(data.panels))
        places = {"xaxis": x_name, "yaxis": y_name}
        _draw_front(figure, panel, places, named)
        for cloud in panel.clouds:
            figure.add_scatter(
                x=cloud.x,
                y=cloud.y,
                mode="markers",
                marker=marker_of(cloud.mark, 8),
                customdata=[[trial] for trial in cloud.numbers],
                hovertemplate=f"trial %{{customdata[0]}}<br>{escape(panel.x_axis.name)} %{{x:.4g}}"
                f"<br>{escape(panel.y_axis.name)} %{{y:.4g}}<extra>%{{fullData.name}}</extra>",
                meta={"trials": True},
                **_once(cloud.mark.label, named),
                **places,
            )
        _draw_knee(figure, panel, places, named)
        _draw_bounds(figure, panel, places)
        suffix = x_name[1:]
        across = [x for cloud in panel.clouds for x in cloud.x]
        small = {"tickangle": 0, "exponentformat": "SI", **few_ticks(across)}
        figure.layout[f"xaxis{suffix}"].update(axis(panel.x_axis.title, log=panel.x_log) | small)
        figure.layout[f"yaxis{suffix}"].update(axis(panel.y_axis.title, log=panel.y_log))
    return figure


def _once(name: str, named: set[str]) -> dict[str, object]:
    """A trace's name, in the legend once for all panels."""
    first = name not in named
    named.add(name)
    return {"name": name, "legendgroup": name, "showlegend": first}


def _draw_front(figure: go.Figure, panel: Panel, places: dict[str, str], named: set[str]) -> None:
    if not panel.front:
        return
    figure.add_scatter(
        x=[x for x, _, _ in panel.front],
        y=[y for _, y, _ in panel.front],
        mode="lines" if panel.joined and len(panel.front) > 1 else "markers",
        line={"color": BEST, "width": 2},
        marker={"color": BEST, "symbol": "circle-open", "size": 14, "line": {"width": 1.6}},
        hoverinfo="skip",
        **_once("front: nothing beats it", named),
        **places,
    )


def _draw_knee(figure: go.Figure, panel: Panel, places: dict[str, str], named: set[str]) -> None:
    if panel.knee is None:
        return
    x, y, trial = panel.knee
    figure.add_scatter(
        x=[x],
        y=[y],
        mode="markers",
        marker={"color": BEST, "symbol": "star-open", "size": 18, "line": {"width": 2.4}},
        customdata=[[trial]],
        hovertemplate="knee: trial %{customdata[0]}<extra></extra>",
        **_once("knee", named),
        **places,
    )


def _draw_bounds(figure: go.Figure, panel: Panel, places: dict[str, str]) -> None:
    for bound in panel.bounds:
        across = bound.metric == panel.x_axis.name
        log = panel.x_log if across else panel.y_log
        if log and bound.limit <= 0:
            continue
        line = {"color": GREY, "width": 1.6, "dash": "dash"}
        domain = {"yref": f"{places['yaxis']} domain", "xref": places["xaxis"]}
        if across:
            ends = {"x0": bound.limit, "x1": bound.limit, "y0": 0, "y1": 1}
        else:
            domain = {"xref": f"{places['xaxis']} domain", "yref": places["yaxis"]}
            ends = {"y0": bound.limit, "y1": bound.limit, "x0": 0, "x1": 1}
        figure.add_shape(type="line", line=line, **ends, **domain)


def say_front(panel: Panel) -> str:
    """Where the front goes from and to, and its knee."""
    if not panel.front:
        return "no trial is eligible for the front yet"
    x_name, y_name = panel.x_axis.name, panel.y_axis.name
    first, last = panel.front[0], panel.front[-1]
    said = f"{plural(len(panel.front), 'trial')} on the front"
    if len(panel.front) == 1:
        return f"{said}: trial {first[2]} with {y_name} {number(first[1])} at {x_name} " + number(
            first[0]
        )
    said += (
        f", from {y_name} {number(first[1])} at {x_name} {number(first[0])} to {y_name} "
        f"{number(last[1])} at {x_name} {number(last[0])}"
    )
    if panel.knee is not None:
        x, y, trial = panel.knee
        said += f"; the knee is trial {trial} ({y_name} {number(y)}, {x_name} {number(x)})"
    return said


def say_beyond(data: TradeOffs) -> str:
    """How many trials the constraints rule out; empty where there are none."""
    return f"; {plural(data.beyond, 'trial')} beyond a bound" if data.beyond else ""


def tabulate_trade_offs(data: TradeOffs) -> Table:
    """Every dot of every panel: trial, what it is, whether it is on the front, x and y."""
    rows: list[list[Cell]] = []
    for panel in data.panels:
        front = {trial for _, _, trial in panel.front}
        for cloud in panel.clouds:
            for x, y, trial in zip(cloud.x, cloud.y, cloud.numbers, strict=True):
                mark = "on the front" if trial in front else ""
                rows.append(
                    [trial, cloud.mark.label, mark, panel.x_axis.name, rounded(x), rounded(y)]
                )
    rows.sort(key=lambda row: (str(row[3]), int(row[0] or 0)))
    y_axis = data.panels[0].y_axis
    same = all(panel.y_axis == y_axis for panel in data.panels)
    return Table(
        ["trial", "state", "front", "against", "its value", label(y_axis.name, y_axis.unit)]
        if same
        else ["trial", "state", "front", "against", "its value", "value"],
        rows,
    )
