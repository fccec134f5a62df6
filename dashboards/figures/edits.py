"""The edits that lead from one sequence of tokens to another, and how they are written down."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias

Kind: TypeAlias = Literal["same", "deleted", "inserted", "replaced"]


class Piece(NamedTuple):
    """A run of tokens that is kept, or changed in one way."""

    kind: Kind
    left: tuple[str, ...]
    """As in the original; empty where tokens were inserted."""
    right: tuple[str, ...]
    """As in the other text; empty where tokens were deleted."""

    @property
    def edits(self) -> int:
        """Single insertions, deletions and replacements."""
        return 0 if self.kind == "same" else max(len(self.left), len(self.right))


def align(left: Sequence[str], right: Sequence[str]) -> list[Piece]:
    """The fewest edits from `left` to `right` (Levenshtein 1966), equal neighbours joined."""
    rows = [list(range(len(right) + 1))]
    for i, token in enumerate(left, start=1):
        above, row = rows[-1], [i]
        for j, other in enumerate(right, start=1):
            row.append(min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (token != other)))
        rows.append(row)
    steps: list[Piece] = []
    i, j = len(left), len(right)
    while i or j:
        here = rows[i][j]
        if i and j and here == rows[i - 1][j - 1] + (left[i - 1] != right[j - 1]):
            i, j = i - 1, j - 1
            kind: Kind = "same" if left[i] == right[j] else "replaced"
            steps.append(Piece(kind, (left[i],), (right[j],)))
        elif i and here == rows[i - 1][j] + 1:
            i -= 1
            steps.append(Piece("deleted", (left[i],), ()))
        else:
            j -= 1
            steps.append(Piece("inserted", (), (right[j],)))
    return _joined(steps[::-1])


def _joined(steps: list[Piece]) -> list[Piece]:
    pieces: list[Piece] = []
    for step in steps:
        if pieces and pieces[-1].kind == step.kind:
            last = pieces.pop()
            step = Piece(step.kind, last.left + step.left, last.right + step.right)
        pieces.append(step)
    return pieces


def count_edits(pieces: Sequence[Piece]) -> int:
    """The edit distance."""
    return sum(piece.edits for piece in pieces)
