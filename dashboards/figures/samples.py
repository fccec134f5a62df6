"""The figure of what a trial reconstructs: pictures or lines, texts with edits, rows of a table."""

from typing import TypeAlias

import plotly.graph_objects as go

from dashboards.figures.figure import Table, Waiting
from dashboards.figures.frame import StudyFrame
from dashboards.figures.reconstructions import (
    Reconstructions,
    draw_reconstructions,
    prepare_reconstructions,
    summarise_reconstructions,
    tabulate_reconstructions,
)
from dashboards.figures.table_rows import (
    TableRows,
    draw_rows,
    prepare_rows,
    summarise_rows,
    tabulate_rows,
)
from dashboards.figures.text_reconstructions import (
    TextReconstructions,
    draw_text_reconstructions,
    prepare_text_reconstructions,
    summarise_text_reconstructions,
    tabulate_text_reconstructions,
)

Samples: TypeAlias = Reconstructions | TextReconstructions | TableRows


def prepare_samples(frame: StudyFrame) -> Samples | Waiting:
    """By the kind of the data."""
    pictures = frame.trial.pictures if frame.trial is not None else None
    if pictures is not None and pictures.tokens:
        return prepare_text_reconstructions(frame)
    if pictures is not None and pictures.columns:
        return prepare_rows(frame)
    return prepare_reconstructions(frame)


def draw_samples(data: Samples) -> go.Figure:
    """Strips, panels of lines, or a table."""
    if isinstance(data, TextReconstructions):
        return draw_text_reconstructions(data)
    if isinstance(data, TableRows):
        return draw_rows(data)
    return draw_reconstructions(data)


def summarise_samples(data: Samples) -> str:
    """One sentence."""
    if isinstance(data, TextReconstructions):
        return summarise_text_reconstructions(data)
    if isinstance(data, TableRows):
        return summarise_rows(data)
    return summarise_reconstructions(data)


def tabulate_samples(data: Samples) -> Table:
    """Sample by sample."""
    if isinstance(data, TextReconstructions):
        return tabulate_text_reconstructions(data)
    if isinstance(data, TableRows):
        return tabulate_rows(data)
    return tabulate_reconstructions(data)
