"""Learning curves of a few trials in one figure: validation solid, train dotted."""

from typing import NamedTuple

import plotly.graph_objects as go

from dashboards.figures.decimation import MAX_POINTS, choose_points
from dashboards.figures.figure import Cell, Table, Waiting
from dashboards.figures.frame import TrialFacts
from dashboards.figures.paper import (
    axis,
    epoch_axis,
    label,
    needs_log,
    number,
    rounded,
    sheet,
    unsquashed_range,
)
from dashboards.figures.side_by_side import LOOKS, SideBySide, say_list
from service.domain.scales import NO_SHARES, PSNR, WITHOUT_ZERO


class TrialLine(NamedTuple):
    """One trial; `best` is (epoch, value) of its best epoch."""

    trial: int
    place: int
    """Among those that were asked for: it keeps its colour when another has no epoch yet."""
    epochs: list[int]
    train: list[float | None]
    validation: list[float | None]
    best: tuple[int, float] | None
    gap: float | None
    """Relative to train at the best epoch, positive is worse."""
    feasible: bool = True


class CurvesSideBySide(NamedTuple):
    """What is drawn."""

    metric: str
    chosen: bool
    """Whether the metric is what the study is about, and not one of several objectives' loss."""

    y_title: str
    log: bool
    y_range: list[float] | None
    minimize: bool
    lines: list[TrialLine]
    missing: list[int]
    """Trials without an epoch."""


def prepare_curves(data: SideBySide) -> CurvesSideBySide | Waiting:
    """The metric that chooses among epochs, of every trial that has one."""
    study = data.study
    lines = [
        _line(place, facts, study.metric, minimize=study.minimize)
        for place, facts in enumerate(data.trials)
        if facts.reports
    ]
    if not lines:
        return Waiting("Waiting for the first epoch of one of these trials to end.")
    values = [value for line in lines for value in line.train + line.validation]
    log = needs_log(values)
    return CurvesSideBySide(
        metric=study.metric,
        chosen=not study.aims.is_pareto,
        y_title=label(study.metric, study.unit),
        log=log,
        y_range=None if log else unsquashed_range(values, minimize=study.minimize),
        minimize=study.minimize,
        lines=lines,
        missing=[facts.number for facts in data.trials if not facts.reports],
    )


