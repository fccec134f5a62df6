"""What each latent unit does: the decoder's answer while one unit moves and the others rest."""

from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go

from dashboards.figures.decimation import spread
from dashboards.figures.edits import align, count_edits
from dashboards.figures.figure import Cell, Table, Waiting, no_evidence
from dashboards.figures.frame import Evidence, Picture, StudyFrame
from dashboards.figures.inputs import say_value
from dashboards.figures.panels import lay_out
from dashboards.figures.paper import axis, escape, number, plural, rounded, sheet
from dashboards.figures.picture_strips import Strip, draw_strips
from dashboards.figures.pictures import as_images, is_image, paint_grey, strip
from dashboards.figures.written import (
    DRAWN_LEGEND,
    ROW_HEIGHT,
    add_texts,
    join,
    read_tokens,
    write_edits,
)
from service.domain.data import Column

LINE_POINTS = 120
HEADS = ["lowest", "lower", "middle", "higher", "highest"]
TEXT_STEPS = len(HEADS)
MOVED = 4
"""Columns of a table that are named of a unit."""
ASLEEP = 0.05
"""A unit that changes less than this share of what the strongest changes does nothing to see."""
FROM, TO = (59, 130, 208), (217, 115, 13)
"""Low to high: paper.BLUE to paper.ORANGE."""


class Unit(NamedTuple):
    """One latent unit; `outputs` is [S, features] along `values`."""

    number: int
    values: list[float]
    outputs: Picture
    change: float
    """Mean absolute difference from the middle over all places and numbers; of text edits."""


class LatentTraversal(NamedTuple):
    """What is drawn."""

    trial: int
    units: list[Unit]
    evidence: Evidence
    width: int
    """Of one picture; 0 for everything else."""
    measure: str


def prepare_latent_traversal(frame: StudyFrame) -> LatentTraversal | Waiting:
    """The units in the order in which the trainer wrote them: the most telling first."""
    facts = frame.trial
    evidence = facts.evidence if facts is not None else None
    outputs = evidence.get("traversal/best") if evidence is not None else None
    if facts is None or evidence is None or outputs is None or not outputs.size:
        return no_evidence(frame, "traversal of its latent units", "a model with a code")
    count, steps = outputs.shape[:2]
    outputs = outputs.reshape(count, steps, -1)
    indices = _numbers(evidence.get("traversal_units/best"), np.arange(count, dtype=np.float64))
    places = np.tile(np.arange(steps) - (steps - 1) / 2, (count, 1))
    values = _numbers(evidence.get("traversal_values/best"), places)
    drawn = is_image(evidence.shape) and not evidence.tokens
    return LatentTraversal(
        trial=facts.number,
        units=[
            Unit(
                int(indices[row]),
                [float(value) for value in values[row]],
                outputs[row],
                _change(outputs[row], evidence),
            )
            for row in range(count)
        ],
        evidence=evidence,
        width=as_images(outputs[0], evidence.shape).shape[2] if drawn else 0,
        measure="edits a text" if evidence.tokens else "mean |change|, scaled units",
    )


def _numbers(found: Picture | None, otherwise: Picture) -> Picture:
    """An array as it was written, or a stand-in where it is missing or of another size."""
    fits = found is not None and found.size == otherwise.size
    return found.reshape(otherwise.shape) if fits and found is not None else otherwise


