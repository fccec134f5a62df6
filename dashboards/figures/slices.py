"""The objective against each searched parameter: one panel a parameter."""

from typing import NamedTuple

import plotly.graph_objects as go

from dashboards.figures.decimation import choose_points
from dashboards.figures.figure import Cell, Table, Waiting
from dashboards.figures.frame import StudyFrame
from dashboards.figures.panels import lay_out
from dashboards.figures.paper import (
    BEST,
    STATE_MARKS,
    axis,
    escape,
    marker_of,
    needs_log,
    number,
    plural,
    rounded,
    sheet,
    unsquashed_range,
)
from service.domain.space import CategoricalDistribution, Distribution, Scalar
from service.domain.states import TrialState

SHOWN_STATES = (TrialState.COMPLETE.value, TrialState.PRUNED.value, TrialState.STOPPED.value)
POINTS_IN_ALL = 6000
MAX_PANELS = 16


class Panel(NamedTuple):
    """One parameter: points by state; categories stand at 0, 1, 2, ... with `ticks` as names."""

    parameter: str
    log: bool
    ticks: list[str]
    x: list[float]
    y: list[float]
    states: list[str]
    numbers: list[int]
    shown: list[str]
    best_x: float | None


class Slices(NamedTuple):
    """Every panel, the shared y axis, and the best trial."""

    y_title: str
    log: bool
    y_range: list[float] | None
    panels: list[Panel]
    best_number: int | None
    best_value: float | None
    best_params: str
    several: bool
    """Of several objectives the best is the knee of the front."""
    left_out: int


def prepare_slices(frame: StudyFrame) -> Slices | Waiting:
    """Trials that have a value, against each parameter that they have."""
    trials = frame.trials
    inside = [
        position
        for position in range(len(trials))
        if trials.value[position] is not None and trials.state[position] in SHOWN_STATES
    ]
    if not frame.study.space:
        return Waiting("This study searches no parameter: there is nothing to compare.")
    if not inside:
        return Waiting("Waiting for the first trial to end.", "No trial ended with a value.")
    best = frame.best
    objective = frame.study.aims.objectives[0]
    limit = min(2000, POINTS_IN_ALL // min(len(frame.study.space), MAX_PANELS))
    panels = [
        _panel(frame, name, distribution, inside, limit)
        for name, distribution in list(frame.study.space.items())[:MAX_PANELS]
    ]
    values = [trials.value[position] for position in inside]
    log = needs_log(values)
    params = trials.params[best] if best is not None else {}
    return Slices(
        y_title=objective.title,
        log=log,
        y_range=None if log else unsquashed_range(values, minimize=objective.minimize),
        panels=panels,
        best_number=trials.number[best] if best is not None else None,
        best_value=trials.value[best] if best is not None else None,
        several=frame.study.aims.is_pareto,
        best_params=", ".join(f"{name} {_say(params[name])}" for name in sorted(params)),
        left_out=max(0, len(frame.study.space) - MAX_PANELS),
    )


def _panel(
    frame: StudyFrame, name: str, distribution: Distribution, inside: list[int], limit: int
) -> Panel:
    trials = frame.trials
    having = [position for position in inside if name in trials.params[position]]
    best = frame.best
    keep = [having.index(best)] if best in having else []
    chosen = [having[i] for i in choose_points([trials.value[p] for p in having], limit, keep)]
    categories = distribution.choices if isinstance(distribution, CategoricalDistribution) else []
    panel = Panel(
        parameter=name,
        log=bool(getattr(distribution, "log", False)),
        ticks=[_say(choice) for choice in categories],
        x=[],
        y=[],
        states=[],
        numbers=[],
        shown=[],
        best_x=None,
    )
    for position in chosen:
        value, at = trials.value[position], _place(trials.params[position][name], categories)
        if value is None or at is None:
            continue
        x = at + _jitter(trials.number[position]) if categories else at
        if position == best:
            panel = panel._replace(best_x=x)
        panel.x.append(x)
        panel.y.append(value)
        panel.states.append(trials.state[position])
        panel.numbers.append(trials.number[position])
        panel.shown.append(_say(trials.params[position][name]))
    return panel


def _jitter(number: int) -> float:
    """Parts points that share a category, the same way every time: -0.25 to 0.25."""
    return ((number * 0.618034) % 1 - 0.5) * 0.5


def _place(value: Scalar, categories: list[Scalar]) -> float | None:
    for index, choice in enumerate(categories):
        if type(choice) is type(value) and choice == value:
            return float(index)
    return float(value) if not categories and isinstance(value, int | float) else None


def _say(value: Scalar) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value).lower() if isinstance(value, bool) else str(value)


