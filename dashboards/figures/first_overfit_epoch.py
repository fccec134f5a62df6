"""From which epoch on trials overfit, and how many never do."""

import statistics
from typing import NamedTuple

import plotly.graph_objects as go

from dashboards.figures.figure import Cell, Table, Waiting
from dashboards.figures.frame import StudyFrame
from dashboards.figures.paper import BEST, RED, axis, plural, sheet
from service.domain.states import TrialState

MAX_BINS = 40
FEWEST = 3
"""Overfitting trials below which no half of them is spoken of."""
JUDGED = ("overfit", "large_gap", "underfit", "converged")


class Bin(NamedTuple):
    """Trials that overfit from an epoch of first..last on."""

    first: int
    last: int
    trials: int


class FirstOverfit(NamedTuple):
    """The histogram, and what is not in it."""

    bins: list[Bin]
    epochs: int
    """Planned."""
    judged: int
    never: int
    censored: int
    """Cut short before they overfit: pruned or stopped, so nobody knows."""
    unjudged: int
    """Diverged, failed, or without a verdict although they ended."""
    median: float | None
    best: tuple[int, int, bool] | None
    """The best trial, its chosen epoch, and whether it overfits after it."""

    @property
    def overfit(self) -> int:
        """How many are in the bars."""
        return self.judged - self.never


def prepare_first_overfit(frame: StudyFrame) -> FirstOverfit | Waiting:
    """Trials by their verdict; the first epoch of a planned training is 1."""
    trials = frame.trials
    first = [epoch for epoch in trials.first_overfit_epoch if epoch is not None]
    never = sum(
        epoch is None and verdict in JUDGED
        for epoch, verdict in zip(trials.first_overfit_epoch, trials.verdict, strict=True)
    )
    if not first and not never:
        return Waiting(
            "Waiting for the first trial that ran to its end.",
            "No trial got a verdict that says whether it overfits.",
        )
    censored = sum(
        epoch is None and verdict == "censored"
        for epoch, verdict in zip(trials.first_overfit_epoch, trials.verdict, strict=True)
    )
    live = (TrialState.QUEUED.value, TrialState.RUNNING.value)
    ended = sum(state not in live for state in trials.state)
    best = None
    if frame.best is not None and (chosen := trials.best_epoch[frame.best]) is not None:
        overfits = trials.first_overfit_epoch[frame.best] is not None
        best = (trials.number[frame.best], chosen, overfits)
    epochs = max([frame.study.epochs, *first])
    found = FirstOverfit(
        bins=_bins(first, epochs),
        epochs=frame.study.epochs,
        judged=len(first) + never,
        never=never,
        censored=censored,
        unjudged=max(0, ended - len(first) - never - censored),
        median=statistics.median(first) if first else None,
        best=best,
    )
    # Bars of nothing would be a riddle: the sentence alone says it.
    return found if first else Waiting(summarise_first_overfit(found))


def _bins(first: list[int], epochs: int) -> list[Bin]:
    width = -(-epochs // MAX_BINS)
    counts: dict[int, int] = {}
    for epoch in first:
        place = (max(epoch, 1) - 1) // width
        counts[place] = counts.get(place, 0) + 1
    return [
        Bin(place * width + 1, min(epochs, (place + 1) * width), counts.get(place, 0))
        for place in range(-(-epochs // width))
    ]


def draw_first_overfit(data: FirstOverfit) -> go.Figure:
    """Bars over the planned epochs; the epoch at which the best trial was chosen as a line."""
    figure = sheet(height=360)
    figure.add_bar(
        x=[(bin_.first + bin_.last) / 2 for bin_ in data.bins],
        y=[bin_.trials for bin_ in data.bins],
        width=[0.9 * (bin_.last - bin_.first + 1) for bin_ in data.bins],
        name=f"overfit ({data.overfit:,})",
        marker={"color": RED, "pattern": {"shape": "/", "size": 6, "solidity": 0.3}},
        customdata=[
            [str(b.first) if b.first == b.last else f"{b.first} to {b.last}"] for b in data.bins
        ],
        hovertemplate="epoch %{customdata[0]}: %{y} trials<extra></extra>",
    )
    top = max(1, *(bin_.trials for bin_ in data.bins))
    if data.best is not None:
        trial, epoch, _ = data.best
        figure.add_scatter(
            x=[epoch, epoch],
            y=[0, 1.08 * top],
            name=f"best: trial {trial}, chosen at epoch {epoch}",
            mode="lines+markers",
            line={"color": BEST, "width": 2.5, "dash": "dash"},
            marker={"symbol": "star", "size": [0, 11]},
            customdata=[[trial], [trial]],
            hovertemplate="trial %{customdata[0]}: epoch %{x}<extra>best</extra>",
            meta={"trials": True},
        )
    figure.update_layout(showlegend=True)
    figure.update_xaxes(
        axis(
            f"first overfitted epoch, of {data.epochs:,} planned"
            f"<br>({data.never:,} of {data.judged:,} trials: never)",
            range=[0.4, data.bins[-1].last + 0.6],
        )
    )
    figure.update_yaxes(axis("trials", range=[0, 1.12 * top]))
    if top <= 6:
        figure.update_yaxes(dtick=1)
    return figure


def summarise_first_overfit(data: FirstOverfit) -> str:
    """One sentence: how many never overfit, when half of the others had, what was not judged."""
    if data.never == data.judged:
        said = "The one judged trial never overfits"
        if data.judged > 1:
            said = f"None of {plural(data.judged, 'trial')} overfits"
    else:
        overfits = "overfits" if data.never == 1 else "overfit"
        said = f"{data.never:,} of {plural(data.judged, 'trial')} never {overfits}"
        if data.overfit >= FEWEST and data.median is not None:
            said += f"; of the other {data.overfit:,} half had by epoch {data.median:g}"
        elif data.median is not None:
            earliest = next(bin_.first for bin_ in data.bins if bin_.trials)
            said += f"; the earliest does from epoch {earliest} on"
    if data.best is not None:
        trial, epoch, overfits_after = data.best
        then = ", and overfits after it" if overfits_after else ""
        said += f"; the best, trial {trial}, was chosen at epoch {epoch} of {data.epochs:,}{then}"
    apart = []
    if data.censored:
        apart.append(f"{data.censored:,} cut short before one could tell")
    if data.unjudged:
        apart.append(f"{data.unjudged:,} diverged, failed or not judged")
    return f"{said} (not counted: {', '.join(apart)})." if apart else f"{said}."


def tabulate_first_overfit(data: FirstOverfit) -> Table:
    """Epochs and trials, then those that are in no bar."""
    rows: list[list[Cell]] = [
        [str(b.first) if b.first == b.last else f"{b.first} to {b.last}", b.trials]
        for b in data.bins
    ]
    rows += [
        ["never", data.never],
        ["cut short before one could tell", data.censored],
        ["diverged, failed or not judged", data.unjudged],
    ]
    return Table(["first overfitted epoch", "trials"], rows)
