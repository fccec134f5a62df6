"""Best value so far, against trials and against wall-clock, with every trial as a dot."""

from collections.abc import Callable, Sequence

import plotly.graph_objects as go

from dashboards.figures.best_steps import BestSoFar, Dots
from dashboards.figures.decimation import choose_points, share_marks
from dashboards.figures.figure import Cell, Table, Waiting
from dashboards.figures.frame import ENDED, StudyFrame
from dashboards.figures.hypervolume import prepare_front
from dashboards.figures.paper import (
    BEST,
    GREY,
    STATE_MARKS,
    axis,
    escape,
    label,
    marker_of,
    needs_log,
    number,
    plural,
    rounded,
    share,
    sheet,
    unsquashed_range,
)
from service.domain.data import TEXT_METRIC

UNITS = ((2 * 86_400, 86_400, "days"), (7_200, 3_600, "hours"), (180, 60, "minutes"), (0, 1, "s"))


def prepare_against_trials(frame: StudyFrame) -> BestSoFar | Waiting:
    """The best so far in the order of trial numbers."""
    return _prepare(frame, frame.trials.number, "trial (number)", lambda _: "")


def prepare_against_time(frame: StudyFrame) -> BestSoFar | Waiting:
    """The best so far in the order in which trials ended; queued and running ones are left out."""
    longest = max((seconds for seconds in frame.trials.finished if seconds is not None), default=0)
    divisor, unit = next((by, name) for above, by, name in UNITS if longest >= above)
    times = [None if seconds is None else seconds / divisor for seconds in frame.trials.finished]
    return _prepare(
        frame,
        times,
        f"time since the start ({unit})",
        lambda x: f", reached {x:.3g} {unit} after the start",
    )


def _prepare(
    frame: StudyFrame,
    xs: Sequence[float | None],
    x_title: str,
    say_reached: Callable[[float], str],
) -> BestSoFar | Waiting:
    trials = frame.trials
    objective = frame.study.aims.objectives[0]
    ended = sum(state in ENDED for state in trials.state)
    shown = [value for value in trials.value if value is not None]
    if not ended or not shown:
        return Waiting("Waiting for the first trial to end.", "No trial ended with a value.")
    unfinished = ", ".join(
        f"{trials.state.count(state)} {STATE_MARKS[state].label}"
        for state in ("PRUNED", "DIVERGED", "FAILED")
        if state in trials.state
    )
    if frame.study.aims.is_pareto:
        return prepare_front(frame, xs, x_title, ended, unfinished)
    step_x, step_y, step_numbers = _steps(frame, xs)
    baselines = _baselines(frame)
    worst = max(shown) if objective.minimize else min(shown)
    log = needs_log([*shown, *(value for _, value in baselines)])
    squeezed = None if log else unsquashed_range(shown, minimize=objective.minimize)
    return BestSoFar(
        x_title=x_title,
        y_title=label(f"{objective.name} on validation", objective.unit),
        log=log,
        y_range=squeezed,
        dots=_dots(frame, xs, worst),
        step_x=step_x,
        step_y=step_y,
        baselines=baselines,
        best_number=step_numbers[-1] if step_numbers else None,
        best_value=step_y[-1] if step_y else None,
        reached=say_reached(step_x[-2]) if step_x else "",
        improvements=max(0, len(step_numbers) - 1),
        ended=ended,
        planned=frame.study.planned,
        unfinished=unfinished,
    )


def _steps(
    frame: StudyFrame, xs: Sequence[float | None]
) -> tuple[list[float], list[float], list[int]]:
    """Only the points at which the best changes, and the end of the line."""
    trials = frame.trials
    if frame.best is None:
        return [], [], []
    loss = frame.study.aims.objectives[0].loss
    entries = sorted(
        (x, trials.number[position], value)
        for position in frame.eligible
        if (x := xs[position]) is not None and (value := trials.value[position]) is not None
    )
    step_x: list[float] = []
    step_y: list[float] = []
    numbers: list[int] = []
    for x, trial, value in entries:
        if not step_y or loss(value) < loss(step_y[-1]):
            step_x.append(x)
            step_y.append(value)
            numbers.append(trial)
    if step_x:
        step_x.append(max(x for x in xs if x is not None))
        step_y.append(step_y[-1])
    return step_x, step_y, numbers


