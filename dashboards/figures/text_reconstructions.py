"""Texts, and what the model wrote of them: every insertion, deletion and replacement is marked."""

from collections.abc import Sequence
from typing import NamedTuple

import plotly.graph_objects as go

from dashboards.figures.edits import Piece, align, count_edits
from dashboards.figures.figure import Cell, Table, Waiting
from dashboards.figures.frame import Picture, Pictures, StudyFrame
from dashboards.figures.moments import (
    Moment,
    Progress,
    Step,
    add_slider,
    best_position,
    moments_of,
    say_progress,
)
from dashboards.figures.paper import escape, number, plural, sheet
from dashboards.figures.written import (
    DRAWN_LEGEND,
    END,
    LEGEND,
    MAX_TOKENS,
    ROW_HEIGHT,
    add_texts,
    join,
    mark,
    read_tokens,
    write_edits,
)

HARDEST = "hardest: "
LETTERS_IN_A_ROW = 40
"""About what a cell holds before it wraps."""


class TextSample(NamedTuple):
    """One text: what it is, what the model saw where that differs, and what it wrote."""

    name: str
    input: str
    given: str | None
    best: list[Piece]
    """From the text to what was written at the best epoch."""
    last_edits: int | None
    """At the last epoch, where that is known."""

    @property
    def edits(self) -> int:
        """At the best epoch."""
        return count_edits(self.best)


class TextReconstructions(NamedTuple):
    """What is drawn."""

    trial: int
    best_epoch: int | None
    samples: list[TextSample]
    worst: list[TextSample]
    tokenizer: str
    cut: bool
    """Whether a text is longer than what is shown."""
    moments: list[Moment]
    said: list[str]
    """`epoch 5 of 40, 2.5 edits a text`, one for each moment."""
    shown: int
    written: list[list[list[Piece]]]
    """[moments][samples]: the edits."""
    progress: Progress


def prepare_text_reconstructions(frame: StudyFrame) -> TextReconstructions | Waiting:
    """The fixed texts and the hardest ones; `frame` has pictures of texts."""
    facts = frame.trial
    assert facts is not None
    assert facts.pictures is not None
    pictures = facts.pictures
    samples = [
        _sample(f"text {row}", pictures, row, pictures.input, pictures.given, pictures.best)
        for row in range(len(pictures.input))
    ]
    if pictures.last is not None:
        samples = [
            sample._replace(last_edits=_distance(pictures, pictures.input[row], pictures.last[row]))
            for row, sample in enumerate(samples)
        ]
    worst: list[TextSample] = []
    if pictures.worst_input is not None and pictures.worst_best is not None:
        worst = [
            _sample(
                f"{HARDEST}validation text {index}",
                pictures,
                row,
                pictures.worst_input,
                pictures.worst_given,
                pictures.worst_best,
            )
            for row, index in enumerate(pictures.worst_index[: len(pictures.worst_input)])
        ]
    shown = [pictures.input, *([] if pictures.worst_input is None else [pictures.worst_input])]
    moments = moments_of(facts)
    targets = [_tokens(pictures, row) for row in pictures.input]

    def edits_of(made: Picture) -> list[list[Piece]]:
        rows = zip(targets, made, strict=True)
        return [align(tokens, _tokens(pictures, row)) for tokens, row in rows]

    written = [edits_of(moment.output) for moment in moments]
    edits = [sum(map(count_edits, texts)) / max(1, len(texts)) for texts in written]
    return TextReconstructions(
        trial=facts.number,
        best_epoch=facts.best_epoch,
        samples=samples,
        worst=worst,
        tokenizer=pictures.tokenizer,
        cut=any((ids[:, MAX_TOKENS:] > END).any() for ids in shown),
        moments=moments,
        said=[
            _say_moment(moment, frame.study.epochs, count)
            for moment, count in zip(moments, edits, strict=True)
        ],
        shown=best_position(moments),
        written=written,
        progress=_progress(moments, edits),
    )


def _say_moment(moment: Moment, planned: int, edits: float) -> str:
    where = moment.mark if moment.epoch is None else f"epoch {moment.epoch} of {planned}"
    mark = f" ({moment.mark})" if moment.mark and moment.epoch is not None else ""
    return f"{where}{mark}, {number(edits)} edits a text"


def _progress(moments: list[Moment], edits: list[float]) -> Progress:
    known = [
        (moment.epoch, count)
        for moment, count in zip(moments, edits, strict=True)
        if moment.epoch is not None
    ]
    return Progress([epoch for epoch, _ in known], [count for _, count in known])


