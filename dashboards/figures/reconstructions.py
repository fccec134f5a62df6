"""Input, reconstruction and |error| on the same fixed validation samples, as pictures or lines."""

from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go

from dashboards.figures.decimation import spread
from dashboards.figures.figure import Cell, Table, Waiting
from dashboards.figures.frame import Picture, Pictures, StudyFrame
from dashboards.figures.panels import lay_out, lay_out_strips
from dashboards.figures.paper import (
    BEST,
    GREY,
    VALIDATION,
    axis,
    number,
    plural,
    rounded,
    sheet,
)
from dashboards.figures.pictures import (
    Pixels,
    as_images,
    gap_of,
    is_image,
    paint_grey,
    paint_heat,
    strip,
)
from dashboards.figures.png import as_data_uri

GIVEN = "Given: what the model sees"
LINE_POINTS = 250
LINE_SAMPLES = 9


class Strip(NamedTuple):
    """One row of pictures; `notes` say what each is."""

    title: str
    pixels: Pixels
    notes: list[str]


class SampleLines(NamedTuple):
    """One sample that is no picture: features on x, input and reconstruction on y."""

    title: str
    x: list[int]
    input: list[float]
    best: list[float]
    given: list[float]
    """What the model saw, where that is not `input`."""


class Reconstructions(NamedTuple):
    """What is drawn, and every sample's squared error (mean over its features, scaled data)."""

    trial: int
    samples: int
    width: int
    """Of one picture, in pixels; 0 for lines."""
    strips: list[Strip]
    """Of targets, of what the model was given where that is something else, of what it made."""
    lines: list[SampleLines]
    best: list[float]
    last: list[float]
    worst: list[tuple[int, float]]
    """Index into the validation split, and its error."""


def prepare_reconstructions(frame: StudyFrame) -> Reconstructions | Waiting:
    """Strips of pictures for two-dimensional samples (grey or colour), lines for the rest."""
    facts = frame.trial
    if facts is None or facts.pictures is None:
        if facts is None or facts.state in ("QUEUED", "RUNNING"):
            return Waiting("Waiting for this trial to end: its pictures are written then.")
        return Waiting("It left no pictures: they are written when a trial runs to its end.")
    pictures = facts.pictures
    drawn = is_image(pictures.shape)
    worst: list[tuple[int, float]] = []
    if pictures.worst_input is not None and pictures.worst_best is not None:
        errors = _errors(pictures.worst_input, pictures.worst_best)
        worst = list(zip(pictures.worst_index, errors, strict=False))
    return Reconstructions(
        trial=facts.number,
        samples=len(pictures.input),
        width=as_images(pictures.input, pictures.shape).shape[2] if drawn else 0,
        strips=_strips(pictures, facts.best_epoch, worst) if drawn else [],
        lines=[] if drawn else _lines(pictures, worst),
        best=_errors(pictures.input, pictures.best),
        last=_errors(pictures.input, pictures.last) if pictures.last is not None else [],
        worst=worst,
    )


def _errors(left: Picture, right: Picture) -> list[float]:
    return [float(value) for value in ((left - right) ** 2).mean(axis=1)]


def _strips(
    pictures: Pictures, best_epoch: int | None, worst: list[tuple[int, float]]
) -> list[Strip]:
    fixed = [f"sample {index}" for index in range(len(pictures.input))]
    hardest = [f"validation sample {index}" for index, _ in worst]
    at = f" (epoch {best_epoch})" if best_epoch is not None else ""
    same = pictures.last is not None and np.array_equal(pictures.best, pictures.last)
    first = f"best and last{at}" if same else f"best{at}"
    given, worst_given = (
        _seen(pictures.given, pictures.input),
        _seen(pictures.worst_given, pictures.worst_input),
    )
    groups = [(first, "", pictures.input, pictures.best, fixed)]
    if pictures.last is not None and not same:
        groups.append(("last epoch", "", pictures.input, pictures.last, fixed))
    if pictures.worst_input is not None and pictures.worst_best is not None:
        groups.append(
            ("hardest", "Hardest of validation: " + ("input" if given is None else "target"),
             pictures.worst_input, pictures.worst_best, hardest)
        )  # fmt: skip
    # One scale for every strip of errors, so that they can be compared.
    top = max(float(np.abs(left - right).max(initial=0.0)) for _, _, left, right, _ in groups)
    target = "Input" if given is None else "Target: what should come out"
    strips = [_grey_strip(target, pictures.input, pictures, fixed)]
    if given is not None:
        strips.append(_grey_strip(GIVEN, given, pictures, _compared(fixed, pictures.input, given)))
    for name, input_title, left, right, notes in groups:
        if input_title:
            strips.append(_grey_strip(input_title, left, pictures, notes))
            if worst_given is not None:
                seen = _compared(notes, left, worst_given)
                strips.append(_grey_strip(f"{GIVEN}, hardest", worst_given, pictures, seen))
        errors = as_images(np.abs(left - right), pictures.shape)
        said = _compared(notes, left, right)
        strips.append(_grey_strip(f"Reconstruction, {name}", right, pictures, said))
        title = f"|error|, {name}: black 0, brightest {number(top)}"
        strips.append(Strip(title, strip(paint_heat(errors, top)), said))
    return strips


