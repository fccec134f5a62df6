"""What a few trials make of the same fixed samples: pictures, lines or texts side by side."""

from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go

from dashboards.figures.decimation import spread
from dashboards.figures.edits import Piece, align, count_edits
from dashboards.figures.figure import Cell, Table, Waiting
from dashboards.figures.frame import Picture, Pictures, TrialFacts
from dashboards.figures.panels import lay_out
from dashboards.figures.paper import GREY, axis, escape, number, plural, rounded, sheet
from dashboards.figures.picture_strips import Strip, draw_strips
from dashboards.figures.pictures import (
    Pixels,
    as_images,
    is_image,
    paint_grey,
    paint_heat,
    strip,
)
from dashboards.figures.side_by_side import LOOKS, SideBySide, say_list
from dashboards.figures.written import (
    DRAWN_LEGEND,
    LEGEND,
    ROW_HEIGHT,
    add_texts,
    join,
    mark,
    read_tokens,
    write_edits,
)

LINE_POINTS, LINE_SAMPLES = 250, 6


class Shown(NamedTuple):
    """One trial; `errors` are of each fixed sample: mean squared error, or edits of a text."""

    trial: int
    place: int
    output: Picture
    errors: list[float]
    edits: list[list[Piece]]


class PicturesSideBySide(NamedTuple):
    """What is drawn; every output is [n, features] of the samples in `input`."""

    input: Picture
    texts: list[str]
    tokenizer: str
    strips: list[Strip]
    width: int
    """Of one picture, in pixels."""
    trials: list[Shown]
    missing: list[int]
    """Trials that left nothing to look at."""


def prepare_pictures(data: SideBySide) -> PicturesSideBySide | Waiting:
    """Outputs at each trial's best epoch, errors of all trials on one scale."""
    found = [
        (place, facts, facts.pictures)
        for place, facts in enumerate(data.trials)
        if facts.pictures is not None
    ]
    if not found:
        return Waiting(
            "None of these trials has left reconstructions: they are written when a trial runs "
            "to its end."
        )
    first = found[0][2]
    same = [
        (place, facts, pictures)
        for place, facts, pictures in found
        if pictures.input.shape == first.input.shape and np.array_equal(pictures.input, first.input)
    ]
    trials = [_show(place, facts, pictures) for place, facts, pictures in same]
    drawn = {each.trial for each in trials}
    image = is_image(first.shape) and not first.tokens
    return PicturesSideBySide(
        input=first.input,
        texts=[join(_tokens(first, row), first.tokenizer) for row in first.input]
        if first.tokens
        else [],
        tokenizer=first.tokenizer,
        strips=_strips(first, trials) if image else [],
        width=as_images(first.input, first.shape).shape[2] if image else 0,
        trials=trials,
        missing=[facts.number for facts in data.trials if facts.number not in drawn],
    )


def _show(place: int, facts: TrialFacts, pictures: Pictures) -> Shown:
    edits: list[list[Piece]] = []
    errors = [float(value) for value in ((pictures.input - pictures.best) ** 2).mean(axis=1)]
    if pictures.tokens:
        edits = [
            align(_tokens(pictures, left), _tokens(pictures, right))
            for left, right in zip(pictures.input, pictures.best, strict=True)
        ]
        errors = [float(count_edits(each)) for each in edits]
    return Shown(facts.number, place, pictures.best, errors, edits)


def _tokens(pictures: Pictures, ids: Picture) -> tuple[str, ...]:
    return read_tokens(pictures.tokens, ids)


def _strips(pictures: Pictures, trials: list[Shown]) -> list[Strip]:
    def paint(samples: Picture) -> Pixels:
        images = as_images(samples, pictures.shape)
        return strip(paint_grey(images, pictures.low, pictures.high))

    top = max(float(np.abs(pictures.input - each.output).max(initial=0.0)) for each in trials)
    strips = [
        Strip("Target", paint(pictures.input), [f"sample {i}" for i in range(len(pictures.input))])
    ]
    for each in trials:
        said = [
            f"trial {each.trial}, sample {i}: MSE {number(error)}"
            for i, error in enumerate(each.errors)
        ]
        strips.append(Strip(f"Trial {each.trial}: reconstruction", paint(each.output), said))
        errors = as_images(np.abs(pictures.input - each.output), pictures.shape)
        title = f"Trial {each.trial}: |error|, black 0, brightest {number(top)}"
        strips.append(Strip(title, strip(paint_heat(errors, top)), said))
    return strips


