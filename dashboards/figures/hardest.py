"""The validation samples with the largest errors: pictures, lines, texts or rows of a table."""

from typing import NamedTuple, TypeAlias

import numpy as np
import plotly.graph_objects as go

from dashboards.figures.figure import Cell, Table, Waiting
from dashboards.figures.frame import Pictures, StudyFrame
from dashboards.figures.moments import Moment
from dashboards.figures.paper import number, plural, rounded
from dashboards.figures.picture_strips import (
    GIVEN,
    Strip,
    draw_strips,
    error_strip,
    errors_of,
    grey_strip,
    seen_instead,
)
from dashboards.figures.pictures import as_images, gap_of, is_image
from dashboards.figures.reconstructions import waiting_for_pictures, worst_of
from dashboards.figures.sample_lines import SampleLines, draw_sample_lines, sample_lines
from dashboards.figures.table_rows import (
    TableRows,
    draw_rows,
    hardest_rows,
    summarise_rows,
    tabulate_rows,
)
from dashboards.figures.text_reconstructions import (
    HARDEST,
    TextReconstructions,
    TextSample,
    draw_texts,
    prepare_text_reconstructions,
    tabulate_text_reconstructions,
)

PER_STRIP = 4


class HardestSamples(NamedTuple):
    """Pictures or lines."""

    trial: int
    width: int
    """Of one picture, in pixels; 0 for lines."""
    strips: list[Strip]
    lines: list[SampleLines]
    moment: Moment
    worst: list[tuple[int, float]]
    """Index into the evaluated validation samples, and its squared error, hardest first."""
    usual: float
    """The mean error of the fixed samples, which nobody chose."""
    near_twins: int
    """How many of them are about as hard as the hardest."""


Hardest: TypeAlias = HardestSamples | TextReconstructions | TableRows


def prepare_hardest(frame: StudyFrame) -> Hardest | Waiting:
    """Up to eight, hardest first, at the best epoch."""
    facts = frame.trial
    if facts is None or facts.pictures is None:
        return waiting_for_pictures(frame)
    pictures = facts.pictures
    worst = worst_of(pictures)
    if not worst:
        return Waiting("It left no hardest samples: they are written when a trial runs to its end.")
    if pictures.tokens:
        return prepare_text_reconstructions(frame)
    if pictures.columns:
        return hardest_rows(facts, pictures)
    assert pictures.worst_input is not None
    assert pictures.worst_best is not None
    drawn = is_image(pictures.shape)
    top_error = max(error for _, error in worst)
    return HardestSamples(
        trial=facts.number,
        width=as_images(pictures.worst_input, pictures.shape).shape[2] if drawn else 0,
        strips=_strips(pictures, worst) if drawn else [],
        lines=[] if drawn else _lines(pictures, worst),
        moment=Moment(facts.best_epoch, "best", pictures.worst_best),
        worst=worst,
        usual=float(np.mean(errors_of(pictures.input, pictures.best))),
        near_twins=sum(error >= top_error / 2 for _, error in worst),
    )


def _strips(pictures: Pictures, worst: list[tuple[int, float]]) -> list[Strip]:
    assert pictures.worst_input is not None
    assert pictures.worst_best is not None
    given = seen_instead(pictures.worst_given, pictures.worst_input)
    top = float(np.abs(pictures.worst_input - pictures.worst_best).max(initial=0.0))
    strips = []
    for start in range(0, len(worst), PER_STRIP):
        rows = slice(start, start + PER_STRIP)
        notes = [f"sample {index}: MSE {number(error)}" for index, error in worst[rows]]
        labels = tuple(f"{index}: {error:.2g}" for index, error in worst[rows])
        target, made = pictures.worst_input[rows], pictures.worst_best[rows]
        first = f"Hardest {start + 1} to {start + len(notes)} (sample: MSE), "
        first += "input" if given is None else "target"
        block = [grey_strip(first, target, pictures, notes)._replace(labels=labels)]
        if given is not None:
            block.append(grey_strip(GIVEN, given[rows], pictures, notes))
        block.append(grey_strip("What came out", made, pictures, notes))
        title = f"|error|: black 0, brightest {number(top)}"
        block.append(error_strip(title, target, made, pictures, notes, top))
        strips += [_wide(each) for each in block]
    return strips


