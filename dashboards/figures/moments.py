"""What a trial made of its fixed samples after some of its epochs, and a slider over them."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go

from dashboards.figures.frame import Picture, TrialFacts
from dashboards.figures.paper import number

SLIDER_ROOM = 90
"""Pixels that a slider takes below a figure that stands alone."""


class Moment(NamedTuple):
    """After one epoch; `output` is [n, features]."""

    epoch: int | None
    """None: not recorded."""
    mark: str
    """`best`, `last`, `best and last`, or nothing."""
    output: Picture

    @property
    def label(self) -> str:
        """`5`, or `12 (best)`."""
        if self.epoch is None:
            return self.mark
        return f"{self.epoch} ({self.mark})" if self.mark else str(self.epoch)

    @property
    def name(self) -> str:
        """`epoch 5`, or `best epoch 12`."""
        if self.epoch is None:
            return self.mark
        return f"epoch {self.epoch} ({self.mark})" if self.mark else f"epoch {self.epoch}"


class Progress(NamedTuple):
    """The error of the fixed samples over the epochs of the moments that are known."""

    epochs: list[int]
    errors: list[float]


def moments_of(facts: TrialFacts) -> list[Moment]:
    """The snapshots, the best and the last epoch, in the order of training; `facts` has pictures.

    One of them where there are no snapshots and nothing says which epochs were the best and last.
    """
    pictures = facts.pictures
    assert pictures is not None
    last_epoch = facts.reports[-1].epoch if facts.reports else None
    last = pictures.last
    same = last is None or np.array_equal(pictures.best, last)
    mark = "best and last" if same and last is not None else "best"
    marked = [Moment(facts.best_epoch, mark, pictures.best)]
    if last is not None and not same:
        marked.append(Moment(last_epoch, "last", last))
    known = {moment.epoch for moment in marked}
    if pictures.snapshots is None:
        return marked
    others = [
        Moment(epoch, "", output)
        for epoch, output in zip(pictures.snapshot_epochs, pictures.snapshots, strict=True)
        if epoch not in known
    ]
    end = float("inf")
    return sorted(
        [*others, *marked], key=lambda moment: end if moment.epoch is None else moment.epoch
    )


def best_position(moments: Sequence[Moment]) -> int:
    """Where the best epoch stands among the moments."""
    return next(i for i, moment in enumerate(moments) if moment.mark.startswith("best"))


def progress_of(moments: Sequence[Moment], error: Callable[[Picture], float]) -> Progress:
    """The error of every moment whose epoch is known."""
    known = [(moment.epoch, error(moment.output)) for moment in moments if moment.epoch is not None]
    return Progress([epoch for epoch, _ in known], [value for _, value in known])


def say_progress(progress: Progress, form: str) -> str:
    """How the error fell: `from MSE 0.05 after epoch 1 to 0.012 after 30, half of it by epoch 4`.

    `form` says a value: `MSE {}`. Empty where fewer than three epochs are known.
    """
    epochs, errors = progress
    if len(epochs) < 3:
        return ""
    lowest = min(range(len(errors)), key=errors.__getitem__)
    first = f"{form.format(number(errors[0]))} after epoch {epochs[0]}"
    if lowest == 0:
        return f"they never came below the {first}"
    half = errors[0] - (errors[0] - errors[lowest]) / 2
    by = next(epoch for epoch, error in zip(epochs, errors, strict=True) if error <= half)
    return (
        f"from {first} to {number(errors[lowest])} after epoch {epochs[lowest]}, "
        f"half of the gain by epoch {by}"
    )


class Step(NamedTuple):
    """One place of a slider: what it is called, and what it changes of a figure."""

    label: str
    said: str
    """`epoch 5 of 40, MSE 0.013`"""
    traces: dict[str, list[Any]]
    """Attribute -> a value for each trace that changes."""
    layout: dict[str, Any]


def add_slider(figure: go.Figure, steps: Sequence[Step], active: int, traces: list[int]) -> None:
    """A standard slider; the page shows a native one in its place that applies the same steps."""
    figure.update_layout(
        sliders=[
            {
                "active": active,
                "currentvalue": {"prefix": "epoch ", "font": {"size": 13}},
                "pad": {"t": 24, "b": 8, "l": 8, "r": 8},
                "steps": [
                    {
                        "label": step.label,
                        "value": step.said,
                        "method": "update",
                        "args": [step.traces, step.layout, traces],
                    }
                    for step in steps
                ],
            }
        ]
    )
    margin = figure.layout.margin
    figure.update_layout(
        height=figure.layout.height + SLIDER_ROOM, margin={"b": (margin.b or 0) + SLIDER_ROOM}
    )