def draw_pictures(data: PicturesSideBySide) -> go.Figure:
    """Strips one under another, a panel of lines a sample, or a table of texts."""
    if data.texts:
        return _draw_texts(data)
    return draw_strips(data.strips, data.width) if data.strips else _draw_lines(data)


def _draw_lines(data: PicturesSideBySide) -> go.Figure:
    figure = sheet()
    count = min(LINE_SAMPLES, len(data.input))
    kept = spread(data.input.shape[1], LINE_POINTS)
    for index in range(count):
        axes = lay_out(figure, index, count)
        rows = [("target", data.input, GREY, "circle")]
        rows += [(f"trial {each.trial}", each.output, *LOOKS[each.place]) for each in data.trials]
        for name, values, color, symbol in rows:
            figure.add_scatter(
                x=kept,
                y=[float(values[index][i]) for i in kept],
                xaxis=axes[0],
                yaxis=axes[1],
                name=name,
                legendgroup=name,
                showlegend=index == 0,
                mode="lines+markers" if len(kept) < 40 else "lines",
                line={"color": color, "width": 3.2 if name == "target" else 1.8},
                marker={"symbol": symbol, "size": 6},
                hovertemplate="feature %{x}: %{y:.4g}<extra>%{fullData.name}</extra>",
            )
        figure.layout[f"xaxis{axes[0][1:]}"].update(axis("feature (index)"))
        figure.layout[f"yaxis{axes[1][1:]}"].update(axis(f"sample {index} (scaled units)"))
    return figure


def _draw_texts(data: PicturesSideBySide) -> go.Figure:
    lines = sum(1 + len(text) // 30 for text in data.texts)
    figure = sheet(height=120 + ROW_HEIGHT * lines, showlegend=False)
    figure.update_layout(margin={"l": 8, "r": 8, "t": 56, "b": 10}, meta={"legend": DRAWN_LEGEND})
    columns = ["", "text", *(f"trial {each.trial}" for each in data.trials)]
    cells = [[f"text {row}" for row in range(len(data.texts))], list(map(escape, data.texts))]
    cells += [[write_edits(each, data.tokenizer) for each in shown.edits] for shown in data.trials]
    add_texts(figure, columns, cells, [1, 3, *(3 for _ in data.trials)])
    return figure


def summarise_pictures(data: PicturesSideBySide) -> str:
    """The mean error of each trial on the samples that are shown."""
    unit = "edits a text" if data.texts else "MSE"
    means = sorted((float(np.mean(each.errors)), each.trial) for each in data.trials)
    said = say_list([f"trial {trial} has {number(mean)}" for mean, trial in means])
    text = f"Of {plural(len(data.input), 'fixed validation sample')}, mean {unit}: {said}."
    if data.missing:
        text += f" Trial {say_list([str(n) for n in data.missing])} left nothing to compare."
    return text


def tabulate_pictures(data: PicturesSideBySide) -> Table:
    """A row a sample: the error of each trial, and of texts what each wrote."""
    rows: list[list[Cell]] = []
    for row in range(len(data.input)):
        cells: list[Cell] = [row, *([data.texts[row]] if data.texts else [])]
        for each in data.trials:
            cells.append(rounded(each.errors[row]))
            if data.texts:
                cells.append(mark(each.edits[row], data.tokenizer))
        rows.append(cells)
    columns = ["sample", *(["text"] if data.texts else [])]
    for each in data.trials:
        columns.append(f"trial {each.trial}, {'edits' if data.texts else 'MSE'}")
        if data.texts:
            columns.append(f"trial {each.trial} wrote {LEGEND}")
    return Table(columns, rows)
