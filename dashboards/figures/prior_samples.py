"""What a trial's decoder makes of draws from the prior, as pictures or lines."""

from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go

from dashboards.figures.decimation import spread
from dashboards.figures.figure import Cell, Table, Waiting, no_evidence
from dashboards.figures.frame import Evidence, Picture, StudyFrame
from dashboards.figures.panels import lay_out
from dashboards.figures.paper import GREY, VALIDATION, axis, number, plural, rounded, sheet
from dashboards.figures.picture_strips import Strip, draw_strips
from dashboards.figures.pictures import as_images, is_image, paint_grey, strip
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
KNOWN = 500
"""Validation samples among which the nearest is looked for."""
ALIKE, STRANGE, COPIED = 0.4, 2.0, 0.5
"""Below, above and below these ratios the sentence says so."""


class PriorLines(NamedTuple):
    """One draw that is no picture."""

    x: list[int]
    draw: list[float]
    nearest: list[float]
    """The nearest validation sample; empty where it is not known."""


class PriorSamples(NamedTuple):
    """Strips of pictures, or lines; `means` and `spreads` are of each sample's numbers."""

    trial: int
    strips: list[Strip]
    lines: list[PriorLines]
    means: list[float]
    spreads: list[float]
    nearest: list[tuple[int, float]]
    """The nearest validation sample of each draw and its distance (root mean square, scaled);
    empty where the data store no longer has them."""
    nearest_known: float | None
    """The median distance of a validation sample from the nearest other one."""
    apart: float
    """The median distance between draws,"""
    known_apart: float | None
    """and that between validation samples."""
    width: int
    """Of one picture, in pixels; 0 for lines."""


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
    known = evidence.inputs
    known = None if known is None or len(known) < 2 else np.asarray(known[:KNOWN], np.float64)
    gaps = None if known is None else distances(flat, known)
    between = None if known is None else distances(known, known)
    nearest = [] if gaps is None else [(int(row.argmin()), float(row.min())) for row in gaps]
    return PriorSamples(
        trial=facts.number,
        strips=_strips(evidence, known, nearest) if drawn else [],
        lines=[] if drawn else _lines(flat, known, nearest),
        means=[float(value) for value in flat.mean(1)],
        spreads=[float(value) for value in flat.std(1)],
        nearest=nearest,
        nearest_known=None if between is None else float(np.median(_others(between).min(1))),
        apart=float(np.median(_others(distances(flat, flat)))) if len(flat) > 1 else 0.0,
        known_apart=None if between is None else float(np.median(_others(between))),
        width=as_images(flat[:1], evidence.shape).shape[2] if drawn else 0,
    )


def distances(left: Picture, right: Picture) -> Picture:
    """[n, F] and [m, F] -> [n, m]: root mean square differences."""
    squares = (left**2).mean(1)[:, None] + (right**2).mean(1)[None, :]
    found: Picture = np.sqrt(np.maximum(squares - 2 * (left @ right.T) / left.shape[1], 0.0))
    return found


def _others(square: Picture) -> Picture:
    """[n, n] -> [n, n - 1]: without the diagonal."""
    count = len(square)
    return square[~np.eye(count, dtype=bool)].reshape(count, count - 1)


def _strips(
    evidence: Evidence, known: Picture | None, nearest: list[tuple[int, float]]
) -> list[Strip]:
    strips: list[Strip] = []
    best = evidence["prior/best"]
    last = evidence.get("prior/last")
    sets = [("best epoch", best)]
    if last is not None and not np.array_equal(best, last):
        sets.append(("last epoch", last))

    def add(title: str, samples: Picture, notes: list[str]) -> None:
        images = as_images(samples.reshape(len(samples), -1), evidence.shape)
        pixels = strip(paint_grey(images, evidence.low, evidence.high))
        strips.append(Strip(title, pixels, notes))

    for name, samples in sets:
        for start in range(0, len(samples), PER_STRIP):
            part = samples[start : start + PER_STRIP]
            numbers = range(start, start + len(part))
            title = f"Draws {start + 1} to {start + len(part)}, {name}"
            add(title, part, [f"draw {number + 1}" for number in numbers])
            if known is not None and samples is best:
                rows = nearest[start : start + len(part)]
                notes = [f"validation sample {index}: {number(gap)} away" for index, gap in rows]
                chosen = known[[index for index, _ in rows]]
                add("Nearest validation sample of each of them", chosen, notes)
    return strips


