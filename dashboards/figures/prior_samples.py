"""What a trial's decoder makes of draws from the prior, as pictures or lines."""

from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go

from dashboards.figures.decimation import spread
from dashboards.figures.figure import Cell, Table, Waiting, no_evidence
from dashboards.figures.frame import Evidence, Picture, StudyFrame
from dashboards.figures.panels import lay_out, lay_out_strips
from dashboards.figures.paper import VALIDATION, axis, number, plural, rounded, sheet
from dashboards.figures.pictures import Pixels, as_images, is_image, paint_grey, strip
from dashboards.figures.png import as_data_uri
from dashboards.figures.prior_texts import (
    PriorTexts,
    draw_prior_texts,
    read_prior_texts,
    summarise_prior_texts,
    tabulate_prior_texts,
)

PER_STRIP = 8
LINE_SAMPLES = 6
LINE_POINTS = 250


class PriorSamples(NamedTuple):
    """Strips of pictures, or lines; `means` and `spreads` are of each sample's numbers."""

    trial: int
    strips: list[tuple[str, Pixels]]
    lines: list[tuple[list[int], list[float]]]
    means: list[float]
    spreads: list[float]


def prepare_prior_samples(frame: StudyFrame) -> PriorSamples | PriorTexts | Waiting:
    """Sixteen draws at the best epoch, and at the last one where that is another."""
    facts = frame.trial
    evidence = facts.evidence if facts is not None else None
    best = evidence.get("prior/best") if evidence is not None else None
    if facts is None or evidence is None or best is None:
        return no_evidence(frame, "samples from its prior", "a model with a prior")
    if evidence.tokens:
        return read_prior_texts(facts.number, evidence)
    flat = best.reshape(len(best), -1)
    drawn = is_image(evidence.shape)
    return PriorSamples(
        trial=facts.number,
        strips=_strips(evidence) if drawn else [],
        lines=[] if drawn else [_line(sample) for sample in flat[:LINE_SAMPLES]],
        means=[float(value) for value in flat.mean(1)],
        spreads=[float(value) for value in flat.std(1)],
    )


def _strips(evidence: Evidence) -> list[tuple[str, Pixels]]:
    strips: list[tuple[str, Pixels]] = []
    best = evidence["prior/best"]
    last = evidence.get("prior/last")
    sets = [("best epoch", best)]
    if last is not None and not np.array_equal(best, last):
        sets.append(("last epoch", last))
    for name, samples in sets:
        for start in range(0, len(samples), PER_STRIP):
            part = samples[start : start + PER_STRIP]
            images = as_images(part.reshape(len(part), -1), evidence.shape)
            title = f"Draws {start + 1} to {start + len(part)}, {name}"
            strips.append((title, strip(paint_grey(images, evidence.low, evidence.high))))
    return strips


def _line(sample: Picture) -> tuple[list[int], list[float]]:
    kept = spread(len(sample), LINE_POINTS)
    return kept, [float(sample[i]) for i in kept]


def draw_prior_samples(data: PriorSamples | PriorTexts) -> go.Figure:
    """Strips one under another, a panel a draw, or a table of texts."""
    if isinstance(data, PriorTexts):
        return draw_prior_texts(data)
    figure = sheet(showlegend=False)
    if data.strips:
        height, width = data.strips[0][1].shape[:2]
        for index, (title, pixels) in enumerate(data.strips):
            y_axis = lay_out_strips(figure, index, len(data.strips), title, height / width)
            figure.add_image(
                source=as_data_uri(pixels), xaxis="x", yaxis=y_axis, hoverinfo="skip", name=""
            )
        figure.update_xaxes(
            visible=False, range=[-0.5, width - 0.5], fixedrange=True, constrain="domain"
        )
        return figure
    for index, (x, y) in enumerate(data.lines):
        x_axis, y_axis = lay_out(figure, index, len(data.lines))
        figure.add_scatter(
            x=x, y=y, xaxis=x_axis, yaxis=y_axis, mode="lines", line={"color": VALIDATION}
        )
        figure.layout[f"xaxis{x_axis[1:]}"].update(axis("feature (index)"))
        figure.layout[f"yaxis{y_axis[1:]}"].update(axis(f"draw {index + 1} (scaled units)"))
    return figure


def summarise_prior_samples(data: PriorSamples | PriorTexts) -> str:
    """One sentence: whether the draws differ."""
    if isinstance(data, PriorTexts):
        return summarise_prior_texts(data)
    between = float(np.std(data.means))
    return (
        f"{plural(len(data.means), 'draw')} from the prior of trial {data.trial}: their means "
        f"differ by {number(between)} (sd, scaled units); draws that all look alike, or like "
        "nothing in the data, say that the prior and the codes do not match."
    )


def tabulate_prior_samples(data: PriorSamples | PriorTexts) -> Table:
    """Draw, mean and standard deviation of its numbers; or the text."""
    if isinstance(data, PriorTexts):
        return tabulate_prior_texts(data)
    rows: list[list[Cell]] = [
        [index + 1, rounded(mean), rounded(data.spreads[index])]
        for index, mean in enumerate(data.means)
    ]
    return Table(["draw", "mean (scaled)", "sd (scaled)"], rows)
