"""The figures of a few trials side by side; they read trials and not a StudyFrame."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic

import plotly.graph_objects as go

from dashboards.figures.curves_side_by_side import (
    draw_curves,
    prepare_curves,
    summarise_curves,
    tabulate_curves,
)
from dashboards.figures.decimation import every_point
from dashboards.figures.figure import Data, Plot, Table, Waiting, thin
from dashboards.figures.paper import sheet
from dashboards.figures.pictures_side_by_side import (
    draw_pictures,
    prepare_pictures,
    summarise_pictures,
    tabulate_pictures,
)
from dashboards.figures.side_by_side import SideBySide


@dataclass(frozen=True)
class Compared(Generic[Data]):
    """An entry: as a Figure of the registry, over trials side by side."""

    title: str
    group: str
    prepare: Callable[[SideBySide], Data | Waiting]
    draw: Callable[[Data], go.Figure]
    summarise: Callable[[Data], str]
    tabulate: Callable[[Data], Table]


COMPARED: dict[str, Compared[Any]] = {
    "curves": Compared(
        title="Learning curves: which trial gets lower, which one generalises?",
        group="convergence",
        prepare=prepare_curves,
        draw=draw_curves,
        summarise=summarise_curves,
        tabulate=tabulate_curves,
    ),
    "pictures": Compared(
        title="Reconstructions: what does each of them lose of the same samples?",
        group="pictures",
        prepare=prepare_pictures,
        draw=draw_pictures,
        summarise=summarise_pictures,
        tabulate=tabulate_pictures,
    ),
}
"""By name, in the order in which the page shows them."""


def render_compared(entry: Compared[Any], sides: SideBySide) -> Plot:
    """The figure with its sentence and its table; an empty one when waiting."""
    data = entry.prepare(sides)
    if isinstance(data, Waiting):
        return Plot(sheet(height=220), data.message, Table([], []), True)
    figure = entry.draw(data)
    figure.layout.title.text = entry.title
    table = entry.tabulate(data)
    return Plot(figure, entry.summarise(data), Table(table.columns, thin(table.rows)), False)


def whole_compared(entry: Compared[Any], sides: SideBySide) -> Table | str:
    """Every row, also of what the drawing leaves out; what it waits for where there is none."""
    with every_point():
        data = entry.prepare(sides)
        return data.message if isinstance(data, Waiting) else entry.tabulate(data)
