"""What a trial's decoder writes from draws of the prior: texts."""

from typing import NamedTuple

import plotly.graph_objects as go

from dashboards.figures.figure import Cell, Table
from dashboards.figures.frame import Evidence
from dashboards.figures.paper import escape, number, plural, sheet
from dashboards.figures.written import ROW_HEIGHT, add_texts, join, read_tokens


class PriorTexts(NamedTuple):
    """Texts at the best epoch, and at the last one (empty where that is unknown)."""

    trial: int
    best: list[str]
    last: list[str]
    tokens: list[int]
    """In each text at the best epoch."""


def read_prior_texts(trial: int, evidence: Evidence) -> PriorTexts:
    """The draws as people read them; `evidence` is of texts and has a prior."""
    found: dict[str, list[tuple[str, ...]]] = {
        epoch: [] if ids is None else [read_tokens(evidence.tokens, row) for row in ids]
        for epoch in ("best", "last")
        for ids in (evidence.get(f"prior/{epoch}"),)
    }
    best, last = (
        [join(tokens, evidence.tokenizer) for tokens in found[epoch]] for epoch in ("best", "last")
    )
    return PriorTexts(trial, best, last, [len(tokens) for tokens in found["best"]])


def draw_prior_texts(data: PriorTexts) -> go.Figure:
    """A table, a draw a row."""
    figure = sheet(height=120 + ROW_HEIGHT * len(data.best), showlegend=False)
    figure.update_layout(margin={"l": 8, "r": 8, "t": 56, "b": 10})
    columns = ["draw", "best epoch", *(["last epoch"] if data.last else [])]
    cells = [
        [str(index + 1) for index in range(len(data.best))],
        [escape(text) for text in data.best],
        *([[escape(text) for text in data.last]] if data.last else []),
    ]
    add_texts(figure, columns, cells, [1, 4, *([4] if data.last else [])])
    return figure


def summarise_prior_texts(data: PriorTexts) -> str:
    """One sentence: whether the draws differ."""
    length = sum(data.tokens) / max(len(data.tokens), 1)
    return (
        f"{plural(len(data.best), 'text')} written from the prior of trial {data.trial}: "
        f"{len(set(data.best)):,} differ, with {number(length)} tokens on average; one text again "
        "and again says that the decoder does not look at the code."
    )


def tabulate_prior_texts(data: PriorTexts) -> Table:
    """Draw, text at the best epoch, text at the last."""
    rows: list[list[Cell]] = [
        [index + 1, text, data.last[index] if index < len(data.last) else None]
        for index, text in enumerate(data.best)
    ]
    return Table(["draw", "best epoch", "last epoch"], rows)
