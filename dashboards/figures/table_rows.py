"""Rows of a table beside what came out of them: wrong cells are struck through and corrected."""

from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go

from dashboards.figures.figure import Cell, Table
from dashboards.figures.frame import Picture, Pictures, StudyFrame, TrialFacts
from dashboards.figures.leavings import Raw
from dashboards.figures.moments import (
    Moment,
    Progress,
    Step,
    add_slider,
    best_position,
    moments_of,
    progress_of,
    say_progress,
)
from dashboards.figures.paper import escape, number, plural, rounded, share, sheet
from dashboards.figures.picture_strips import errors_of
from dashboards.figures.reconstructions import say_moments, worst_of
from dashboards.figures.written import ROW_HEIGHT, add_texts, strike, underline
from service.domain.data import Column

MAX_COLUMNS = 8
"""The most wrong ones are shown."""
FAR_OFF = 0.5
"""A number is wrong from this many standard deviations of its column on."""
MISSING = "–"


class CellPair(NamedTuple):
    """One cell as it should be and as it came out; `wrong` marks it."""

    target: str
    output: str
    wrong: bool

    def write(self) -> str:
        """As Plotly's text."""
        if self.wrong:
            return f"{strike(self.target)} {underline(self.output)}"
        return escape(self.target)


class TableRows(NamedTuple):
    """What is drawn: for each moment rows of cells, one for each of `columns`."""

    trial: int
    title: str
    """What the rows are: `row`, `hardest: row`."""
    names: list[str]
    columns: list[str]
    hidden: int
    """Columns that are left out: those that came out best."""
    cells: list[list[list[CellPair]]]
    """[moments][rows][columns]"""
    errors: list[list[float]]
    """[moments][rows] mean squared error, scaled."""
    wrong: float
    """The share of wrong cells over all columns, at the moment `shown`."""
    worst_column: str
    """The one with the most wrong cells; empty where none is wrong."""
    moments: list[Moment]
    said: list[str]
    shown: int
    progress: Progress
    usual: float


def prepare_rows(frame: StudyFrame) -> TableRows:
    """The fixed rows at every moment; `frame` has pictures of a table."""
    facts = frame.trial
    assert facts is not None
    assert facts.pictures is not None
    pictures = facts.pictures
    moments = moments_of(facts)
    names = [f"row {index}" for index in range(len(pictures.input))]
    said = say_moments(moments, frame.study.epochs, pictures)
    return _rows(facts, pictures, "row", names, pictures.input, moments, said)


def hardest_rows(facts: TrialFacts, pictures: Pictures) -> TableRows:
    """The hardest rows at the best epoch; `pictures` has some."""
    assert pictures.worst_input is not None
    assert pictures.worst_best is not None
    names = [f"row {index}" for index, _ in worst_of(pictures)]
    moments = [Moment(facts.best_epoch, "best", pictures.worst_best)]
    return _rows(facts, pictures, "hardest", names, pictures.worst_input, moments, [""])


def _rows(
    facts: TrialFacts, pictures: Pictures, title: str, names: list[str], target: Picture,
    moments: list[Moment], said: list[str],
) -> TableRows:  # fmt: skip
    shown = best_position(moments)
    every = pictures.columns
    spread = pictures.input.std(axis=0) if pictures.raw is None else pictures.raw.spread
    pairs = [
        [
            [
                read_cell(column, target[row], moment.output[row], pictures.raw, spread)
                for column in every
            ]
            for row in range(len(names))
        ]
        for moment in moments
    ]
    counts = [sum(row[i].wrong for row in pairs[shown]) for i in range(len(every))]
    sizes = [_error(column, target, moments[shown].output) for column in every]
    order = sorted(range(len(every)), key=lambda i: (-counts[i], -sizes[i]))[:MAX_COLUMNS]
    kept = sorted(order)
    most = max(range(len(every)), key=lambda i: (counts[i], sizes[i]))
    return TableRows(
        trial=facts.number,
        title=title,
        names=names,
        columns=[every[i].name for i in kept],
        hidden=len(every) - len(kept),
        cells=[[[row[i] for i in kept] for row in rows] for rows in pairs],
        errors=[errors_of(target, moment.output) for moment in moments],
        wrong=sum(counts) / max(1, len(every) * len(names)),
        worst_column=every[most].name if counts[most] else "",
        moments=moments,
        said=said,
        shown=shown,
        progress=progress_of(moments, lambda made: float(((target - made) ** 2).mean())),
        usual=float(np.mean(errors_of(pictures.input, pictures.best))),
    )