def _sample(
    name: str,
    pictures: Pictures,
    row: int,
    inputs: Picture,
    given: Picture | None,
    outputs: Picture,
) -> TextSample:
    tokens = _tokens(pictures, inputs[row])
    seen = None if given is None else _tokens(pictures, given[row])
    return TextSample(
        name=name,
        input=join(tokens, pictures.tokenizer),
        given=None if seen is None or seen == tokens else join(seen, pictures.tokenizer),
        best=align(tokens, _tokens(pictures, outputs[row])),
        last_edits=None,
    )


def _distance(pictures: Pictures, left: Picture, right: Picture) -> int:
    return count_edits(align(_tokens(pictures, left), _tokens(pictures, right)))


def _tokens(pictures: Pictures, ids: Picture) -> tuple[str, ...]:
    return read_tokens(pictures.tokens, ids)


def draw_text_reconstructions(data: TextReconstructions) -> go.Figure:
    """A table of the fixed texts, with a slider over the epochs."""
    figure = draw_texts(data.samples, data.tokenizer)
    if len(data.moments) > 1:
        whole = [list(column) for column in figure.data[0].cells["values"]]
        steps = []
        for position, moment in enumerate(data.moments):
            texts = data.written[position]
            cells = [
                *whole[:-2],
                [write_edits(pieces, data.tokenizer) for pieces in texts],
                [str(count_edits(pieces)) for pieces in texts],
            ]
            steps.append(Step(moment.label, data.said[position], {"cells.values": [cells]}, {}))
        add_slider(figure, steps, data.shown, [0])
    return figure


def draw_texts(rows: Sequence[TextSample], tokenizer: str) -> go.Figure:
    """A table of texts and what was written of them at the best epoch."""
    with_given = any(sample.given is not None for sample in rows)
    columns = ["", "text", *(["what the model saw"] if with_given else [])]
    columns += ["what it wrote", "edits"]
    cells = [
        [escape(sample.name) for sample in rows],
        [escape(sample.input) for sample in rows],
        *([[escape(sample.given or sample.input) for sample in rows]] if with_given else []),
        [write_edits(sample.best, tokenizer) for sample in rows],
        [str(sample.edits) for sample in rows],
    ]
    lines = sum(1 + len(sample.input) // LETTERS_IN_A_ROW for sample in rows)
    figure = sheet(height=120 + ROW_HEIGHT * lines, showlegend=False)
    figure.update_layout(margin={"l": 8, "r": 8, "t": 56, "b": 10}, meta={"legend": DRAWN_LEGEND})
    add_texts(figure, columns, cells, [2, 3, *([3] if with_given else []), 4, 1])
    return figure


def summarise_text_reconstructions(data: TextReconstructions) -> str:
    """One sentence: how many come back without a fault, and the hardest."""
    faultless = sum(sample.edits == 0 for sample in data.samples)
    shown = plural(len(data.samples), "fixed validation text")
    edits = sum(sample.edits for sample in data.samples) / max(len(data.samples), 1)
    sentence = f"{faultless:,} of {shown} of trial {data.trial} come back without a fault, "
    sentence += f"with {number(edits)} edits a text"
    last = [sample.last_edits for sample in data.samples if sample.last_edits is not None]
    if last:
        sentence += f" ({number(sum(last) / len(last))} at the last epoch)"
    progress = say_progress(data.progress, "{} edits a text")
    if progress:
        sentence += f", {progress}"
    if data.worst:
        hardest = max(data.worst, key=lambda sample: sample.edits)
        sentence += f"; the hardest of the split needs {plural(hardest.edits, 'edit')}"
    if data.cut:
        sentence += f"; texts are shown up to token {MAX_TOKENS}"
    return f"{sentence}."


def tabulate_text_reconstructions(data: TextReconstructions) -> Table:
    """Text, what was written with its edits in plain signs, and how many there are."""
    rows: list[list[Cell]] = [
        [
            sample.name,
            sample.input,
            sample.given or sample.input,
            mark(sample.best, data.tokenizer),
            sample.edits,
            sample.last_edits,
        ]
        for sample in (*data.samples, *data.worst)
    ]
    columns = ["sample", "text", "seen by the model", f"written {LEGEND}", "edits"]
    return Table([*columns, "edits at last epoch"], rows)
