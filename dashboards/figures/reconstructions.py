"""Input, reconstruction and |error| on the same fixed validation samples, epoch by epoch."""

from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go

from dashboards.figures.figure import Cell, Table, Waiting
from dashboards.figures.frame import Pictures, StudyFrame
from dashboards.figures.moments import (
    Moment,
    Progress,
    best_position,
    moments_of,
    progress_of,
    say_progress,
)
from dashboards.figures.paper import number, plural, rounded
from dashboards.figures.picture_strips import (
    GIVEN,
    Strip,
    changing_strips,
    compare,
    draw_strips,
    error_strip,
    errors_of,
    grey_strip,
    seen_instead,
    slide_strips,
)
from dashboards.figures.pictures import as_images, is_image
from dashboards.figures.sample_lines import SampleLines, draw_sample_lines, sample_lines

LINE_SAMPLES = 6


class Reconstructions(NamedTuple):
    """What is drawn, and every sample's squared error (mean over its features, scaled data)."""

    trial: int
    samples: int
    width: int
    """Of one picture, in pixels; 0 for lines."""
    strips: list[Strip]
    """Of targets, of what the model was given where that is something else, of what it made."""
    lines: list[SampleLines]
    moments: list[Moment]
    """Places of the slider; one of them: there is no slider."""
    said: list[str]
    """`epoch 5 of 40, MSE 0.013`, one for each moment."""
    shown: int
    """The moment at which the slider begins: the best epoch."""
    progress: Progress
    best: list[float]
    last: list[float]
    worst: list[tuple[int, float]]
    """Index into the validation split, and its error."""


def waiting_for_pictures(frame: StudyFrame) -> Waiting:
    """Why a trial has no pictures."""
    facts = frame.trial
    if facts is None or facts.state in ("QUEUED", "RUNNING"):
        return Waiting("Waiting for this trial to end: its pictures are written then.")
    return Waiting("It left no pictures: they are written when a trial runs to its end.")


def prepare_reconstructions(frame: StudyFrame) -> Reconstructions | Waiting:
    """Strips of pictures for two-dimensional samples (grey or colour), lines for the rest."""
    facts = frame.trial
    if facts is None or facts.pictures is None:
        return waiting_for_pictures(frame)
    pictures = facts.pictures
    moments = moments_of(facts)
    progress = progress_of(moments, lambda made: float(((pictures.input - made) ** 2).mean()))
    drawn = is_image(pictures.shape)
    # Two epochs stand one under the other; more of them take turns.
    turns = len(moments) > 2
    return Reconstructions(
        trial=facts.number,
        samples=len(pictures.input),
        width=as_images(pictures.input, pictures.shape).shape[2] if drawn else 0,
        strips=_strips(pictures, moments, turns) if drawn else [],
        lines=[] if drawn else _lines(pictures, moments),
        moments=moments,
        said=say_moments(moments, frame.study.epochs, pictures),
        shown=best_position(moments),
        progress=progress,
        best=errors_of(pictures.input, pictures.best),
        last=errors_of(pictures.input, pictures.last) if pictures.last is not None else [],
        worst=worst_of(pictures),
    )


def worst_of(pictures: Pictures) -> list[tuple[int, float]]:
    """Index and error of the hardest samples."""
    if pictures.worst_input is None or pictures.worst_best is None:
        return []
    errors = errors_of(pictures.worst_input, pictures.worst_best)
    return list(zip(pictures.worst_index, errors, strict=False))


def say_moments(moments: list[Moment], planned: int, pictures: Pictures) -> list[str]:
    """What a slider says of each of its places."""
    said = []
    for moment in moments:
        error = number(float(((pictures.input - moment.output) ** 2).mean()))
        where = moment.mark if moment.epoch is None else f"epoch {moment.epoch} of {planned}"
        mark = f" ({moment.mark})" if moment.mark and moment.epoch is not None else ""
        said.append(f"{where}{mark}, MSE {error}")
    return said


def _strips(pictures: Pictures, moments: list[Moment], turns: bool) -> list[Strip]:
    notes = [f"sample {index}" for index in range(len(pictures.input))]
    given = seen_instead(pictures.given, pictures.input)
    # One scale for every strip of errors, so that they can be compared.
    marked = [moment for moment in moments if moment.mark]
    top = max(float(np.abs(pictures.input - moment.output).max(initial=0.0)) for moment in marked)
    target = "Input" if given is None else "Target: what should come out"
    strips = [grey_strip(target, pictures.input, pictures, notes)]
    if given is not None:
        strips.append(grey_strip(GIVEN, given, pictures, compare(notes, pictures.input, given)))
    if turns:
        return strips + changing_strips(pictures, moments, best_position(moments), notes, top)
    for moment in moments:
        said = compare(notes, pictures.input, moment.output)
        strips.append(grey_strip(f"Reconstruction, {moment.name}", moment.output, pictures, said))
        title = f"|error|, {moment.name}: black 0, brightest {number(top)}"
        strips.append(error_strip(title, pictures.input, moment.output, pictures, said, top))
    return strips


def _lines(pictures: Pictures, moments: list[Moment]) -> list[SampleLines]:
    given = seen_instead(pictures.given, pictures.input)
    return [
        sample_lines(
            f"sample {index}",
            pictures.input[index],
            None if given is None else given[index],
            [moment.output[index] for moment in moments],
        )
        for index in range(min(LINE_SAMPLES, len(pictures.input)))
    ]


def draw_reconstructions(data: Reconstructions) -> go.Figure:
    """Strips one under another, or a panel of lines a sample; a slider over the epochs."""
    if not data.strips:
        return draw_sample_lines(data.lines, data.moments, data.said, data.shown)
    figure = draw_strips(data.strips, data.width)
    slide_strips(figure, data.strips, data.moments, data.said, data.shown)
    return figure


def summarise_reconstructions(data: Reconstructions) -> str:
    """One sentence: the errors of the fixed samples, how they came about, and the hardest."""
    mean = sum(data.best) / len(data.best) if data.best else 0.0
    shown = plural(data.samples, "fixed validation sample")
    sentence = f"{shown} of trial {data.trial}: mean MSE {number(mean)} at the best epoch"
    if data.last:
        sentence += f", {number(sum(data.last) / len(data.last))} at the last"
    progress = say_progress(data.progress, "MSE {}")
    if progress:
        sentence += f"; {progress}"
    if data.worst:
        index, error = max(data.worst, key=lambda pair: pair[1])
        sentence += f"; the hardest of the split is sample {index} with {number(error)}"
    return f"{sentence} (scaled data)."


def tabulate_reconstructions(data: Reconstructions) -> Table:
    """Sample, error at the best epoch, error at the last; then the error of every epoch."""
    rows: list[list[Cell]] = [
        [f"fixed {index}", rounded(best), rounded(data.last[index]) if data.last else None]
        for index, best in enumerate(data.best)
    ]
    rows += [[f"hardest: {index}", rounded(error), None] for index, error in data.worst]
    if len(data.progress.epochs) > 2:
        rows += [
            [f"all fixed, after epoch {epoch}", rounded(error), None]
            for epoch, error in zip(*data.progress, strict=True)
        ]
    columns = ["sample", "MSE at best epoch", "MSE at last epoch"]
    if len(data.progress.epochs) > 2:
        columns[1] = "MSE at best epoch (or at the one named)"
    return Table(columns, rows)