def _error(column: Column, target: Picture, output: Picture) -> float:
    span = slice(column.start, column.start + column.width)
    return float(((target[:, span] - output[:, span]) ** 2).mean())


def read_cell(
    column: Column, target: Picture, output: Picture, raw: Raw | None, spread: Picture
) -> CellPair:
    """One column of one row, [features] each, in raw units where they are known.

    `spread` [features] are the standard deviations of the scaled data.
    """
    span = slice(column.start, column.start + column.width)
    left, right = target[span], output[span]
    if column.kind == "categorical":
        names = [*column.categories, *["?"] * column.width]
        wanted = names[int(left.argmax())] if left.max() > 0.5 else MISSING
        found = names[int(right.argmax())]
        return CellPair(wanted, found, wanted not in (found, MISSING))
    values = [float(left[0]), float(right[0])]
    wrong = abs(values[0] - values[1]) >= FAR_OFF * (float(spread[column.start]) or 1.0)
    if raw is not None:
        values = [raw.number(column.start, value) for value in values]
    return CellPair(number(values[0]), number(values[1]), wrong)


def draw_rows(data: TableRows) -> go.Figure:
    """A table: a wrong cell has its target struck through, and what came out underlined."""
    figure = sheet(height=150 + ROW_HEIGHT * len(data.names), showlegend=False)
    figure.update_layout(margin={"l": 8, "r": 8, "t": 56, "b": 10})
    columns = ["", *data.columns, "MSE (scaled)"]
    cells = [_columns(data, moment) for moment in range(len(data.moments))]
    widths = [1] * len(columns)
    add_texts(figure, columns, cells[data.shown], widths)
    figure.update_layout(
        meta={
            "wide": True,
            "legend": f"A wrong cell: {strike('as it should be')} {underline('as it came out')}. "
            f"A number is wrong from {FAR_OFF:g} sd of its column on.",
        }
    )
    if len(data.moments) > 1:
        steps = [
            Step(moment.label, data.said[i], {"cells.values": [cells[i]]}, {})
            for i, moment in enumerate(data.moments)
        ]
        add_slider(figure, steps, data.shown, [0])
    return figure


def _columns(data: TableRows, moment: int) -> list[list[str]]:
    rows = data.cells[moment]
    inner = [[row[i].write() for row in rows] for i in range(len(data.columns))]
    return [data.names, *inner, [number(error) for error in data.errors[moment]]]


def summarise_rows(data: TableRows) -> str:
    """One sentence: how many cells are wrong, in which column most, and how it came about."""
    errors = data.errors[data.shown]
    mean = sum(errors) / max(1, len(errors))
    what = "hardest validation row" if data.title == "hardest" else "fixed validation row"
    sentence = (
        f"{plural(len(data.names), what)} of trial {data.trial}: {share(data.wrong)} of the cells "
        f"are wrong at the best epoch"
    )
    if data.worst_column:
        sentence += f", most often {data.worst_column}"
    sentence += f"; mean MSE {number(mean)} on the scaled data"
    if data.title == "hardest" and data.usual > 0:
        sentence += f", {number(mean / data.usual)} times that of rows that nobody chose"
    progress = say_progress(data.progress, "MSE {}")
    if progress:
        sentence += f", {progress}"
    if data.hidden:
        sentence += f"; {plural(data.hidden, 'column')} that came out better are left out"
    return f"{sentence}."


def tabulate_rows(data: TableRows) -> Table:
    """Row, then each column as it should be and as it came out, and the error."""
    columns: list[str] = ["row"]
    for name in data.columns:
        columns += [name, f"{name}, as it came out"]
    rows: list[list[Cell]] = []
    for index, pairs in enumerate(data.cells[data.shown]):
        line: list[Cell] = [data.names[index]]
        for pair in pairs:
            line += [pair.target, pair.output]
        rows.append([*line, rounded(data.errors[data.shown][index])])
    return Table([*columns, "MSE (scaled data)"], rows)