def draw_slices(data: Slices) -> go.Figure:
    """Panels in rows; the page lays them out in one column on a phone."""
    figure = sheet(showlegend=True)
    named: set[str] = set()
    for index, panel in enumerate(data.panels):
        x_axis, y_axis = lay_out(figure, index, len(data.panels))
        for state in SHOWN_STATES:
            here = [i for i, shown in enumerate(panel.states) if shown == state]
            if not here:
                continue
            mark = STATE_MARKS[state]
            figure.add_scatter(
                x=[panel.x[i] for i in here],
                y=[panel.y[i] for i in here],
                xaxis=x_axis,
                yaxis=y_axis,
                name=mark.label,
                legendgroup=state,
                showlegend=state not in named,
                mode="markers",
                marker=marker_of(mark, 8),
                customdata=[[panel.numbers[i], escape(panel.shown[i])] for i in here],
                hovertemplate=f"trial %{{customdata[0]}}<br>{escape(panel.parameter)} "
                "%{customdata[1]}<br>%{y:.4g}<extra>%{fullData.name}</extra>",
                meta={"trials": True},
            )
            named.add(state)
        if panel.best_x is not None and data.best_value is not None:
            figure.add_scatter(
                x=[panel.best_x],
                y=[data.best_value],
                xaxis=x_axis,
                yaxis=y_axis,
                name=f"best: trial {data.best_number}",
                legendgroup="best",
                showlegend="best" not in named,
                mode="markers",
                marker={"color": BEST, "symbol": "star", "size": 13},
                hoverinfo="skip",
            )
            named.add("best")
        more: dict[str, object] = {}
        if panel.ticks:
            more = {
                "tickvals": list(range(len(panel.ticks))),
                "ticktext": [escape(tick if len(tick) < 25 else tick[:22] + "…")
                             for tick in panel.ticks],
                "range": [-0.6, len(panel.ticks) - 0.4],
            }  # fmt: skip
        log = panel.log and not panel.ticks
        if log and panel.x and max(panel.x) > 30 * min(panel.x):
            more = {"dtick": 1}  # whole powers only: a narrow panel has no room for more
        _set(figure, x_axis, axis(escape(panel.parameter), log=log, nticks=5, **more))
        _set(figure, y_axis, axis(data.y_title, log=data.log))
        if data.y_range is not None:
            _set(figure, y_axis, {"range": data.y_range})
    return figure


def _set(figure: go.Figure, short: str, values: dict[str, object]) -> None:
    figure.layout[f"{short[0]}axis{short[1:]}"].update(values)


def summarise_slices(data: Slices) -> str:
    """One sentence: where the best one lies."""
    panels = plural(len(data.panels), "parameter")
    if data.left_out:
        panels += f" ({data.left_out} more are not shown)"
    if data.best_number is None:
        return f"{panels}; none of the trials is eligible for best."
    best = "knee" if data.several else "best"
    return (
        f"{panels}; the {best}, trial {data.best_number} with {number(data.best_value)}, "
        f"has {data.best_params}."
    )


def tabulate_slices(data: Slices) -> Table:
    """Parameter, value, state, objective, trial by trial."""
    rows: list[list[Cell]] = [
        [panel.parameter, panel.numbers[i], panel.shown[i], panel.states[i].lower(),
         rounded(panel.y[i])]
        for panel in data.panels
        for i in range(len(panel.x))
    ]  # fmt: skip
    return Table(["parameter", "trial", "setting", "state", data.y_title], rows)
