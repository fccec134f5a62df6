"""How much of the way from the mean sample to a perfect copy is done, and by PCA."""

from typing import NamedTuple

import plotly.graph_objects as go

from dashboards.figures.decimation import MAX_MARKS, choose_points
from dashboards.figures.figure import Cell, Table, Waiting
from dashboards.figures.frame import StudyFrame
from dashboards.figures.paper import (
    BEST,
    GREY,
    STATE_MARKS,
    axis,
    marker_of,
    plural,
    rounded,
    share,
    sheet,
)
from dashboards.figures.trade_offs import BEYOND, STATES, Cloud


class GapClosed(NamedTuple):
    """Shares by trial, 1 - MSE / MSE of the mean sample, and those of PCA by latent size."""

    clouds: list[Cloud]
    pca: list[tuple[str, float]]
    best: tuple[int, float] | None
    """The study's best trial."""
    highest: tuple[int, float]
    several: bool
    """Of several objectives the best is the knee of the front."""


def prepare_gap_closed(frame: StudyFrame) -> GapClosed | Waiting:
    """Trials with an MSE on validation; PCA of the latent sizes that were tried."""
    if frame.baselines is None or not frame.baselines.mean > 0:
        return Waiting("Waiting for the baselines of the data.", "The data have no mean sample.")
    mean, trials = frame.baselines.mean, frame.trials
    shares: dict[int, float] = {}
    for position, trial in enumerate(trials.number):
        mse = frame.scores.get(trial, {}).get("mse")
        if mse is not None and trials.state[position] in STATES:
            shares[position] = 1 - mse / mean
    if not shares:
        return Waiting("Waiting for the first trial to end.", "No trial ended with an MSE.")
    best = frame.best
    top = max(shares, key=lambda position: (shares[position], -position))
    return GapClosed(
        clouds=[
            cloud
            for state in STATES
            for feasible in (True, False)
            if (cloud := _cloud(frame, shares, state, feasible)).x
        ],
        pca=_pca(frame, mean),
        best=None if best is None or best not in shares else (trials.number[best], shares[best]),
        highest=(trials.number[top], shares[top]),
        several=frame.study.aims.is_pareto,
    )


def _cloud(frame: StudyFrame, shares: dict[int, float], state: str, feasible: bool) -> Cloud:
    trials = frame.trials
    inside = [
        position
        for position in shares
        if trials.state[position] == state and (trials.feasible[position] is not False) == feasible
    ]
    chosen = choose_points([shares[position] for position in inside], MAX_MARKS)
    positions = [inside[index] for index in chosen]
    return Cloud(
        STATE_MARKS[state] if feasible else BEYOND,
        [float(trials.number[position]) for position in positions],
        [shares[position] for position in positions],
        [trials.number[position] for position in positions],
    )


def _pca(frame: StudyFrame, mean: float) -> list[tuple[str, float]]:
    """PCA of the latent sizes of the trials, at most five of them."""
    baselines = frame.baselines
    assert baselines is not None
    fixed = frame.study.fixed.get("latent_dim")
    sizes = {params.get("latent_dim", fixed) for params in frame.trials.params}
    found = sorted(size for size in sizes if isinstance(size, int) and size in baselines.pca)
    return [
        (f"PCA-{size}{' clipped' if size in baselines.clipped else ''}",
         1 - baselines.pca[size] / mean)
        for size in found[:5]
    ]  # fmt: skip


def draw_gap_closed(data: GapClosed) -> go.Figure:
    """Dots by state over the trials; lines for PCA; the best ringed."""
    figure = sheet(height=380)
    everywhere = [x for cloud in data.clouds for x in cloud.x]
    for name, value in data.pca:
        figure.add_scatter(
            x=[min(everywhere), max(everywhere)],
            y=[value, value],
            name=name,
            mode="lines",
            line={"color": GREY, "width": 1.6, "dash": "dash"},
            hovertemplate="%{fullData.name} %{y:.1%}<extra></extra>",
        )
    for cloud in data.clouds:
        figure.add_scatter(
            x=cloud.x,
            y=cloud.y,
            name=cloud.mark.label,
            mode="markers",
            marker=marker_of(cloud.mark, 8),
            customdata=[[trial] for trial in cloud.numbers],
            hovertemplate="trial %{customdata[0]}: %{y:.1%}<extra>%{fullData.name}</extra>",
            meta={"trials": True},
        )
    if data.best is not None:
        trial, value = data.best
        figure.add_scatter(
            x=[trial],
            y=[value],
            name=f"best: trial {trial}",
            mode="markers",
            marker={"color": BEST, "symbol": "circle-open", "size": 17, "line": {"width": 3}},
            hoverinfo="skip",
        )
    figure.update_xaxes(axis("trial (number)"))
    title = "gap closed (share of the mean sample's MSE)"
    figure.update_yaxes(axis(title, tickformat=".0%"))
    return figure


def summarise_gap_closed(data: GapClosed) -> str:
    """How far the best has come, and PCA beside it."""
    total = sum(len(cloud.numbers) for cloud in data.clouds)
    if data.best is None:
        trial, value = data.highest
        said = f"{plural(total, 'trial')}; none may win yet, trial {trial} closes {_say(value)}"
    else:
        trial, value = data.best
        best = "knee" if data.several else "best"
        said = f"the {best} of {plural(total, 'trial')}, trial {trial}, closes {_say(value)}"
    said += " of the gap between the mean sample and a perfect copy"
    if data.pca:
        said += "; " + ", ".join(f"{name} {_say(value)}" for name, value in data.pca)
    return f"{said[0].upper()}{said[1:]}."


def _say(value: float) -> str:
    if value > 0:
        return share(value)
    lost = 100 * value
    return f"nothing ({lost:.0f} %)" if lost > -10_000 else f"nothing ({lost:.2g} %)"


def tabulate_gap_closed(data: GapClosed) -> Table:
    """Trial, state, share."""
    rows: list[list[Cell]] = [
        [trial, cloud.mark.label, rounded(value)]
        for cloud in data.clouds
        for trial, value in zip(cloud.numbers, cloud.y, strict=True)
    ]
    rows.sort(key=lambda row: int(row[0] or 0))
    return Table(["trial", "state", "gap closed"], rows)
