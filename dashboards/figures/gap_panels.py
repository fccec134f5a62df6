"""Panels of the gap between train and validation: one parameter each."""

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

import plotly.graph_objects as go

from dashboards.figures.decimation import choose_points
from dashboards.figures.figure import Cell, Table, Waiting
from dashboards.figures.frame import StudyFrame
from dashboards.figures.panels import lay_out
from dashboards.figures.paper import (
    VALIDATION,
    axis,
    escape,
    label,
    needs_log,
    number,
    plural,
    rounded,
    sheet,
)
from dashboards.figures.paper import share as say_share
from dashboards.figures.rank_correlation import spearman
from service.domain.space import CategoricalDistribution, Scalar, varies
from service.domain.states import TrialState

REGULARISERS = (
    "dropout", "weight_decay", "word_dropout", "noise_level", "augment_flip", "augment_shift",
    "augment_crop", "augment_noise", "beta", "free_bits", "r1", "spectral_norm", "mmd_weight",
    "code_weight", "decoder_weight", "decoder_penalty", "sparsity_weight", "contraction_weight",
)  # fmt: skip
"""What is there to keep a model from learning its training samples by heart."""
ENDED = (TrialState.COMPLETE.value, TrialState.STOPPED.value)
MAX_PANELS = 18
MAX_POINTS = 500
TICK_LETTERS = 24
"""Of all names under a panel: with more they are turned, lest some be left out."""
LEAST_SHARE = 0.005
FEWEST = 5
"""Trials below which no rank correlation is said."""


class GapPanel(NamedTuple):
    """One parameter; categories stand at 0, 1, 2, ... with `ticks` as names."""

    parameter: str
    log: bool
    ticks: list[str]
    x: list[float]
    gap: list[float]
    numbers: list[int]
    having: int
    """Trials that have it and a gap; at most MAX_POINTS of them are drawn."""
    correlation: float | None
    """Spearman's, of a parameter with an order; None: too few trials, or no order."""


class Gaps(NamedTuple):
    """Every panel, and how many trials have both numbers."""

    metric: str
    unit: str
    """Of the gap: `% of train`; the metric's own where its zero says nothing."""
    relative: bool
    """Whether gaps are shares of train; else differences."""
    panels: list[GapPanel]
    trials: int
    median: float
    left_out: int
    """Trials with both numbers, but none that a share could be of."""
    not_shown: int
    """Parameters for which there is no room."""


def is_regulariser(name: str) -> bool:
    """Whether the parameter is there to keep a model from learning by heart."""
    return name in REGULARISERS


def searched(frame: StudyFrame) -> list[str]:
    """Parameters of which trials can have different values, by name."""
    return sorted(name for name, entry in frame.study.space.items() if varies(entry))


def measure_gaps(frame: StudyFrame) -> tuple[dict[int, float], int]:
    """The gap by position, of trials that ended by themselves with a value on both parts.

    Positive is worse on validation; a share of train where the metric has a zero. Also: how many
    have both values, but none that a share could be of.
    """
    trials, sign = frame.trials, 1.0 if frame.study.minimize else -1.0
    gaps: dict[int, float] = {}
    left_out = 0
    for position, (state, train, validation) in enumerate(
        zip(trials.state, trials.train, trials.validation, strict=True)
    ):
        if state not in ENDED or train is None or validation is None:
            continue
        if frame.study.has_zero and train <= 0:
            left_out += 1
            continue
        gap = sign * (validation - train) / (train if frame.study.has_zero else 1.0)
        if math.isfinite(gap):
            gaps[position] = gap
    return gaps, left_out


def prepare_panels(frame: StudyFrame, names: Sequence[str]) -> Gaps | Waiting:
    """Trials that ended by themselves, with a value on both parts, against these parameters."""
    gaps, left_out = measure_gaps(frame)
    if not gaps:
        return Waiting(
            "Waiting for the first trial to end.",
            "No trial ended with a value on train and on validation whose ratio says something.",
        )
    relative = frame.study.has_zero
    return Gaps(
        metric=frame.study.metric,
        unit="% of train" if relative else frame.study.unit or "difference",
        relative=relative,
        panels=[_panel(frame, name, gaps) for name in names[:MAX_PANELS]],
        trials=len(gaps),
        median=statistics.median(gaps.values()),
        left_out=left_out,
        not_shown=max(0, len(names) - MAX_PANELS),
    )


