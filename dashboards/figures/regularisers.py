"""The gap between train and validation against every regulariser that is searched."""

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import plotly.graph_objects as go

from dashboards.figures.figure import Table, Waiting
from dashboards.figures.frame import StudyFrame
from dashboards.figures.gap_panels import (
    REGULARISERS,
    Gaps,
    draw_gaps,
    is_regulariser,
    measure_gaps,
    ordered_values,
    prepare_panels,
    say_median_gap,
    scaled,
    searched,
    tabulate_gaps,
)
from dashboards.figures.paper import BEST, number
from dashboards.figures.rank_correlation import exceeds_chance, spearman
from service.domain.catalog import Catalog
from service.domain.space import CategoricalDistribution, distributions, varies
from service.domain.spec import ResolvedSpec

FEWEST = 12
"""Trials below which nothing is claimed of a regulariser."""
FEWEST_SIDE = 3
OFF_HALF = 0.1
"""Of the trials: how far a threshold may be from their half for the sake of a short number."""
LEVEL = 0.05
"""How often luck may be taken for an effect, over all regularisers together."""
NOTABLE = 0.3
"""A weaker rank correlation is not told, however sure it is."""
OF_A_FAMILY = "beta"
"""What makes a family what it is: a plain VAE has it, and cannot search it."""
Column = tuple[Sequence[float], Sequence[float]]


class Reducer(NamedTuple):
    """The regulariser that goes with the gap most clearly; gaps as in Gaps."""

    parameter: str
    direction: Literal["higher", "lower"]
    """Which values go with the smaller gap."""
    threshold: float
    """Parts the trials into halves: at most this, and above."""
    switch: bool
    """Whether it is on or off; the threshold is 0.5 then."""
    median_below: float
    median_above: float
    below: int
    above: int
    correlation: float
    trials: int


class RegulariserGaps(NamedTuple):
    """The panels, and what narrowed the gap."""

    gaps: Gaps
    reducer: Reducer | None
    most: int
    """Trials of the regulariser that most trials have."""


def searches_regularisers(resolved: ResolvedSpec, catalog: Catalog) -> bool:
    """Whether a study searches a regulariser."""
    return any(
        is_regulariser(name) and varies(entry)
        for name, entry in distributions(resolved.space).items()
    )


def prepare_regularisers(frame: StudyFrame) -> RegulariserGaps | Waiting:
    """Every regulariser that is searched; those that could be, where there is none."""
    names = [name for name in searched(frame) if is_regulariser(name)]
    if not names:
        open_ones = [n for n in REGULARISERS if n in frame.study.not_searched and n != OF_A_FAMILY]
        could = f": {', '.join(open_ones)} could be searched" if open_ones else ""
        return Waiting(f"This study searches no regulariser{could}.")
    gaps = prepare_panels(frame, names)
    if isinstance(gaps, Waiting):
        return gaps
    return RegulariserGaps(
        gaps=gaps,
        reducer=what_reduced_gap(frame),
        most=max(panel.having for panel in gaps.panels),
    )


def what_reduced_gap(frame: StudyFrame) -> Reducer | None:
    """The searched regulariser that goes with the gap most clearly, if that is beyond chance.

    Beyond chance: see `find_clear`. None also where a side of the threshold has fewer than
    FEWEST_SIDE trials, or where the medians of both sides do not say what the ranks say. It goes
    with the gap: what made it small is for another study to tell.
    """
    gaps, _ = measure_gaps(frame)
    columns = {
        name: column
        for name in searched(frame)
        if is_regulariser(name) and (column := ordered_values(frame, name, gaps)) is not None
    }
    clear = find_clear(columns)
    if clear is None:
        return None
    name, correlation = clear
    values, its_gaps = columns[name]
    entry = frame.study.space[name]
    switch = isinstance(entry, CategoricalDistribution) and set(map(type, entry.choices)) == {bool}
    threshold = 0.5 if switch else find_threshold(values)
    sides: tuple[list[float], list[float]] = ([], [])
    for value, gap in zip(values, its_gaps, strict=True):
        sides[value > threshold].append(gap)
    if min(map(len, sides)) < FEWEST_SIDE:
        return None
    below, above = map(statistics.median, sides)
    if (above - below) * correlation <= 0:
        return None
    return Reducer(
        parameter=name,
        direction="higher" if correlation < 0 else "lower",
        threshold=threshold,
        switch=switch,
        median_below=below,
        median_above=above,
        below=len(sides[0]),
        above=len(sides[1]),
        correlation=correlation,
        trials=len(values),
    )