def _line(place: int, facts: TrialFacts, metric: str, *, minimize: bool) -> TrialLine:
    train = [report.train.get(metric) for report in facts.reports]
    validation = [report.validation.get(metric) for report in facts.reports]
    at = [i for i, report in enumerate(facts.reports) if report.epoch == facts.best_epoch]
    kept = choose_points(validation, MAX_POINTS // 4, at)
    best, gap = None, None
    if at:
        left, right = train[at[0]], validation[at[0]]
        if right is not None:
            best = (facts.reports[at[0]].epoch, right)
        if left and right is not None:
            gap = (right - left if minimize else left - right) / abs(left)
    return TrialLine(
        trial=facts.number,
        place=place,
        epochs=[facts.reports[i].epoch for i in kept],
        train=[train[i] for i in kept],
        validation=[validation[i] for i in kept],
        best=best,
        gap=gap,
        feasible=facts.feasible is not False,
    )


def draw_curves(data: CurvesSideBySide) -> go.Figure:
    """Two lines a trial in its colour; a large mark of its shape stands at its best epoch."""
    figure = sheet(height=440)
    for line in data.lines:
        color, symbol = LOOKS[line.place]
        name = f"trial {line.trial}"
        for part, values, dash, width in (
            ("train", line.train, "dot", 1.4),
            ("validation", line.validation, "solid", 2.4),
        ):
            figure.add_scatter(
                x=line.epochs,
                y=values,
                name=f"{name}, {part}",
                legendgroup=name,
                showlegend=part == "validation",
                mode="lines",
                line={"color": color, "width": width, "dash": dash},
                hovertemplate=f"epoch %{{x}}: %{{y:.4g}}<extra>{name}, {part}</extra>",
            )
        if line.best is not None:
            epoch, value = line.best
            figure.add_scatter(
                x=[epoch],
                y=[value],
                name=f"{name}, best epoch",
                legendgroup=name,
                showlegend=False,
                mode="markers",
                marker={"color": color, "symbol": symbol, "size": 11},
                hovertemplate=f"best epoch %{{x}}: %{{y:.4g}}<extra>{name}</extra>",
            )
    figure.update_xaxes(epoch_axis(max(line.epochs[-1] for line in data.lines)))
    figure.update_yaxes(axis(data.y_title, log=data.log))
    if data.y_range is not None:
        figure.update_yaxes(range=data.y_range)
    return figure


def summarise_curves(data: CurvesSideBySide) -> str:
    """Who is ahead and by how much, and who generalises best."""
    sign = 1.0 if data.minimize else -1.0
    known = sorted(
        ((not line.feasible, sign * line.best[1]), line)
        for line in data.lines
        if line.best is not None
    )
    silent = data.missing + [line.trial for line in data.lines if line.best is None]
    notes = " Dotted lines are train."
    if silent:
        notes += f" Without an epoch that counts: trial {say_list([str(n) for n in silent])}."
    broken = [str(line.trial) for _, line in known if not line.feasible]
    if broken:
        notes += f" Beyond a bound, so that it cannot win: trial {say_list(broken)}."
    if not known:
        return "None of them has an epoch that counts yet. Dotted lines are train."
    if not data.chosen and data.metric in WITHOUT_ZERO:
        # Of several objectives, each trial may weigh them differently in what it trains on.
        return f"Curves of the {data.metric}, which is no objective: it ranks nothing here.{notes}"
    (_, loss), first = known[0]
    epoch = first.best[0] if first.best is not None else 0
    # Among compromises of several objectives a lower loss alone is no lead.
    lead = "is ahead with" if data.chosen else f"has the {'low' if data.minimize else 'high'}est"
    text = f"Trial {first.trial} {lead} {data.metric} {number(sign * loss)} at epoch {epoch}"
    others = [_behind(data.metric, line, other, loss) for (_, other), line in known[1:]]
    if others:
        text += f"; {say_list(others)}"
    gaps = [(line.gap, line.trial) for _, line in known if line.gap is not None]
    if data.metric in NO_SHARES:
        gaps = []  # a share of train says nothing of it
    if len(gaps) > 1:
        gap, trial = min(gaps)
        side = "above" if (gap >= 0) == data.minimize else "below"
        text += f"; trial {trial} generalises best: validation {abs(100 * gap):.1f} % {side} train"
    return f"{text}.{notes}"


def _behind(metric: str, line: TrialLine, loss: float, best: float) -> str:
    """How far a trial is behind the one that is named first."""
    if metric in NO_SHARES or best == 0:
        if loss == best:
            return f"trial {line.trial} is level"
        unit = " dB" if metric == PSNR else ""
        side = "worse" if loss > best else "better"
        return f"trial {line.trial} is {number(abs(loss - best))}{unit} {side}"
    share = 100 * (loss - best) / abs(best)
    if abs(share) < 0.05:  # what would be shown as 0.0 %
        return f"trial {line.trial} is level"
    return f"trial {line.trial} is {abs(share):.1f} % {'worse' if share > 0 else 'better'}"


def tabulate_curves(data: CurvesSideBySide) -> Table:
    """Trial, epoch, train, validation."""
    rows: list[list[Cell]] = [
        [line.trial, epoch, rounded(train), rounded(validation)]
        for line in data.lines
        for epoch, train, validation in zip(line.epochs, line.train, line.validation, strict=True)
    ]
    return Table(["trial", "epoch", f"train {data.y_title}", f"validation {data.y_title}"], rows)