def ordered_values(
    frame: StudyFrame, name: str, gaps: dict[int, float]
) -> tuple[list[float], list[float]] | None:
    """The parameter's numbers and the gaps of the trials that have it; None: it has no order."""
    entry = frame.study.space[name]
    if isinstance(entry, CategoricalDistribution) and not all(
        isinstance(choice, int | float) for choice in entry.choices
    ):
        return None
    params = frame.trials.params
    having = [p for p in gaps if isinstance(params[p].get(name), int | float)]
    return [float(params[p][name]) for p in having], [gaps[p] for p in having]


def _panel(frame: StudyFrame, name: str, gaps: dict[int, float]) -> GapPanel:
    trials = frame.trials
    distribution = frame.study.space[name]
    categories = distribution.choices if isinstance(distribution, CategoricalDistribution) else []
    having = [position for position in gaps if name in trials.params[position]]
    ordered = ordered_values(frame, name, gaps)
    correlation = None
    if ordered is not None and len(ordered[0]) >= FEWEST:
        correlation = spearman(*ordered)
    chosen = choose_points([gaps[position] for position in having], MAX_POINTS, [])
    return GapPanel(
        parameter=name,
        log=bool(getattr(distribution, "log", False)),
        ticks=[_say(choice) for choice in categories],
        x=[_place(trials.params[having[i]][name], categories) for i in chosen],
        gap=[gaps[having[i]] for i in chosen],
        numbers=[trials.number[having[i]] for i in chosen],
        having=len(having),
        correlation=correlation,
    )


def _place(value: Scalar, categories: list[Scalar]) -> float:
    for index, choice in enumerate(categories):
        if type(choice) is type(value) and choice == value:
            return float(index)
    return float(value) if isinstance(value, int | float) else math.nan


def _say(value: Scalar) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def draw_gaps(data: Gaps) -> go.Figure:
    """A panel a parameter, with the line of no gap."""
    figure = sheet(showlegend=False)
    for index, panel in enumerate(data.panels):
        x_axis, y_axis = lay_out(figure, index, len(data.panels))
        figure.add_scatter(
            x=panel.x,
            y=[scaled(data, gap) for gap in panel.gap],
            xaxis=x_axis,
            yaxis=y_axis,
            mode="markers",
            marker={"color": VALIDATION, "size": 8, "opacity": 0.8},
            customdata=[[trial] for trial in panel.numbers],
            hovertemplate="trial %{customdata[0]}<br>gap %{y:.3g}<extra></extra>",
            meta={"trials": True},
        )
        more: dict[str, object] = {"nticks": 5}
        if panel.ticks:
            more = {
                "tickvals": list(range(len(panel.ticks))),
                "ticktext": [escape(tick[:24]) for tick in panel.ticks],
                "tickangle": 30 if sum(map(len, panel.ticks)) > TICK_LETTERS else 0,
                "range": [-0.6, len(panel.ticks) - 0.4],
            }
        log = panel.log and not panel.ticks and needs_log(panel.x)
        figure.layout[f"xaxis{x_axis[1:]}"].update(axis(escape(panel.parameter), log=log, **more))
        figure.layout[f"yaxis{y_axis[1:]}"].update(
            axis(label("gap", data.unit), zeroline=True, zerolinecolor="rgba(124,135,150,0.8)")
        )
    return figure


def scaled(data: Gaps, gap: float) -> float:
    """A gap as the axis shows it."""
    return gap * (100 if data.relative else 1)


def say_median_gap(data: Gaps) -> str:
    """`The median gap of 24 trials is 15 % of train`: how the sentence begins."""
    start = f"The median gap of {plural(data.trials, 'trial')} {_say_gap(data)}"
    if data.left_out:
        start += f" ({data.left_out} left out: train is not above 0)"
    return start


def _say_gap(data: Gaps) -> str:
    size, side = abs(data.median), "better on validation" if data.median < 0 else ""
    if not data.relative:
        unit = "" if data.unit == "difference" else f" {data.unit}"
        return f"in {data.metric} is {number(size)}{unit} {side or 'worse on validation'}".rstrip()
    if side:
        said = "less than 1 %" if 0 < size < LEAST_SHARE else say_share(size)
        return f"is {said} {side}"
    return f"is {say_share(size)} of train"


def tabulate_gaps(data: Gaps) -> Table:
    """Parameter, trials, rank correlation with the gap."""
    rows: list[list[Cell]] = [
        [panel.parameter, panel.having, rounded(panel.correlation)] for panel in data.panels
    ]
    return Table(["parameter", "trials", "rank correlation with the gap"], rows)
