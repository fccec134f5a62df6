"""The objective over pairs of numeric parameters: trials, and a surface where there are trials."""

import math
from typing import NamedTuple

import numpy as np

from dashboards.figures.basin import (
    CELLS,
    SEVERAL,
    Array,
    Basin,
    Levels,
    Numeric,
    find_basin,
    find_levels,
    from_unit,
    smooth,
    to_unit,
)
from dashboards.figures.decimation import choose_points, spread
from dashboards.figures.figure import Cell, Table, Waiting
from dashboards.figures.frame import StudyFrame
from dashboards.figures.pairs import choose_pairs, column_of, numeric_entries
from dashboards.figures.paper import plural
from service.domain.catalog import Catalog
from service.domain.space import (
    distributions,
)
from service.domain.spec import ResolvedSpec
from service.domain.states import TrialState

FEWEST = 8
"""Trials with a result below which no surface is drawn."""
LEAST_BEST = 3
PAIRS = 3
MAX_POINTS = 1000
COMPLETE, STOPPED = TrialState.COMPLETE.value, TrialState.STOPPED.value
PRUNED = TrialState.PRUNED.value


class ContourPanel(NamedTuple):
    """Two parameters: trials with their level, and the surface over a grid."""

    names: tuple[str, str]
    entries: tuple[Numeric, Numeric]
    x: list[float]
    y: list[float]
    values: list[float]
    levels: list[int]
    broken: list[bool]
    """Whether the trial breaks a constraint."""
    numbers: list[int]
    pruned: tuple[list[float], list[float], list[int]]
    """x, y and number of trials that were cut short: their values are of fewer epochs."""
    grid: tuple[list[float], list[float]]
    surface: list[list[float | None]]
    """Rows by y; empty where all values are the same."""
    best: tuple[float, float] | None
    trials: int
    good: int
    """How many of them are the best tenth, or the best three."""
    basins: tuple[Basin, Basin] | None


class Contours(NamedTuple):
    """Up to PAIRS panels, those of the most important parameters first."""

    metric: str
    title: str
    """Of the objective, with its unit."""
    objectives: int
    levels: Levels
    value: float
    """The best of all; the only one where there are no levels."""
    panels: list[ContourPanel]
    by: str
    """What the pairs were chosen by."""
    best_number: int | None


def searches_a_plane(resolved: ResolvedSpec, catalog: Catalog) -> bool:
    """Whether a study searches two numeric parameters at least."""
    return len(numeric_entries(distributions(resolved.space))) > 1


def prepare_contour(frame: StudyFrame) -> Contours | Waiting:
    """Complete trials with a value (stopped ones if none completed), in up to three planes."""
    entries = numeric_entries(frame.study.space)
    if len(entries) < 2:
        found = f"it searches only {next(iter(entries))}" if entries else "it searches none"
        return Waiting(f"A contour needs two numeric parameters that are searched: {found}.")
    trials = frame.trials
    inside: list[int] = []
    for state in (COMPLETE, STOPPED):
        inside = inside or [
            position
            for position, value in enumerate(trials.value)
            if trials.state[position] == state and value is not None and math.isfinite(value)
        ]
    columns = {name: column_of(frame, name, entry) for name, entry in entries.items()}
    pairs, by = choose_pairs(frame, columns, inside, FEWEST, PAIRS)
    if not pairs:
        return Waiting(
            f"Waiting for {FEWEST} complete trials that share two numeric parameters: "
            f"{len(inside)} so far.",
            f"Only {plural(len(inside), 'trial')} completed with a value: a contour needs "
            f"{FEWEST} that share two numeric parameters.",
        )
    objective = frame.study.aims.objectives[0]
    values = [value for i in inside if (value := trials.value[i]) is not None]
    levels = find_levels(values, minimize=objective.minimize)
    best = frame.best
    return Contours(
        metric=objective.name,
        title=objective.title,
        objectives=len(frame.study.aims.objectives),
        levels=levels,
        value=min(values) if objective.minimize else max(values),
        panels=[_panel(frame, pair, entries, columns, inside, levels) for pair in pairs],
        by=by,
        best_number=None if best is None else trials.number[best],
    )


