"""Texts of tokens as people read them, and how edits are written: in signs, or in colour."""

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboards.figures.edits import Piece
from dashboards.figures.frame import Picture
from dashboards.figures.paper import GOLD, RED, TEAL, escape

PAD, END, UNKNOWN, DROPPED = 0, 1, 2, 3
MAX_TOKENS = 256
"""Longer texts are shown up to here."""
ROW_HEIGHT = 30
LEGEND = "[-deleted-] {+inserted+}"
"""How `mark` writes edits."""


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
    written = []
    for piece in pieces:
        if piece.kind == "same":
            written.append(join(piece.left, tokenizer))
            continue
        deleted, inserted = (visible(join(each, tokenizer)) for each in (piece.left, piece.right))
        text = f"[-{deleted}-]" if piece.left else ""
        written.append(text + (f"{{+{inserted}+}}" if piece.right else ""))
    return (" " if tokenizer == "word" else "").join(written)


def strike(text: str) -> str:
    """What should have been there, as Plotly's text: red and struck through."""
    return f'<s><span style="color:{RED}"><b>{escape(text)}</b></span></s>'


def underline(text: str) -> str:
    """What is there instead, as Plotly's text: green and underlined."""
    return f'<u><span style="color:{TEAL}"><b>{escape(text)}</b></span></u>'


def swap(left: str, right: str) -> str:
    """A replacement as Plotly's text: both of them, in the colour of replacements, in italics."""
    gold = f'<span style="color:{GOLD}"><b>'
    end = "</b></span>"
    return f"<i><s>{gold}{escape(left)}{end}</s><u>{gold}{escape(right)}{end}</u></i>"


DRAWN_LEGEND = f"{strike('deleted')} {underline('inserted')} {swap('replaced', 'by')}"
"""How `write_edits` writes them."""


def write_edits(pieces: list[Piece], tokenizer: str) -> str:
    """Edits as Plotly's text: what was deleted is struck through, what was inserted underlined,
    and a replacement is both, in a colour of its own."""
    written = []
    for piece in pieces:
        left, right = (visible(join(each, tokenizer)) for each in (piece.left, piece.right))
        if piece.kind == "same":
            written.append(escape(join(piece.left, tokenizer)))
        elif piece.kind == "deleted":
            written.append(strike(left))
        elif piece.kind == "inserted":
            written.append(underline(right))
        else:
            written.append(swap(left, right))
    return (" " if tokenizer == "word" else "").join(written)


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
