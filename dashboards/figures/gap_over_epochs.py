"""The gap between validation and train against the epoch: the best trial, the median, a band."""

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

import plotly.graph_objects as go

from dashboards.figures.decimation import MAX_POINTS, choose_points, spread
from dashboards.figures.figure import Cell, Table, Waiting
from dashboards.figures.frame import CurveColumns, StudyFrame
from dashboards.figures.gap_onset import FEWEST, LEAST_RISE, Onset, find_onset
from dashboards.figures.paper import (
    BEST,
    GREY,
    VALIDATION,
    axis,
    epoch_axis,
    escape,
    label,
    number,
    plural,
    rounded,
    share,
    sheet,
    unsquashed_range,
)
from service.domain.states import TrialState

SAMPLE = 200
ENDED = (TrialState.COMPLETE.value, TrialState.STOPPED.value)
"""Pruned trials end where they were bad: with them the later epochs would be of other trials."""


class Band(NamedTuple):
    """The gaps of the trials after one epoch."""

    epoch: int
    trials: int
    low: float
    """10 % of the trials are below."""
    median: float
    high: float


class GapOverEpochs(NamedTuple):
    """What is drawn: a band where enough trials remain, and the best trial's gap."""

    metric: str
    unit: str
    relative: bool
    bands: list[Band]
    """Every epoch that a trial of the sample has."""
    best_number: int | None
    best_x: list[int]
    best_y: list[float]
    y_range: list[float] | None
    onset: Onset | None
    told: bool
    """Whether there were trials enough to look for an onset."""
    sampled: int
    available: int

    @property
    def wide(self) -> list[Band]:
        """The epochs with enough trials for a band."""
        return [band for band in self.bands if band.trials >= FEWEST]