def find_clear(columns: Mapping[str, Column]) -> tuple[str, float] | None:
    """The strongest rank correlation among columns of (values, gaps), if it is beyond chance.

    It must be NOTABLE, too. Columns with fewer than FEWEST values are not looked at.
    """
    found = {
        name: (correlation, len(values))
        for name, (values, gaps) in columns.items()
        if len(values) >= FEWEST and (correlation := spearman(values, gaps)) is not None
    }
    if not found:
        return None
    clear = [
        (abs(correlation), name)
        for name, (correlation, having) in found.items()
        if abs(correlation) >= NOTABLE and exceeds_chance(correlation, having, len(found))
    ]
    return (max(clear)[1], found[max(clear)[1]][0]) if clear else None


def find_threshold(values: Sequence[float]) -> float:
    """The shortest number that parts the values (not all equal) about evenly.

    With at least 40 % of them on either side where ties allow it, else as evenly as they can be.
    """
    ordered = sorted(values)
    half = len(ordered) / 2
    cuts = [i for i in range(1, len(ordered)) if ordered[i - 1] < ordered[i]]
    room = max(min(abs(i - half) for i in cuts), OFF_HALF * len(ordered))
    able = [i for i in cuts if abs(i - half) <= room]
    low, high = ordered[able[0] - 1], ordered[able[-1]]
    near = min(able, key=lambda i: abs(i - half))
    ends = (ordered[near - 1], ordered[near])
    middle = math.sqrt(ends[0] * ends[1]) if ends[0] > 0 else sum(ends) / 2
    for digits in range(1, 16):
        short = float(f"{middle:.{digits}g}")
        if low <= short < high:
            return short
    return ends[0]


def draw_regularisers(data: RegulariserGaps) -> go.Figure:
    """The panels; in that of the reducer a line at the median of either side."""
    figure = draw_gaps(data.gaps)
    reducer = data.reducer
    for index, panel in enumerate(data.gaps.panels):
        if reducer is None or panel.parameter != reducer.parameter or panel.ticks:
            continue
        ends = (min(panel.x), reducer.threshold, max(panel.x))
        for side, median in enumerate((reducer.median_below, reducer.median_above)):
            figure.add_scatter(
                x=list(ends[side : side + 2]),
                y=[scaled(data.gaps, median)] * 2,
                xaxis=f"x{index + 1 if index else ''}",
                yaxis=f"y{index + 1 if index else ''}",
                mode="lines",
                line={"color": BEST, "width": 3},
                hovertemplate="median %{y:.3g}<extra></extra>",
            )
    return figure


def summarise_regularisers(data: RegulariserGaps) -> str:
    """One sentence: the median gap, and the regulariser that narrowed it beyond chance."""
    start = say_median_gap(data.gaps)
    reducer = data.reducer
    if reducer is not None:
        return f"{start}; {_say_reducer(data.gaps, reducer)}."
    if data.most < FEWEST:
        return f"{start}; below {FEWEST} trials nothing is said of what narrows it."
    return f"{start}; no regulariser that is searched goes with it beyond chance."


def _say_reducer(gaps: Gaps, reducer: Reducer) -> str:
    name, at = reducer.parameter, f"{reducer.threshold:.4g}"
    here, there = (f"{name} above {at}", "at or below it")
    if reducer.switch:
        here, there = f"{name} on", "with it off"
    medians, counts = [reducer.median_above, reducer.median_below], [reducer.above, reducer.below]
    if reducer.direction == "lower":
        here, there = (f"{name} at most {at}", "above it")
        if reducer.switch:
            here, there = f"{name} off", "with it on"
        medians, counts = medians[::-1], counts[::-1]
    narrow, wide = (_say(gaps, median) for median in medians)
    return (
        f"trials with {here} have a median gap of {narrow} against {wide} {there} "
        f"(n = {counts[0]:,}, {counts[1]:,}; rank correlation {reducer.correlation:.2f})"
    )


def _say(gaps: Gaps, median: float) -> str:
    if not gaps.relative:
        return number(median) if gaps.unit == "difference" else f"{number(median)} {gaps.unit}"
    return f"{100 * median:.0f} %" if abs(median) >= 0.0995 else f"{100 * median:.2g} %"


def tabulate_regularisers(data: RegulariserGaps) -> Table:
    """Parameter, trials, rank correlation with the gap."""
    return tabulate_gaps(data.gaps)
