"""One trial's train and validation curves of the objective, the gap between, and where it turns."""

from collections.abc import Sequence
from typing import NamedTuple

import plotly.graph_objects as go

from dashboards.figures.decimation import MAX_POINTS, choose_points
from dashboards.figures.figure import Cell, Table, Waiting
from dashboards.figures.frame import StudyFrame
from dashboards.figures.paper import (
    BEST,
    GREY,
    RED,
    TRAIN,
    VALIDATION,
    axis,
    epoch_axis,
    label,
    needs_log,
    rounded,
    sheet,
    unsquashed_range,
)
from service.domain.records import EpochReport


class TrialCurves(NamedTuple):
    """Both curves, and the epochs that are marked."""

    trial: int
    y_title: str
    log: bool
    y_range: list[float] | None
    epochs: list[int]
    train: list[float | None]
    validation: list[float | None]
    best_epoch: int | None
    first_overfit_epoch: int | None
    first_eligible_epoch: int
    gap: float | None
    """Relative to train at the best epoch, positive is worse."""


def prepare_trial_curves(frame: StudyFrame) -> TrialCurves | Waiting:
    """The objective's metric by epoch, on equally large parts of train and validation."""
    facts = frame.trial
    if facts is None or not facts.reports:
        return Waiting("Waiting for this trial's first epoch to end.")
    metric = frame.study.metric
    train = [report.train.get(metric) for report in facts.reports]
    validation = [report.validation.get(metric) for report in facts.reports]
    kept = choose_points(validation, MAX_POINTS, _position(facts.reports, facts.best_epoch))
    values = train + validation
    log = needs_log(values)
    return TrialCurves(
        trial=facts.number,
        y_title=label(metric, frame.study.unit),
        log=log,
        y_range=None if log else unsquashed_range(values, minimize=frame.study.minimize),
        epochs=[facts.reports[i].epoch for i in kept],
        train=[train[i] for i in kept],
        validation=[validation[i] for i in kept],
        best_epoch=facts.best_epoch,
        first_overfit_epoch=facts.first_overfit_epoch,
        first_eligible_epoch=frame.study.first_eligible_epoch,
        gap=_relative_gap(frame, train, validation),
    )


def _position(reports: Sequence[EpochReport], epoch: int | None) -> list[int]:
    return [i for i, report in enumerate(reports) if report.epoch == epoch]


def _relative_gap(
    frame: StudyFrame, train: list[float | None], validation: list[float | None]
) -> float | None:
    facts = frame.trial
    assert facts is not None
    at = _position(facts.reports, facts.best_epoch) or [len(train) - 1]
    left, right = train[at[0]], validation[at[0]]
    if left is None or right is None or left == 0:
        return None
    return (right - left if frame.study.minimize else left - right) / abs(left)


def draw_trial_curves(data: TrialCurves) -> go.Figure:
    """Two lines with the gap shaded, and vertical marks."""
    figure = sheet(height=400)
    figure.add_scatter(
        x=data.epochs,
        y=data.train,
        name="train",
        mode="lines+markers" if len(data.epochs) < 40 else "lines",
        line={"color": TRAIN, "width": 2.2, "dash": "dash"},
        hovertemplate="epoch %{x}: %{y:.4g}<extra>train</extra>",
    )
    figure.add_scatter(
        x=data.epochs,
        y=data.validation,
        name="validation",
        mode="lines+markers" if len(data.epochs) < 40 else "lines",
        line={"color": VALIDATION, "width": 2.6},
        fill="tonexty",
        fillcolor="rgba(59,130,208,0.16)",
        hovertemplate="epoch %{x}: %{y:.4g}<extra>validation</extra>",
    )
    if data.first_eligible_epoch > 1:
        figure.add_vrect(
            x0=0.5,
            x1=data.first_eligible_epoch - 0.5,
            line_width=0,
            fillcolor=GREY,
            opacity=0.12,
            annotation={"text": "warm-up: does not count", "font": {"size": 12}},
            annotation_position="top left",
        )
    if data.best_epoch is not None:
        _mark(figure, data.best_epoch, "best", BEST, "dash")
    if data.first_overfit_epoch is not None:
        _mark(figure, data.first_overfit_epoch, "overfits from here", RED, "solid")
    figure.update_xaxes(epoch_axis(max(data.epochs)))
    figure.update_yaxes(axis(data.y_title, log=data.log))
    if data.y_range is not None:
        figure.update_yaxes(range=data.y_range)
    return figure


def _mark(figure: go.Figure, epoch: int, text: str, color: str, dash: str) -> None:
    figure.add_vline(
        x=epoch,
        line={"color": color, "width": 1.8, "dash": dash},
        annotation={"text": text, "font": {"size": 12}},
        annotation_position="bottom right" if text == "best" else "top right",
    )


def summarise_trial_curves(data: TrialCurves) -> str:
    """One sentence: the best epoch, the gap there, and whether it overfits."""
    sentence = f"Trial {data.trial} over {max(data.epochs)} epochs"
    if data.best_epoch is not None:
        sentence += f": best at epoch {data.best_epoch}"
    if data.gap is not None:
        side = "worse" if data.gap >= 0 else "better"
        sentence += f", where validation is {abs(100 * data.gap):.1f} % {side} than train"
    if data.first_overfit_epoch is not None:
        return f"{sentence}; it overfits from epoch {data.first_overfit_epoch} on."
    return f"{sentence}; no overfitted epoch was found."


def tabulate_trial_curves(data: TrialCurves) -> Table:
    """Epoch, train, validation."""
    rows: list[list[Cell]] = [
        [epoch, rounded(train), rounded(validation)]
        for epoch, train, validation in zip(data.epochs, data.train, data.validation, strict=True)
    ]
    return Table(["epoch", f"train {data.y_title}", f"validation {data.y_title}"], rows)
