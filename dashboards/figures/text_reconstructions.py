"""Texts, and what the model wrote of them: every insertion, deletion and replacement is marked."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import plotly.graph_objects as go

from dashboards.figures.edits import Piece, align, count_edits
from dashboards.figures.figure import Cell, Table, Waiting
from dashboards.figures.frame import Picture, Pictures, StudyFrame
from dashboards.figures.paper import escape, number, plural, sheet

PAD, END, UNKNOWN, DROPPED = 0, 1, 2, 3
MAX_TOKENS = 256
"""Longer texts are shown up to here."""
ROW_HEIGHT = 30
LETTERS_IN_A_ROW = 40
"""About what a cell holds before it wraps."""
LEGEND = "[-deleted-] {+inserted+}"


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
                f"hardest: validation text {index}",
                pictures,
                row,
                pictures.worst_input,
                pictures.worst_given,
                pictures.worst_best,
            )
            for row, index in enumerate(pictures.worst_index[: len(pictures.worst_input)])
        ]
    shown = [pictures.input, *([] if pictures.worst_input is None else [pictures.worst_input])]
    return TextReconstructions(
        trial=facts.number,
        best_epoch=facts.best_epoch,
        samples=samples,
        worst=worst,
        tokenizer=pictures.tokenizer,
        cut=any((ids[:, MAX_TOKENS:] > END).any() for ids in shown),
    )


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


def read_tokens(vocabulary: Sequence[str], ids: Picture) -> tuple[str, ...]:
    """The tokens of a text up to its end; ids that name none are shown as unknown."""
    found = []
    for value in ids[:MAX_TOKENS].tolist():
        index = int(value)
        if index in (PAD, END):
            break
        known = DROPPED < index < len(vocabulary)
        found.append(vocabulary[index] if known else "□" if index == DROPPED else "\ufffd")
    return tuple(found)


def join(tokens: tuple[str, ...], tokenizer: str) -> str:
    """Tokens as people read them: words apart, bytes as the characters that they make."""
    if tokenizer == "word":
        return " ".join(tokens)
    text = "".join(tokens)
    if tokenizer == "byte" and all(ord(letter) < 256 for letter in text):
        text = text.encode("latin-1").decode("utf-8", errors="replace")
    return text


def visible(text: str) -> str:
    """Changed characters that nobody would see, as signs."""
    return text.replace(" ", "␣").replace("\n", "⏎").replace("\t", "⇥")


def mark(pieces: list[Piece], tokenizer: str) -> str:
    """Edits in plain text, as `git diff --word-diff` writes them: em[-m-]a{+h+}."""
    return _write(pieces, tokenizer, lambda text: text, lambda text: text, lambda text: text)


def write_edits(pieces: list[Piece], tokenizer: str) -> str:
    """Edits as Plotly's text: deleted letters struck through, inserted ones underlined."""
    return _write(
        pieces,
        tokenizer,
        escape,
        lambda text: f"<s><b>{escape(text)}</b></s>",
        lambda text: f"<u><b>{escape(text)}</b></u>",
    )


def _write(
    pieces: list[Piece],
    tokenizer: str,
    keep: Callable[[str], str],
    delete: Callable[[str], str],
    insert: Callable[[str], str],
) -> str:
    """Every piece by the function of its kind; a replacement deletes and inserts."""
    written = []
    for piece in pieces:
        if piece.kind == "same":
            written.append(keep(join(piece.left, tokenizer)))
            continue
        text = ""
        if piece.left:
            text += f"[-{delete(visible(join(piece.left, tokenizer)))}-]"
        if piece.right:
            text += f"{{+{insert(visible(join(piece.right, tokenizer)))}+}}"
        written.append(text)
    return (" " if tokenizer == "word" else "").join(written)


def draw_text_reconstructions(data: TextReconstructions) -> go.Figure:
    """A table: deleted letters are struck through, inserted ones underlined, both in brackets."""
    rows = [*data.samples, *data.worst]
    with_given = any(sample.given is not None for sample in rows)
    columns = ["", "text", *(["what the model saw"] if with_given else [])]
    columns += [f"what it wrote: {LEGEND}", "edits"]
    cells = [
        [escape(sample.name) for sample in rows],
        [escape(sample.input) for sample in rows],
        *([[escape(sample.given or sample.input) for sample in rows]] if with_given else []),
        [write_edits(sample.best, data.tokenizer) for sample in rows],
        [str(sample.edits) for sample in rows],
    ]
    lines = sum(1 + len(sample.input) // LETTERS_IN_A_ROW for sample in rows)
    figure = sheet(height=120 + ROW_HEIGHT * lines, showlegend=False)
    figure.update_layout(margin={"l": 8, "r": 8, "t": 56, "b": 10})
    add_texts(figure, columns, cells, [2, 3, *([3] if with_given else []), 4, 1])
    return figure


def add_texts(
    figure: go.Figure, columns: list[str], cells: list[list[str]], widths: list[int]
) -> None:
    """A table whose cells (column by column) are already harmless."""
    plain = {"fill": {"color": "rgba(0,0,0,0)"}, "line": {"color": "rgba(124,135,150,0.4)"}}
    figure.add_table(
        columnwidth=widths,
        header={"values": [f"<b>{escape(name)}</b>" for name in columns], "align": "left", **plain},
        cells={"values": cells, "align": "left", "height": ROW_HEIGHT, **plain},
    )


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