def _wide(row: Strip) -> Strip:
    """As wide as PER_STRIP pictures, with nothing where there are fewer."""
    height, width, _ = row.pixels.shape
    count = len(row.notes)
    if count == PER_STRIP:
        return row
    picture = _picture_width(width, count)
    whole = PER_STRIP * (picture + gap_of(picture)) - gap_of(picture)
    pixels = np.zeros((height, whole, 4), np.uint8)
    pixels[:, :width] = row.pixels
    return row._replace(pixels=pixels)


def _picture_width(strip: int, count: int) -> int:
    """Of one of `count` pictures in a strip."""
    return next(w for w in range(1, strip + 1) if count * (w + gap_of(w)) - gap_of(w) == strip)


def _lines(pictures: Pictures, worst: list[tuple[int, float]]) -> list[SampleLines]:
    assert pictures.worst_input is not None
    assert pictures.worst_best is not None
    given = seen_instead(pictures.worst_given, pictures.worst_input)
    return [
        sample_lines(
            f"{index}: MSE {number(error)}",
            pictures.worst_input[row],
            None if given is None else given[row],
            [pictures.worst_best[row]],
        )
        for row, (index, error) in enumerate(worst)
    ]


def draw_hardest(data: Hardest) -> go.Figure:
    """Blocks of four pictures, panels of lines, or a table."""
    if isinstance(data, TextReconstructions):
        return draw_texts(_unmarked(data), data.tokenizer)
    if isinstance(data, TableRows):
        return draw_rows(data)
    if data.strips:
        return draw_strips(data.strips, data.width)
    return draw_sample_lines(data.lines, [data.moment], [""], 0)


def _unmarked(data: TextReconstructions) -> list[TextSample]:
    """The hardest texts, whose names need not say here that they are hard."""
    return [each._replace(name=each.name.removeprefix(HARDEST)) for each in data.worst]


def summarise_hardest(data: Hardest) -> str:
    """One sentence: which sample is the hardest, and by how much."""
    if isinstance(data, TableRows):
        return summarise_rows(data)
    if isinstance(data, TextReconstructions):
        ordered = sorted(_unmarked(data), key=lambda sample: -sample.edits)
        usual = sum(sample.edits for sample in data.samples) / max(len(data.samples), 1)
        return (
            f"{plural(len(ordered), 'hardest validation text')} of trial {data.trial}: the hardest "
            f"is {ordered[0].name} with {plural(ordered[0].edits, 'edit')}, where texts that "
            f"nobody chose need {number(usual)}."
        )
    index, error = data.worst[0]
    ratio = ""
    if data.usual > 0:
        ratio = f", {number(error / data.usual)} times that of samples that nobody chose"
    tail = (
        "it stands alone: look at it for a fault in the data"
        if data.near_twins == 1 and len(data.worst) > 1
        else f"{data.near_twins} of these {len(data.worst)} are at least half as hard as it"
    )
    return (
        f"The hardest validation sample of trial {data.trial} is number {index} with MSE "
        f"{number(error)} (scaled data){ratio}; {tail}."
    )


def tabulate_hardest(data: Hardest) -> Table:
    """Validation sample and its error, hardest first."""
    if isinstance(data, TableRows):
        return tabulate_rows(data)
    if isinstance(data, TextReconstructions):
        return tabulate_text_reconstructions(data._replace(samples=[]))
    rows: list[list[Cell]] = [[index, rounded(error)] for index, error in data.worst]
    return Table(["validation sample", "MSE (scaled data)"], rows)