def _dots(frame: StudyFrame, xs: Sequence[float | None], worst: float) -> list[Dots]:
    """The trials by state; one without a value is drawn where the worst is."""
    trials = frame.trials
    clouds = {
        state: [
            position
            for position, x in enumerate(xs)
            if trials.state[position] == state
            and x is not None
            and (trials.value[position] is not None or state in ENDED)
        ]
        for state in STATE_MARKS
        if state in trials.state
    }
    limits = share_marks([len(inside) for inside in clouds.values()])
    found = []
    for (state, inside), limit in zip(clouds.items(), limits, strict=True):
        chosen = choose_points([trials.value[position] for position in inside], limit)
        dots = Dots(state, [], [], [], [])
        for position in (inside[i] for i in chosen):
            value, x = trials.value[position], xs[position]
            assert x is not None
            dots.x.append(x)
            dots.y.append(worst if value is None else value)
            dots.numbers.append(trials.number[position])
            dots.values.append(value)
        found.append(dots)
    return found


def _baselines(frame: StudyFrame) -> list[tuple[str, float]]:
    if frame.baselines is None:
        return []
    metric = frame.study.aims.objectives[0].name
    if metric == TEXT_METRIC:
        named = {f"{order}-gram": value for order, value in frame.baselines.ngrams.items()}
        return sorted(named.items(), key=lambda line: -line[1])[-2:]
    if metric != "mse":
        return []
    lines = [("mean sample", frame.baselines.mean)]
    best = frame.best
    params = frame.trials.params[best] if best is not None else {}
    latent = params.get("latent_dim", frame.study.fixed.get("latent_dim"))
    if isinstance(latent, int) and latent in frame.baselines.pca:
        name = f"PCA-{latent} clipped" if latent in frame.baselines.clipped else f"PCA-{latent}"
        lines.append((name, frame.baselines.pca[latent]))
    return lines


def draw_best_so_far(data: BestSoFar) -> go.Figure:
    """Dots by state under the step line of the best."""
    figure = sheet(height=420)
    for dots in data.dots:
        mark = STATE_MARKS[dots.state]
        figure.add_scatter(
            x=dots.x,
            y=dots.y,
            name=mark.label,
            mode="markers",
            marker=marker_of(mark, 8),
            customdata=[
                [trial, "no value" if value is None else number(value)]
                for trial, value in zip(dots.numbers, dots.values, strict=True)
            ],
            hovertemplate="trial %{customdata[0]}: %{customdata[1]}<extra>%{fullData.name}</extra>",
            meta={"trials": True},
        )
    if data.step_x:
        figure.add_scatter(
            x=data.step_x,
            y=data.step_y,
            name="best so far",
            mode="lines",
            line={"color": BEST, "width": 2.5, "shape": "hv"},
            hoverinfo="skip",  # the dots under it are what can be pointed at
        )
    everywhere = [x for dots in data.dots for x in dots.x]
    for (name, value), dash in zip(data.baselines, ("dot", "dash"), strict=False):
        figure.add_scatter(
            x=[min(everywhere), max(everywhere)],
            y=[value, value],
            name=escape(name),
            mode="lines",
            line={"color": GREY, "width": 1.6, "dash": dash},
            hovertemplate="%{fullData.name} %{y:.4g}<extra></extra>",
        )
    figure.update_xaxes(axis(data.x_title))
    figure.update_yaxes(axis(data.y_title, log=data.log))
    if data.y_range is not None:
        figure.update_yaxes(range=data.y_range)
    return figure


def summarise_best_so_far(data: BestSoFar) -> str:
    """One sentence: the best, since when, and what it beats."""
    counted = f"{data.ended:,} of {plural(data.planned, 'trial')} ended"
    also = f" ({data.unfinished})" if data.unfinished else ""
    if data.front and data.best_value is not None:
        return f"{counted}{also}; {data.front}, and dominate {share(data.best_value)} of the box."
    if data.best_value is None:
        return f"{counted}{also}; none is eligible for best."
    sentence = (
        f"{counted}{also}; the best is trial {data.best_number} with {number(data.best_value)}"
        f"{data.reached}, after {plural(data.improvements, 'improvement')}"
    )
    if data.baselines:
        name, value = data.baselines[-1]
        ratio = data.best_value / value if value else 0.0
        times = f"{ratio:.2f}" if ratio < 1000 else f"{ratio:.3g}"
        sentence += f": {times} times the error of {'the ' if ' ' in name else ''}{name}"
    return f"{sentence}."


def tabulate_best_so_far(data: BestSoFar) -> Table:
    """Every dot: trial, x, state, value."""
    rows: list[tuple[float, list[Cell]]] = []
    for dots in data.dots:
        state = STATE_MARKS[dots.state].label
        for x, trial, value in zip(dots.x, dots.numbers, dots.values, strict=True):
            rows.append((x, [trial, rounded(x), state, rounded(value)]))
    rows.sort(key=lambda row: row[0])
    return Table(["trial", data.x_title, "state", data.y_title], [row for _, row in rows])