def _seen(given: Picture | None, target: Picture | None) -> Picture | None:
    """What the model was given, where that is not the target itself."""
    if given is None or target is None or np.array_equal(given, target):
        return None
    return given


def _compared(notes: list[str], left: Picture, right: Picture) -> list[str]:
    errors = _errors(left, right)
    return [f"{note}: MSE {number(e)}" for note, e in zip(notes, errors, strict=False)]


def _grey_strip(title: str, samples: Picture, pictures: Pictures, notes: list[str]) -> Strip:
    images = as_images(samples, pictures.shape)
    return Strip(title, strip(paint_grey(images, pictures.low, pictures.high)), notes)


def _lines(pictures: Pictures, worst: list[tuple[int, float]]) -> list[SampleLines]:
    given, worst_given = (
        _seen(pictures.given, pictures.input),
        _seen(pictures.worst_given, pictures.worst_input),
    )
    samples: list[tuple[str, Picture, Picture, Picture | None]] = [
        (
            f"sample {index}",
            pictures.input[index],
            pictures.best[index],
            None if given is None else given[index],
        )
        for index in range(min(6, len(pictures.input)))
    ]
    if pictures.worst_input is not None and pictures.worst_best is not None:
        for position, (index, _) in enumerate(worst[: LINE_SAMPLES - len(samples)]):
            title = f"hard: sample {index}"
            seen = None if worst_given is None else worst_given[position]
            left, right = pictures.worst_input[position], pictures.worst_best[position]
            samples.append((title, left, right, seen))
    kept = spread(pictures.input.shape[1], LINE_POINTS)
    return [
        SampleLines(
            title,
            kept,
            [float(left[i]) for i in kept],
            [float(right[i]) for i in kept],
            [] if seen is None else [float(seen[i]) for i in kept],
        )
        for title, left, right, seen in samples
    ]


def draw_reconstructions(data: Reconstructions) -> go.Figure:
    """Strips one under another, or a panel of lines a sample."""
    return _draw_strips(data) if data.strips else _draw_lines(data)


def _draw_strips(data: Reconstructions) -> go.Figure:
    figure = sheet(showlegend=False)
    height, width = data.strips[0].pixels.shape[:2]
    for index, row in enumerate(data.strips):
        y_axis = lay_out_strips(figure, index, len(data.strips), row.title, height / width)
        figure.add_image(
            source=as_data_uri(row.pixels), xaxis="x", yaxis=y_axis, hoverinfo="skip", name=""
        )
        step = data.width + gap_of(data.width)
        figure.add_scatter(
            x=[i * step + (data.width - 1) / 2 for i in range(len(row.notes))],
            y=[(height - 1) / 2] * len(row.notes),
            yaxis=y_axis,
            mode="markers",
            marker={"opacity": 0, "size": 36},
            text=row.notes,
            hovertemplate="%{text}<extra></extra>",
        )
    figure.update_xaxes(
        visible=False, range=[-0.5, width - 0.5], fixedrange=True, constrain="domain"
    )
    return figure


def _draw_lines(data: Reconstructions) -> go.Figure:
    figure = sheet()
    for index, sample in enumerate(data.lines):
        x_axis, y_axis = lay_out(figure, index, len(data.lines))
        for name, values, color, dash in (
            ("target" if sample.given else "input", sample.input, VALIDATION, "solid"),
            ("given", sample.given, GREY, "dot"),
            ("reconstruction, best epoch", sample.best, BEST, "dash"),
        ):
            if not values:
                continue
            figure.add_scatter(
                x=sample.x,
                y=values,
                xaxis=x_axis,
                yaxis=y_axis,
                name=name,
                legendgroup=name,
                showlegend=index == 0,
                mode="lines",
                line={"color": color, "width": 2, "dash": dash},
                hovertemplate="feature %{x}: %{y:.4g}<extra>%{fullData.name}</extra>",
            )
        figure.layout[f"xaxis{x_axis[1:]}"].update(axis("feature (index)"))
        figure.layout[f"yaxis{y_axis[1:]}"].update(axis(f"{sample.title} (scaled units)"))
    return figure


def summarise_reconstructions(data: Reconstructions) -> str:
    """One sentence: the errors of the fixed samples, and the hardest."""
    mean = sum(data.best) / len(data.best) if data.best else 0.0
    shown = plural(data.samples, "fixed validation sample")
    sentence = f"{shown} of trial {data.trial}: mean MSE {number(mean)} at the best epoch"
    if data.last:
        sentence += f", {number(sum(data.last) / len(data.last))} at the last"
    if data.worst:
        index, error = max(data.worst, key=lambda pair: pair[1])
        sentence += f"; the hardest of the split is sample {index} with {number(error)}"
    return f"{sentence} (scaled data)."


def tabulate_reconstructions(data: Reconstructions) -> Table:
    """Sample, error at the best epoch, error at the last."""
    rows: list[list[Cell]] = [
        [f"fixed {index}", rounded(best), rounded(data.last[index]) if data.last else None]
        for index, best in enumerate(data.best)
    ]
    rows += [[f"hardest: {index}", rounded(error), None] for index, error in data.worst]
    return Table(["sample", "MSE at best epoch", "MSE at last epoch"], rows)