def _lines(
    flat: Picture, known: Picture | None, nearest: list[tuple[int, float]]
) -> list[PriorLines]:
    kept = spread(flat.shape[1], LINE_POINTS)

    def line(sample: Picture) -> list[float]:
        return [float(sample[i]) for i in kept]

    return [
        PriorLines(kept, line(sample), [] if known is None else line(known[nearest[index][0]]))
        for index, sample in enumerate(flat[:LINE_SAMPLES])
    ]


def draw_prior_samples(data: PriorSamples | PriorTexts) -> go.Figure:
    """Strips one under another, a panel a draw, or a table of texts."""
    if isinstance(data, PriorTexts):
        return draw_prior_texts(data)
    if data.strips:
        return draw_strips(data.strips, data.width)
    figure = sheet(showlegend=bool(data.nearest))
    for index, sample in enumerate(data.lines):
        x_axis, y_axis = lay_out(figure, index, len(data.lines))
        for name, values, color, dash in (
            ("draw", sample.draw, VALIDATION, "solid"),
            ("nearest validation sample", sample.nearest, GREY, "dot"),
        ):
            if values:
                figure.add_scatter(
                    x=sample.x, y=values, xaxis=x_axis, yaxis=y_axis, mode="lines", name=name,
                    legendgroup=name, showlegend=index == 0, line={"color": color, "dash": dash},
                    hovertemplate="feature %{x}: %{y:.4g}<extra>%{fullData.name}</extra>",
                )  # fmt: skip
        figure.layout[f"xaxis{x_axis[1:]}"].update(axis("feature (index)"))
        figure.layout[f"yaxis{y_axis[1:]}"].update(axis(f"draw {index + 1} (scaled units)"))
    return figure


def summarise_prior_samples(data: PriorSamples | PriorTexts) -> str:
    """One sentence: whether the draws differ, and whether they look like the data."""
    if isinstance(data, PriorTexts):
        return summarise_prior_texts(data)
    sentence = f"{plural(len(data.means), 'draw')} from the prior of trial {data.trial}"
    if not data.nearest or not data.known_apart or not data.nearest_known:
        between = float(np.std(data.means))
        return (
            f"{sentence}: their means differ by {number(between)} (sd, scaled units); draws that "
            "all look alike, or like nothing in the data, say that the prior and the codes do "
            "not match."
        )
    spread_of = data.apart / data.known_apart
    far = float(np.median([gap for _, gap in data.nearest])) / data.nearest_known
    if spread_of < ALIKE:
        said = "they look alike: the decoder hardly listens to the code"
    elif far > STRANGE:
        said = "they are like nothing in the data: the prior and the codes do not match"
    elif far < COPIED:
        said = "they lie on top of the data: look whether they are copies"
    else:
        said = "they differ as the data do, and lie near it"
    return (
        f"{sentence}: {said} (they lie {number(spread_of)} times as far apart as validation "
        f"samples, and {number(far)} times as far from the nearest one as those from each other)."
    )


def tabulate_prior_samples(data: PriorSamples | PriorTexts) -> Table:
    """Draw, mean and standard deviation of its numbers, nearest sample; or the text."""
    if isinstance(data, PriorTexts):
        return tabulate_prior_texts(data)
    rows: list[list[Cell]] = []
    for index, mean in enumerate(data.means):
        row: list[Cell] = [index + 1, rounded(mean), rounded(data.spreads[index])]
        if data.nearest:
            row += [data.nearest[index][0], rounded(data.nearest[index][1])]
        rows.append(row)
    columns = ["draw", "mean (scaled)", "sd (scaled)"]
    columns += ["nearest validation sample", "its distance (scaled)"] if data.nearest else []
    return Table(columns, rows)