def _change(outputs: Picture, evidence: Evidence) -> float:
    middle = outputs[len(outputs) // 2]
    if not evidence.tokens:
        return float(np.abs(outputs - middle).mean())
    base = read_tokens(evidence.tokens, middle)
    texts = [read_tokens(evidence.tokens, row) for row in outputs]
    return sum(count_edits(align(base, text)) for text in texts) / len(texts)


def draw_latent_traversal(data: LatentTraversal) -> go.Figure:
    """A strip of pictures a unit, a table of texts or of columns, or a panel of lines a unit."""
    if data.width:
        return draw_strips([_strip(unit, data) for unit in data.units], data.width)
    if data.evidence.tokens:
        return _draw_texts(data)
    if data.evidence.table:
        return _draw_columns(data)
    return _draw_lines(data)


def _strip(unit: Unit, data: LatentTraversal) -> Strip:
    evidence = data.evidence
    images = as_images(unit.outputs, evidence.shape)
    pixels = strip(paint_grey(images, evidence.low, evidence.high))
    title = f"Unit {unit.number}, from {unit.values[0]:.2g} to {unit.values[-1]:.2g}: "
    title += f"changes {number(unit.change)}"
    return Strip(title, pixels, [f"unit {unit.number} at {value:.3g}" for value in unit.values])


def _draw_texts(data: LatentTraversal) -> go.Figure:
    places = spread(len(data.units[0].values), TEXT_STEPS)
    cells = [
        [
            f"unit {unit.number}, {unit.values[0]:.2g} to {unit.values[-1]:.2g}"
            for unit in data.units
        ]
    ]
    cells += [[_written(unit, place, data.evidence) for unit in data.units] for place in places]
    figure = sheet(height=140 + 2 * ROW_HEIGHT * len(data.units), showlegend=False)
    legend = f"Against the middle: {DRAWN_LEGEND}"
    figure.update_layout(margin={"l": 8, "r": 8, "t": 56, "b": 10}, meta={"legend": legend})
    heads = HEADS if len(places) == TEXT_STEPS else [str(place + 1) for place in places]
    add_texts(figure, ["", *heads], cells, [1] + [3] * len(places))
    return figure


def _written(unit: Unit, place: int, evidence: Evidence) -> str:
    middle = read_tokens(evidence.tokens, unit.outputs[len(unit.outputs) // 2])
    if place == len(unit.outputs) // 2:
        return escape(join(middle, evidence.tokenizer))
    pieces = align(middle, read_tokens(evidence.tokens, unit.outputs[place]))
    return write_edits(pieces, evidence.tokenizer)


def _draw_columns(data: LatentTraversal) -> go.Figure:
    cells: list[list[str]] = [[], [], [], []]
    for unit in data.units:
        moved = _moved(unit, data.evidence)
        cells[0].append(f"unit {unit.number}")
        cells[1].append(f"{unit.values[0]:.2g} to {unit.values[-1]:.2g}")
        cells[2].append(escape("; ".join(moved)) or "nothing to see")
        cells[3].append(number(unit.change))
    figure = sheet(height=140 + 2 * ROW_HEIGHT * len(data.units), showlegend=False)
    figure.update_layout(margin={"l": 8, "r": 8, "t": 56, "b": 10})
    heads = ["", "from, to", "columns that move most", "mean |change| (scaled)"]
    add_texts(figure, heads, cells, [1, 1, 6, 1])
    return figure


def _moved(unit: Unit, evidence: Evidence) -> list[str]:
    """The columns that a unit moves most: `alcohol 12.1 → 13.9`."""
    first, last = unit.outputs[0], unit.outputs[-1]
    sizes = [_column_change(first, last, column) for column in evidence.table]
    order = sorted(range(len(sizes)), key=lambda i: -sizes[i])[:MOVED]
    moved = []
    for i in order:
        if sizes[i] <= 0:
            continue
        column = evidence.table[i]
        before, after = (say_value(row, column, evidence) for row in (first, last))
        # A category that only grows more likely stays the same in words.
        if before != after:
            moved.append(f"{before} → {after.removeprefix(column.name + ' ')}")
    return moved


def _column_change(first: Picture, last: Picture, column: Column) -> float:
    span = slice(column.start, column.start + column.width)
    return float(np.abs(first[span] - last[span]).max(initial=0.0))


def _draw_lines(data: LatentTraversal) -> go.Figure:
    figure = sheet(showlegend=False)
    for panel, unit in enumerate(data.units):
        x_axis, y_axis = lay_out(figure, panel, len(data.units))
        kept = spread(unit.outputs.shape[1], LINE_POINTS)
        for place, value in enumerate(unit.values):
            figure.add_scatter(
                x=kept,
                y=[float(unit.outputs[place, i]) for i in kept],
                xaxis=x_axis,
                yaxis=y_axis,
                mode="lines",
                name=f"unit {unit.number} at {value:.3g}",
                line={"color": _color(place, len(unit.values)), "width": 1.6},
                hovertemplate="feature %{x}: %{y:.4g}<extra>%{fullData.name}</extra>",
            )
        figure.layout[f"xaxis{x_axis[1:]}"].update(axis("feature (index)"))
        figure.layout[f"yaxis{y_axis[1:]}"].update(
            axis(f"unit {unit.number}: blue low, orange high (scaled)")
        )
    return figure


def _color(place: int, count: int) -> str:
    part = place / max(1, count - 1)
    mixed = (round(a + (b - a) * part) for a, b in zip(FROM, TO, strict=True))
    return "rgb({},{},{})".format(*mixed)


def summarise_latent_traversal(data: LatentTraversal) -> str:
    """One sentence: which unit changes the output most, and which do nothing."""
    strongest = max(data.units, key=lambda unit: unit.change)
    verb = "is" if len(data.units) == 1 else "are"
    shown = f"{plural(len(data.units), 'latent unit')} that {verb} shown"
    if strongest.change <= 0:
        return f"None of the {shown} of trial {data.trial} changes what the decoder says."
    sentence = (
        f"Of {shown} of trial {data.trial}, unit {strongest.number} changes the output most "
        f"({number(strongest.change)}, {data.measure})"
    )
    asleep = [unit.number for unit in data.units if unit.change < ASLEEP * strongest.change]
    if asleep:
        named = ", ".join(map(str, asleep))
        sentence += f"; {plural(len(asleep), 'unit')} ({named}) "
        sentence += f"{'does' if len(asleep) == 1 else 'do'} nothing that one could see"
    elif len(data.units) > 1:
        weakest = min(data.units, key=lambda unit: unit.change)
        ratio = strongest.change / weakest.change
        sentence += f", {number(ratio)} times what unit {weakest.number} changes"
    return f"{sentence}."


def tabulate_latent_traversal(data: LatentTraversal) -> Table:
    """Unit, the range it was moved over, and how much the output changes."""
    rows: list[list[Cell]] = [
        [unit.number, rounded(unit.values[0]), rounded(unit.values[-1]), rounded(unit.change)]
        for unit in data.units
    ]
    return Table(["unit", "from", "to", data.measure], rows)
