"""Edit distances against the textbook's table."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from trainers.plain.edits import edit_distances, lengths

TEXT = st.lists(st.integers(2, 5), max_size=6)


def levenshtein(left: list[int], right: list[int]) -> int:
    row = list(range(len(right) + 1))
    for i, a in enumerate(left, start=1):
        previous, row = row, [i]
        for j, b in enumerate(right, start=1):
            row.append(min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (a != b)))
    return row[-1]


def ids(texts: list[list[int]], width: int) -> torch.Tensor:
    return torch.tensor([[*text, 1][:width] + [0] * (width - len(text) - 1) for text in texts])


@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=8))
def test_distances_of_many_pairs_are_those_of_the_table(
    pairs: list[tuple[list[int], list[int]]],
) -> None:
    found = edit_distances(
        ids([left for left, _ in pairs], 7), ids([right for _, right in pairs], 9)
    )
    assert found.tolist() == [levenshtein(left, right) for left, right in pairs]


def test_a_text_without_an_end_is_as_long_as_its_row() -> None:
    assert lengths(torch.tensor([[4, 5, 6], [4, 1, 0], [1, 4, 4], [0, 0, 0]])).tolist() == [
        3,
        1,
        0,
        0,
    ]


def test_what_stands_behind_the_end_does_not_count() -> None:
    left = torch.tensor([[4, 5, 1, 0, 0]])
    right = torch.tensor([[4, 5, 1, 7, 9]])
    assert edit_distances(left, right).tolist() == [0]
