"""The relative gap between train and validation against every parameter, regularisers first."""

import math
import statistics
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
    share,
    sheet,
)
from service.domain.space import CategoricalDistribution, Scalar
from service.domain.states import TrialState

REGULARISERS = (
    "dropout", "weight_decay", "word_dropout", "noise_level", "augment_flip", "augment_shift",
    "augment_crop", "augment_noise", "beta", "free_bits", "r1", "spectral_norm", "mmd_weight",
    "code_weight", "decoder_weight", "decoder_penalty", "sparsity_weight", "contraction_weight",
)  # fmt: skip
"""What is there to keep a model from learning its training samples by heart."""
ENDED = (TrialState.COMPLETE.value, TrialState.STOPPED.value)
MAX_PANELS = 12
MAX_POINTS = 500
TICK_LETTERS = 24
"""Of all names under a panel: with more they are turned, lest some be left out."""
LEAST_SHARE = 0.005
FEWEST = 5
"""Trials below which no rank correlation is said."""
NOTABLE = 0.3


class GapPanel(NamedTuple):
    """One parameter; categories stand at 0, 1, 2, ... with `ticks` as names."""

    parameter: str
    regulariser: bool
    log: bool
    ticks: list[str]
    x: list[float]
    gap: list[float]
    numbers: list[int]
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


def prepare_gaps(frame: StudyFrame) -> Gaps | Waiting:
    """Trials that ended by themselves, with a value on both parts."""
    trials = frame.trials
    gaps: dict[int, float] = {}
    left_out = 0
    for position in range(len(trials)):
        train, validation = trials.train[position], trials.validation[position]
        if trials.state[position] not in ENDED or train is None or validation is None:
            continue
        if frame.study.has_zero and train <= 0:
            left_out += 1
        else:
            gaps[position] = _gap(frame, train, validation)
    if not frame.study.space:
        return Waiting("This study searches no parameter: there is nothing to compare.")
    if not gaps:
        return Waiting(
            "Waiting for the first trial to end.",
            "No trial ended with a value on train and on validation whose ratio says something.",
        )
    names = sorted(frame.study.space, key=lambda name: (name not in REGULARISERS, name))
    panels = [_panel(frame, name, gaps) for name in names[:MAX_PANELS]]
    relative = frame.study.has_zero
    return Gaps(
        metric=frame.study.metric,
        unit="% of train" if relative else frame.study.unit or "difference",
        relative=relative,
        panels=panels,
        trials=len(gaps),
        median=statistics.median(gaps.values()),
        left_out=left_out,
    )


def _gap(frame: StudyFrame, train: float, validation: float) -> float:
    """Positive is worse on validation; a share of train where the metric has a zero."""
    gap = (validation - train) / (train if frame.study.has_zero else 1.0)
    return gap if frame.study.minimize else -gap


def _panel(frame: StudyFrame, name: str, gaps: dict[int, float]) -> GapPanel:
    trials = frame.trials
    distribution = frame.study.space[name]
    categories = distribution.choices if isinstance(distribution, CategoricalDistribution) else []
    having = [position for position in gaps if name in trials.params[position]]
    places = [_place(trials.params[position][name], categories) for position in having]
    ordered = all(isinstance(c, int | float) for c in categories)
    correlation = None
    if ordered and len(having) >= FEWEST:
        correlation = spearman(places, [gaps[position] for position in having])
    chosen = choose_points([gaps[position] for position in having], MAX_POINTS, [])
    return GapPanel(
        parameter=name,
        regulariser=name in REGULARISERS,
        log=bool(getattr(distribution, "log", False)),
        ticks=[_say(choice) for choice in categories],
        x=[places[i] for i in chosen],
        gap=[gaps[having[i]] for i in chosen],
        numbers=[trials.number[having[i]] for i in chosen],
        correlation=correlation,
    )


def _place(value: Scalar, categories: list[Scalar]) -> float:
    for index, choice in enumerate(categories):
        if type(choice) is type(value) and choice == value:
            return float(index)
    return float(value) if isinstance(value, int | float) else math.nan


def _say(value: Scalar) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def spearman(left: list[float], right: list[float]) -> float | None:
    """Spearman's rank correlation, ties at their mean rank; None where one side is constant."""
    one, other = _ranks(left), _ranks(right)
    mean = (len(one) - 1) / 2
    products = sum((a - mean) * (b - mean) for a, b in zip(one, other, strict=True))
    spreads = [sum((a - mean) ** 2 for a in ranks) for ranks in (one, other)]
    if min(spreads) <= 0:
        return None
    return float(products / math.sqrt(spreads[0] * spreads[1]))


def _ranks(values: list[float]) -> list[float]:
    order = sorted(range(len(values)), key=lambda i: values[i])
    ranks = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end + 1 < len(order) and values[order[end + 1]] == values[order[start]]:
            end += 1
        for position in range(start, end + 1):
            ranks[order[position]] = (start + end) / 2
        start = end + 1
    return ranks


def draw_gaps(data: Gaps) -> go.Figure:
    """A panel a parameter, with the line of no gap."""
    figure = sheet(showlegend=False)
    for index, panel in enumerate(data.panels):
        x_axis, y_axis = lay_out(figure, index, len(data.panels))
        figure.add_scatter(
            x=panel.x,
            y=[gap * (100 if data.relative else 1) for gap in panel.gap],
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
        title = escape(panel.parameter) + (" (regulariser)" if panel.regulariser else "")
        log = panel.log and not panel.ticks and needs_log(panel.x)
        figure.layout[f"xaxis{x_axis[1:]}"].update(axis(title, log=log, **more))
        figure.layout[f"yaxis{y_axis[1:]}"].update(
            axis(label("gap", data.unit), zeroline=True, zerolinecolor="rgba(124,135,150,0.8)")
        )
    return figure


def summarise_gaps(data: Gaps) -> str:
    """One sentence: the median gap, and what moved it most."""
    start = f"The median gap of {plural(data.trials, 'trial')} {_say_gap(data)}"
    if data.left_out:
        start += f" ({data.left_out} left out: train is not above 0)"
    told = [panel for panel in data.panels if panel.correlation is not None]
    if not told:
        return f"{start}; with so few trials nothing can be said of what moves it."
    strongest = max(told, key=lambda panel: abs(panel.correlation or 0.0))
    correlation = strongest.correlation or 0.0
    if abs(correlation) < NOTABLE:
        return f"{start}; no parameter moved it clearly (rank correlations below {NOTABLE})."
    way = "narrows" if correlation < 0 else "widens"
    return (
        f"{start}; it {way} most clearly with a higher {strongest.parameter} "
        f"(rank correlation {number(round(correlation, 2))})."
    )


def _say_gap(data: Gaps) -> str:
    size, side = abs(data.median), "better on validation" if data.median < 0 else ""
    if not data.relative:
        unit = "" if data.unit == "difference" else f" {data.unit}"
        return f"in {data.metric} is {number(size)}{unit} {side or 'worse on validation'}".rstrip()
    if side:
        said = "less than 1 %" if 0 < size < LEAST_SHARE else share(size)
        return f"is {said} {side}"
    return f"is {share(size)} of train"


def tabulate_gaps(data: Gaps) -> Table:
    """Parameter, whether it regularises, trials, rank correlation with the gap."""
    rows: list[list[Cell]] = [
        [
            panel.parameter,
            "yes" if panel.regulariser else "no",
            len(panel.x),
            rounded(panel.correlation),
        ]
        for panel in data.panels
    ]
    return Table(["parameter", "regulariser", "trials", "rank correlation with the gap"], rows)
