"""What a figure is: data prepared from a frame, a drawing, a sentence and a table."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, NamedTuple, TypeAlias, TypeVar

import plotly.graph_objects as go

from dashboards.figures.decimation import every_point
from dashboards.figures.frame import StudyFrame
from dashboards.figures.identity import identify
from dashboards.figures.paper import escape, sheet
from service.domain.catalog import Catalog
from service.domain.spec import ResolvedSpec

Data = TypeVar("Data")
Need: TypeAlias = Literal[
    "scores", "trials", "curves", "analyses", "baselines", "trial", "pictures", "evidence"
]
"""Parts of a StudyFrame that a figure reads; from `trial` on they make it one trial's."""
Cell: TypeAlias = str | int | float | None
MAX_ROWS = 500


class Waiting(NamedTuple):
    """There is too little data to draw."""

    message: str
    """What the figure waits for."""
    never: str = ""
    """What to say instead of a study that is over: nothing will come any more."""

    def say(self, frame: StudyFrame) -> str:
        """The one of both that is true now."""
        return self.never if self.never and frame.study.over else self.message


class Table(NamedTuple):
    """The data behind a figure, for people who do not see it; at most MAX_ROWS rows."""

    columns: list[str]
    rows: list[list[Cell]]


class Plot(NamedTuple):
    """A figure as it is served."""

    figure: go.Figure
    summary: str
    table: Table
    waiting: bool


@dataclass(frozen=True)
class Figure(Generic[Data]):
    """An entry of the registry. `prepare` holds the logic; `draw` only draws what it returns."""

    title: str
    """Says what to look for."""
    group: str
    needs: frozenset[Need]
    prepare: Callable[[StudyFrame], Data | Waiting] = field(repr=False)
    draw: Callable[[Data], go.Figure] = field(repr=False)
    summarise: Callable[[Data], str] = field(repr=False)
    tabulate: Callable[[Data], Table] = field(repr=False)
    applies: Callable[[ResolvedSpec, Catalog], bool] = field(
        default=lambda resolved, catalog: True, repr=False
    )
    """Whether the page of a study has a place for it; asked for by name it always answers."""
    shows: str = ""
    """The piece of evidence that it draws: without it the figure is left out of a trial's page."""

    @property
    def of_trial(self) -> bool:
        """Whether the figure shows one trial, and not the study."""
        return "trial" in self.needs

    def plot(self, frame: StudyFrame) -> go.Figure:
        """The figure alone."""
        return self.render(frame).figure

    def render(self, frame: StudyFrame) -> Plot:
        """The figure with its sentence and its table; an annotated empty one when waiting."""
        data = self.prepare(frame)
        if isinstance(data, Waiting):
            note = data.say(frame)
            return Plot(_waiting_figure(self.title, note), note, Table([], []), True)
        figure = self.draw(data)
        figure.layout.title.text = self.title
        table = self.tabulate(data)
        return Plot(figure, self.summarise(data), Table(table.columns, thin(table.rows)), False)

    def whole_table(self, frame: StudyFrame) -> Table | str:
        """Every row, also of what the drawing leaves out; what it waits for where there is none."""
        with every_point():
            data = self.prepare(frame)
            return data.say(frame) if isinstance(data, Waiting) else self.tabulate(data)


def no_evidence(frame: StudyFrame, what: str, whose: str) -> Waiting:
    """Why a trial has no such evidence."""
    facts = frame.trial
    if facts is None or facts.state in ("QUEUED", "RUNNING"):
        return Waiting("Waiting for this trial to end: its evidence is written then.")
    return Waiting(f"It left no {what}: they come from {whose} whose trial ran to its end.")


def thin(rows: list[list[Cell]]) -> list[list[Cell]]:
    """At most MAX_ROWS rows, evenly spaced, the first and the last among them."""
    if len(rows) <= MAX_ROWS:
        return rows
    last = len(rows) - 1
    return [rows[round(i * last / (MAX_ROWS - 1))] for i in range(MAX_ROWS)]


def as_json(name: str, entry: Figure[Any], plot: Plot) -> dict[str, Any]:
    """The answer of `/figures/{name}`: plain values only."""
    return answer_of(name, entry.title, entry.group, plot)


def answer_of(name: str, title: str, group: str, plot: Plot) -> dict[str, Any]:
    """A figure as it is answered, whether it is in the registry or not."""
    figure = _short(plot.figure.to_plotly_json())
    identify(figure)
    return {
        "name": name,
        "title": title,
        "group": group,
        "summary": plot.summary,
        "waiting": plot.waiting,
        "figure": figure,
        "table": {"columns": plot.table.columns, "rows": plot.table.rows},
    }


def _short(value: Any) -> Any:
    """The same with numbers of seven significant digits: half the bytes, and no pixel moves."""
    if isinstance(value, float):
        return float(f"{value:.7g}")
    if isinstance(value, dict):
        return {key: _short(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_short(item) for item in value]
    return value


def _waiting_figure(title: str, note: str) -> go.Figure:
    figure = sheet(height=220)
    figure.layout.title.text = title
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    figure.add_annotation(
        text=escape(note), x=0.5, y=0.5, xref="paper", yref="paper", showarrow=False
    )
    return figure
