"""What the figure routes answer, as the API documents it."""

from typing import Any, Literal

from pydantic import ConfigDict

from service.domain.figure_files import FigureFormat
from service.domain.model import Record


class FigureEntry(Record):
    """A figure, and what it says now."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "best_so_far",
                    "title": "Best so far, by trial: is the search still finding better models?",
                    "group": "convergence",
                    "of": "study",
                    "available": True,
                    "summary": "24 of 24 trials ended; the best is trial 18 with 0.0096.",
                }
            ]
        }
    )

    name: str
    title: str
    """What to look for."""
    group: str
    of: Literal["study", "trial"]
    """A figure of a trial wants `?trial=NUMBER`."""
    available: bool | None
    """Whether there is enough data; null for a figure of a trial that was not named."""
    summary: str | None
    """One sentence computed from the data, or what the figure waits for."""


class FigureList(Record):
    """Every figure there is."""

    items: list[FigureEntry]
    next_page_token: str | None = None


class FigureTable(Record):
    """The data behind a figure."""

    columns: list[str]
    rows: list[list[str | int | float | None]]


class FigureAnswer(Record):
    """A figure as Plotly draws it, with its sentence and its data."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "importance",
                    "title": "Importance: which parameters decide the result?",
                    "group": "why",
                    "summary": "For mse only learning_rate (61 %) matters beyond chance "
                    "over 24 trials.",
                    "waiting": False,
                    "figure": {
                        "data": [{"type": "bar", "x": [0.61], "y": ["learning_rate"]}],
                        "layout": {"title": {"text": "Importance"}},
                    },
                    "table": {
                        "columns": ["parameter", "share (of 1)"],
                        "rows": [["learning_rate", 0.61], ["dropout", 0.39]],
                    },
                    "formats": ["json", "csv", "html", "png", "svg"],
                }
            ]
        }
    )

    name: str
    title: str
    group: str
    summary: str
    waiting: bool
    """There is too little data: the figure holds a note, the summary says what it waits for."""
    figure: dict[str, Any]
    """Plotly JSON: data and layout."""
    table: FigureTable
    """At most 500 rows."""
    formats: list[FigureFormat] | None = None
    """What `?format=` can be now: pictures where the server can draw them, no file of a figure
    that waits; null where there are no files of it."""
