"""Strips of pictures one under another, some of which change with the epoch of a slider."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go

from dashboards.figures.frame import Picture, Pictures
from dashboards.figures.moments import Moment, Step, add_slider
from dashboards.figures.panels import STRIP_LABEL, lay_out_strips
from dashboards.figures.paper import number, sheet
from dashboards.figures.pictures import Pixels, as_images, gap_of, paint_grey, paint_heat, strip
from dashboards.figures.png import as_data_uri

GIVEN = "Given: what the model sees"
LABEL_ROOM = 16
MAX_PIXELS = 1_000_000
"""Of all pictures of a slider together; more are drawn coarser, the best and the last apart."""


class Frame(NamedTuple):
    """What one place of the slider shows in a strip."""

    title: str
    pixels: Pixels
    notes: list[str]


class Strip(NamedTuple):
    """One row of pictures; `notes` say what each is, `frames` what the slider makes of it."""

    title: str
    pixels: Pixels
    notes: list[str]
    frames: tuple[Frame, ...] = ()
    labels: tuple[str, ...] = ()
    """What stands above each picture."""


def errors_of(left: Picture, right: Picture) -> list[float]:
    """The mean squared error of each sample, [n, features] twice."""
    return [float(value) for value in ((left - right) ** 2).mean(axis=1)]


def compare(notes: Sequence[str], left: Picture, right: Picture) -> list[str]:
    """The notes, each with its sample's error."""
    errors = errors_of(left, right)
    return [f"{note}: MSE {number(e)}" for note, e in zip(notes, errors, strict=False)]


def seen_instead(given: Picture | None, target: Picture | None) -> Picture | None:
    """What the model was given, where that is not the target itself."""
    if given is None or target is None or np.array_equal(given, target):
        return None
    return given


def grey_strip(title: str, samples: Picture, pictures: Pictures, notes: Sequence[str]) -> Strip:
    """Pictures between the black and the white of the data."""
    images = as_images(samples, pictures.shape)
    return Strip(title, strip(paint_grey(images, pictures.low, pictures.high)), list(notes))


def error_strip(
    title: str, left: Picture, right: Picture, pictures: Pictures, notes: Sequence[str], top: float
) -> Strip:
    """|error|: black is 0, brightest is `top`."""
    errors = as_images(np.abs(left - right), pictures.shape)
    return Strip(title, strip(paint_heat(errors, top)), list(notes))


def changing_strips(
    pictures: Pictures, moments: Sequence[Moment], shown: int, notes: Sequence[str], top: float
) -> list[Strip]:
    """What came out and its |error| at the moment `shown`, with a frame for every moment."""
    made: list[Frame] = []
    wrong: list[Frame] = []
    block = coarseness(pictures, len(moments))
    for moment in moments:
        said = compare(notes, pictures.input, moment.output)
        error = number(float(((pictures.input - moment.output) ** 2).mean()))
        side = 1 if moment.mark else block
        images = coarsen(as_images(moment.output, pictures.shape), side)
        errors = coarsen(as_images(np.abs(pictures.input - moment.output), pictures.shape), side)
        grey = strip(paint_grey(images, pictures.low, pictures.high))
        made.append(Frame(f"Reconstruction, {moment.name}: MSE {error}", grey, said))
        title = f"|error|, {moment.name}: black 0, brightest {number(top)}"
        wrong.append(Frame(title, strip(paint_heat(errors, top)), said))
    return [
        Strip(*frames[shown], frames=tuple(frames) if len(frames) > 1 else ())
        for frames in (made, wrong)
    ]


def coarseness(pictures: Pictures, moments: int) -> int:
    """Pixels a side that are drawn as one, so that all frames together stay small."""
    images = as_images(pictures.input, pictures.shape)
    pixels, block = 2 * moments * images.size, 1
    while pixels / block**2 > MAX_PIXELS:
        block += 1
    return block


def coarsen(images: Picture, block: int) -> Picture:
    """[n, H, W, channels] with blocks of pixels replaced by their first; the same shape."""
    if block == 1:
        return images
    height, width = images.shape[1:3]
    few = images[:, ::block, ::block]
    return few.repeat(block, axis=1).repeat(block, axis=2)[:, :height, :width]


def draw_strips(strips: Sequence[Strip], picture: int) -> go.Figure:
    """One under another; `picture` is the width of one picture in pixels."""
    figure = sheet(showlegend=False)
    height, width = strips[0].pixels.shape[:2]
    rooms = [STRIP_LABEL + (LABEL_ROOM if row.labels else 0) for row in strips]
    step = picture + gap_of(picture)
    for index, row in enumerate(strips):
        y_axis = lay_out_strips(figure, index, rooms, row.title, (height, width))
        figure.add_image(
            source=as_data_uri(row.pixels), xaxis="x", yaxis=y_axis, hoverinfo="skip", name=""
        )
        figure.add_scatter(
            x=[i * step + (picture - 1) / 2 for i in range(len(row.notes))],
            y=[(height - 1) / 2] * len(row.notes),
            yaxis=y_axis,
            mode="markers",
            marker={"opacity": 0, "size": 36},
            text=row.notes,
            hovertemplate="%{text}<extra></extra>",
        )
    for index, row in enumerate(strips):
        if row.labels:
            figure.layout.annotations[index].yshift = LABEL_ROOM
        for place, label in enumerate(row.labels):
            figure.add_annotation(
                text=label, x=place * step + (picture - 1) / 2, y=-0.5, xref="x",
                yref=f"y{index + 1 if index else ''}", yanchor="bottom", showarrow=False,
                font={"size": 11}, borderpad=0,
            )  # fmt: skip
    figure.update_xaxes(
        visible=False, range=[-0.5, width - 0.5], fixedrange=True, constrain="domain"
    )
    return figure


def slide_strips(
    figure: go.Figure, strips: Sequence[Strip], moments: Sequence[Moment], said: Sequence[str],
    active: int,
) -> None:  # fmt: skip
    """A slider over the frames of the strips that have any."""
    changing = [index for index, row in enumerate(strips) if row.frames]
    if not changing:
        return
    steps = []
    for position, moment in enumerate(moments):
        frames = [strips[index].frames[position] for index in changing]
        sources: list[str | None] = []
        texts: list[list[str] | None] = []
        for frame in frames:
            sources += [as_data_uri(frame.pixels), None]
            texts += [None, frame.notes]
        titles = {
            f"annotations[{index}].text": frame.title
            for index, frame in zip(changing, frames, strict=True)
        }
        changes: dict[str, list[Any]] = {"source": sources, "text": texts}
        steps.append(Step(moment.label, said[position], changes, titles))
    traces = [2 * index + offset for index in changing for offset in (0, 1)]
    add_slider(figure, steps, active, traces)
