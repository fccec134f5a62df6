"""The figure of what a trial reconstructs: pictures or lines, or texts with their edits."""

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
from dashboards.figures.text_reconstructions import (
    TextReconstructions,
    draw_text_reconstructions,
    prepare_text_reconstructions,
    summarise_text_reconstructions,
    tabulate_text_reconstructions,
)

Samples: TypeAlias = Reconstructions | TextReconstructions


def prepare_samples(frame: StudyFrame) -> Samples | Waiting:
    """By the kind of the data."""
    trial = frame.trial
    if trial is not None and trial.pictures is not None and trial.pictures.tokens:
        return prepare_text_reconstructions(frame)
    return prepare_reconstructions(frame)


def draw_samples(data: Samples) -> go.Figure:
    """Strips, panels of lines, or a table of texts."""
    if isinstance(data, TextReconstructions):
        return draw_text_reconstructions(data)
    return draw_reconstructions(data)


def summarise_samples(data: Samples) -> str:
    """One sentence."""
    if isinstance(data, TextReconstructions):
        return summarise_text_reconstructions(data)
    return summarise_reconstructions(data)


def tabulate_samples(data: Samples) -> Table:
    """Sample by sample."""
    if isinstance(data, TextReconstructions):
        return tabulate_text_reconstructions(data)
    return tabulate_reconstructions(data)