def _panel(
    frame: StudyFrame,
    pair: tuple[str, str],
    entries: dict[str, Numeric],
    columns: dict[str, Array],
    inside: list[int],
    levels: Levels,
) -> ContourPanel:
    trials, best = frame.trials, frame.best
    column_x, column_y = columns[pair[0]], columns[pair[1]]
    shared = np.isfinite(column_x) & np.isfinite(column_y)
    having = [position for position in inside if shared[position]]
    x, y = column_x[having], column_y[having]
    values = [value for i in having if (value := trials.value[i]) is not None]
    entry_x, entry_y = entries[pair[0]], entries[pair[1]]
    grid = np.linspace(0, 1, CELLS)
    surface = []
    if levels.bounds:
        surface = smooth(to_unit(entry_x, x), to_unit(entry_y, y), values, levels)  # type: ignore[arg-type]
    keep = [having.index(best)] if best in having else []
    chosen = choose_points(values, MAX_POINTS, keep)
    cut = [i for i, state in enumerate(trials.state) if state == PRUNED and shared[i]]
    cut = [cut[i] for i in spread(len(cut), MAX_POINTS)]
    good = _good(frame, having, levels)
    basins = None
    if levels.bounds and good:
        basins = (
            find_basin(entry_x, column_x[good].tolist()),
            find_basin(entry_y, column_y[good].tolist()),
        )
    return ContourPanel(
        names=pair,
        entries=(entry_x, entry_y),
        x=[float(x[i]) for i in chosen],
        y=[float(y[i]) for i in chosen],
        values=[values[i] for i in chosen],
        levels=levels.place([values[i] for i in chosen]),
        broken=[trials.feasible[having[i]] is False for i in chosen],
        numbers=[trials.number[having[i]] for i in chosen],
        pruned=(column_x[cut].tolist(), column_y[cut].tolist(), [trials.number[i] for i in cut]),
        grid=(from_unit(entry_x, grid), from_unit(entry_y, grid)),
        surface=surface,
        best=None if best is None or not shared[best]
        else (float(column_x[best]), float(column_y[best])),
        trials=len(having),
        good=len(good),
        basins=basins,
    )  # fmt: skip


def _good(frame: StudyFrame, having: list[int], levels: Levels) -> list[int]:
    """The best tenth of the trials that may win, three at least."""
    trials = frame.trials
    able = [i for i in having if trials.feasible[i] is not False]
    if len(able) < LEAST_BEST:
        return []
    losses = levels.scale([value for i in able if (value := trials.value[i]) is not None])
    order = np.argsort(losses, kind="stable")
    return [able[i] for i in order[: max(LEAST_BEST, math.ceil(len(able) / 10))]]


def summarise_contour(data: Contours) -> str:
    """One sentence: where the basin of the first pair lies, and whether an edge cuts it off."""
    panel = data.panels[0]
    start = f"{plural(panel.trials, 'trial')} over {panel.names[0]} and {panel.names[1]}"
    start += f" (chosen by {data.by})"
    if not data.levels.bounds:
        return f"{start}: all have the same {data.metric}, so no basin can be seen."
    if panel.basins is None:
        return f"{start}: too few of them keep the constraints to tell where the best lie."
    whole = panel.good > LEAST_BEST or panel.trials == 10 * LEAST_BEST
    who = f"the best tenth ({panel.good:,})" if whole else f"the best {panel.good}"
    if data.objectives > 1:
        who += f" by {data.metric}"
    if panel.good >= SEVERAL:
        who = f"four in five of {who}"
    if all(basin.everywhere for basin in panel.basins):
        return f"{start}: {who} are spread over both ranges, so no basin can be seen."
    places = " and ".join(
        _say_place(name, basin) for name, basin in zip(panel.names, panel.basins, strict=True)
    )
    touched = [
        f"the {basin.edge} edge of {name}"
        for name, basin in zip(panel.names, panel.basins, strict=True)
        if basin.edge
    ]
    edge = f"they touch {' and '.join(touched)}" if touched else "they touch no edge"
    return f"{start}: {who} lie {places}; {edge}."


def _say_place(name: str, basin: Basin) -> str:
    low, high = f"{basin.low:.3g}", f"{basin.high:.3g}"
    if basin.everywhere:
        return f"anywhere in {name} ({low} to {high})"
    return f"at {name} {low}" if low == high else f"at {name} {low} to {high}"


def tabulate_contour(data: Contours) -> Table:
    """Trial by trial, pair by pair."""
    rows: list[list[Cell]] = [
        [panel.numbers[i], panel.names[0], panel.x[i], panel.names[1], panel.y[i], panel.values[i],
         "no" if panel.broken[i] else "yes"]
        for panel in data.panels
        for i in range(len(panel.x))
    ]  # fmt: skip
    columns = ["trial", "across", "value across", "up", "value up", data.title]
    return Table([*columns, "keeps the constraints"], rows)