def choose_gap_trials(frame: StudyFrame) -> list[int]:
    """Numbers of at most SAMPLE trials whose curves are worth loading: spread by number, the best
    among them. The same ones whether every point is asked for or not."""
    trials = frame.trials
    inside = _available(frame)
    count = len(inside)
    picked = inside
    if count > SAMPLE:
        picked = [inside[i * (count - 1) // (SAMPLE - 2)] for i in range(SAMPLE - 1)]
    best = frame.best
    if best is not None and trials.epochs[best] > 0:
        picked = [*picked, best]
    return sorted({trials.number[position] for position in picked})


def _available(frame: StudyFrame) -> list[int]:
    trials = frame.trials
    return [
        position
        for position in range(len(trials))
        if trials.state[position] in ENDED and trials.epochs[position] > 0
    ]


def prepare_gap_over_epochs(frame: StudyFrame) -> GapOverEpochs | Waiting:
    """Gaps as in gap_against_parameters: positive is worse on validation; of trials that ended."""
    gaps = {
        trial: found
        for trial in choose_gap_trials(frame)
        if trial in frame.curves and (found := _gaps(frame, frame.curves[trial]))
    }
    if not gaps:
        return Waiting(
            "Waiting for the first trial to end.",
            "No trial ended with a value on train and on validation whose ratio says something.",
        )
    by_epoch: dict[int, list[float]] = {}
    for found in gaps.values():
        for epoch, gap in found.items():
            by_epoch.setdefault(epoch, []).append(gap)
    bands = [_band(epoch, by_epoch[epoch]) for epoch in sorted(by_epoch)]
    number_of_best = frame.trials.number[frame.best] if frame.best is not None else None
    best = gaps.get(number_of_best, {}) if number_of_best is not None else {}
    epochs = sorted(best)
    kept = choose_points([best[epoch] for epoch in epochs], MAX_POINTS)
    # Epochs before the first that counts are those in which anything may happen.
    counting = [band for band in bands if band.epoch >= frame.study.first_eligible_epoch]
    shown = [gap for band in counting if band.trials >= FEWEST for gap in (band.low, band.high)]
    shown += list(best.values())
    told, onset = find_onset(
        gaps, frame.study.first_eligible_epoch, LEAST_RISE if frame.study.has_zero else 0.0
    )
    return GapOverEpochs(
        metric=frame.study.metric,
        unit="% of train" if frame.study.has_zero else frame.study.unit,
        relative=frame.study.has_zero,
        bands=bands,
        best_number=number_of_best if best else None,
        best_x=[epochs[i] for i in kept],
        best_y=[best[epochs[i]] for i in kept],
        y_range=unsquashed_range(shown, minimize=True),
        onset=onset,
        told=told,
        sampled=len(gaps),
        available=len(_available(frame)),
    )


def _gaps(frame: StudyFrame, curve: CurveColumns) -> dict[int, float]:
    study, found = frame.study, {}
    for epoch, train, validation in zip(curve.epochs, curve.train, curve.validation, strict=True):
        if train is None or validation is None or (study.has_zero and train <= 0):
            continue
        gap = (validation - train) / (train if study.has_zero else 1.0)
        if math.isfinite(gap):
            found[epoch] = gap if study.minimize else -gap
    return found


def _band(epoch: int, gaps: list[float]) -> Band:
    ordered = sorted(gaps)
    low, high = (_quantile(ordered, part) for part in (0.1, 0.9))
    return Band(epoch, len(ordered), low, statistics.median(ordered), high)


def _quantile(ordered: Sequence[float], part: float) -> float:
    place = part * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def draw_gap_over_epochs(data: GapOverEpochs) -> go.Figure:
    """The band as an area, the median dashed, the best trial thick, the onset as a line."""
    figure = sheet(height=400)
    times = 100 if data.relative else 1
    wide = [data.wide[i] for i in spread(len(data.wide), MAX_POINTS // 2)]
    if wide:
        epochs = [band.epoch for band in wide]
        figure.add_scatter(
            x=[*epochs, *epochs[::-1]],
            y=[times * band.high for band in wide] + [times * band.low for band in wide[::-1]],
            name="80 % of the trials",
            mode="lines",
            line={"color": VALIDATION, "width": 0.8},
            fill="toself",
            fillcolor="rgba(59,130,208,0.22)",
            hoverinfo="skip",
        )
    lines = wide or data.bands
    figure.add_scatter(
        x=[band.epoch for band in lines],
        y=[times * band.median for band in lines],
        name=f"median of {plural(data.sampled, 'trial')}",
        mode="lines+markers" if len(lines) == 1 else "lines",
        line={"color": VALIDATION, "width": 2.5, "dash": "dash"},
        customdata=[[band.trials] for band in lines],
        hovertemplate="epoch %{x}: %{y:.3g} (%{customdata[0]} trials)<extra>median</extra>",
    )
    if data.best_x:
        figure.add_scatter(
            x=data.best_x,
            y=[times * gap for gap in data.best_y],
            name=f"best: trial {data.best_number}",
            mode="lines+markers" if len(data.best_x) == 1 else "lines",
            line={"color": BEST, "width": 2.5},
            customdata=[[data.best_number]] * len(data.best_x),
            hovertemplate="trial %{customdata[0]}, epoch %{x}: %{y:.3g}<extra>best</extra>",
            meta={"trials": True},
        )
    if data.onset is not None:
        figure.add_vline(x=data.onset.epoch, line={"color": GREY, "width": 1.6, "dash": "dot"})
        figure.add_annotation(
            x=data.onset.epoch, y=1, yref="paper", text="widens from here", showarrow=False,
            xanchor="left" if data.onset.epoch < data.onset.last / 2 else "right", yanchor="top",
        )  # fmt: skip
    figure.update_xaxes(epoch_axis(data.bands[-1].epoch))
    title = label("gap, validation against train", data.unit or escape(data.metric))
    figure.update_yaxes(axis(title, zeroline=True, zerolinecolor="rgba(124,135,150,0.8)"))
    if data.y_range is not None:
        figure.update_yaxes(range=[times * end for end in data.y_range])
    return figure


def summarise_gap_over_epochs(data: GapOverEpochs) -> str:
    """One sentence: where the median gap starts to widen, and the best trial's last gap."""
    shown = plural(data.sampled, "trial")
    if data.sampled < data.available:
        shown = f"{data.sampled:,} of {plural(data.available, 'trial')} that ended"
    best = ""
    if data.best_y:
        best = (
            f"; the best, trial {data.best_number}, has {_say(data, data.best_y[-1])} "
            f"after epoch {data.best_x[-1]}"
        )
    if not data.told:
        return f"Of {shown}: too few trials or epochs to say where the median gap widens{best}."
    onset = data.onset
    if onset is None:
        last = (data.wide or data.bands)[-1]
        return (
            f"Of {shown}: the median gap does not clearly widen, and is {_say(data, last.median)} "
            f"after epoch {last.epoch}{best}."
        )
    return (
        f"Of {shown}: the median gap widens from epoch {onset.epoch} on, from "
        f"{_say(data, onset.before)} to {_say(data, onset.after)} after epoch {onset.last} "
        f"({plural(onset.trials, 'trial')} got there){best}."
    )


def _say(data: GapOverEpochs, gap: float) -> str:
    if data.relative:
        said = f"-{share(-gap)}" if gap < -0.005 else share(max(0.0, gap))
        return f"{said} of train"
    return f"{number(gap)} {data.unit or data.metric}"


def tabulate_gap_over_epochs(data: GapOverEpochs) -> Table:
    """Epoch, how many trials have it, the band, the median, the best trial."""
    times = 100 if data.relative else 1
    best = dict(zip(data.best_x, data.best_y, strict=True))
    rows: list[list[Cell]] = []
    for band in data.bands:
        wide = band.trials >= FEWEST
        numbers = (band.low if wide else None, band.median, band.high if wide else None,
                   best.get(band.epoch))  # fmt: skip
        cells = [rounded(None if value is None else times * value) for value in numbers]
        rows.append([band.epoch, band.trials, *cells])
    unit = f" ({data.unit})" if data.unit else ""
    columns = ["epoch", "trials", *(f"{name}{unit}" for name in ("10 %", "median", "90 %"))]
    return Table([*columns, f"best trial{unit}"], rows)
