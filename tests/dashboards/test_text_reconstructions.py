"""Texts beside what the model wrote: the edits, their marks, and what is made harmless."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.figures import FIGURES
from dashboards.figures.edits import align, count_edits
from dashboards.figures.figure import as_json
from dashboards.figures.frame import Pictures
from dashboards.figures.written import MAX_TOKENS, mark, strike
from tests.dashboards.synthetic import make_study

LETTERS = ("<pad>", "<end>", "<unknown>", "<dropped>", *"abcdefghijklmnopqrstuvwxyz <&$")
WORDS = st.lists(st.sampled_from("abc"), max_size=7)


def ids(*texts: str, length: int = 12, tokens: tuple[str, ...] = LETTERS) -> Any:
    found = np.zeros((len(texts), length))
    for row, text in enumerate(texts):
        numbers = [tokens.index(letter) for letter in text] + [1]
        found[row, : len(numbers)] = numbers
    return found


def pictures(**changes: Any) -> Pictures:
    base = Pictures(
        shape=(12,),
        low=0.0,
        high=30.0,
        input=ids("emma", "olivia"),
        best=ids("emma", "oliva"),
        last=ids("ema", "oliva"),
        worst_input=ids("ann b"),
        worst_best=ids("annb"),
        worst_index=(7,),
        tokens=LETTERS,
        tokenizer="char",
    )
    return dataclasses.replace(base, **changes)


def answer_of(shown: Pictures, name: str = "reconstructions") -> dict[str, Any]:
    study = make_study(count=1)
    study.pictures = shown
    entry = FIGURES[name]
    return as_json(name, entry, entry.render(study.frame(trial=0)))


def columns(answer: dict[str, Any]) -> dict[str, list[str]]:
    (trace,) = answer["figure"]["data"]
    assert trace["type"] == "table"
    names = [name.strip("</b>") for name in trace["header"]["values"]]
    return dict(zip(names, trace["cells"]["values"], strict=True))


@given(WORDS, WORDS)
def test_the_pieces_lead_from_one_text_to_the_other(left: list[str], right: list[str]) -> None:
    pieces = align(left, right)
    assert [token for piece in pieces for token in piece.left] == left
    assert [token for piece in pieces for token in piece.right] == right
    assert all(piece.left == piece.right for piece in pieces if piece.kind == "same")
    assert count_edits(pieces) == count_edits(align(right, left))
    assert abs(len(left) - len(right)) <= count_edits(pieces) <= max(len(left), len(right))


@pytest.mark.parametrize(
    ("left", "right", "marked", "edits"),
    [
        ("emma", "emma", "emma", 0),
        ("emma", "ema", "e[-m-]ma", 1),
        ("ema", "emma", "e{+m+}ma", 1),
        ("emma", "enma", "e[-m-]{+n+}ma", 1),
        ("a b", "ab", "a[-␣-]b", 1),
        ("", "ab", "{+ab+}", 2),
    ],
)
def test_edits_are_marked_by_signs(left: str, right: str, marked: str, edits: int) -> None:
    pieces = align(left, right)
    assert mark(pieces, "char") == marked
    assert count_edits(pieces) == edits


def test_words_stand_apart() -> None:
    assert mark(align(["a", "cat"], ["a", "big", "cat"]), "word") == "a {+big+} cat"


def test_bytes_are_read_as_the_characters_that_they_make() -> None:
    tokens = ("<pad>", "<end>", "<unknown>", "<dropped>", *(chr(b) for b in "é".encode()))
    found = ids("", tokens=tokens)
    found[0, :3] = [4, 5, 1]
    answer = answer_of(Pictures((12,), 0.0, 6.0, found, found, tokens=tokens, tokenizer="byte"))
    assert answer["table"]["rows"][0][1] == "é"


def test_the_figure_is_a_table_of_texts_with_their_edits() -> None:
    answer = answer_of(pictures())
    written = columns(answer)["what it wrote"]
    assert written[0] == "emma"
    assert written[1] == f"oliv{strike('i')}a"
    assert columns(answer)["edits"] == ["0", "1"]
    assert "what the model saw" not in columns(answer)


def test_the_summary_counts_what_comes_back_without_a_fault() -> None:
    assert answer_of(pictures())["summary"] == (
        "1 of 2 fixed validation texts of trial 0 come back without a fault, with 0.5 edits a text "
        "(1 at the last epoch); the hardest of the split needs 1 edit."
    )


def test_the_table_view_has_texts_edits_and_both_epochs() -> None:
    table = answer_of(pictures())["table"]
    assert table["rows"][1] == ["text 1", "olivia", "olivia", "oliv[-i-]a", 1, 1]
    assert table["rows"][2][0] == "hardest: validation text 7"


def test_a_noisy_input_stands_beside_the_clean_one() -> None:
    seen = ids("emma", "olivia")
    seen[0, 1] = 3
    answer = answer_of(pictures(given=seen, worst_given=ids("ann b")))
    assert columns(answer)["what the model saw"] == ["e□ma", "olivia"]


def test_markup_in_a_text_is_made_harmless() -> None:
    answer = answer_of(pictures(input=ids("<b", "a&b$c"), best=ids("<b", "<a")))
    (trace,) = answer["figure"]["data"]
    shown = [cell for column in trace["cells"]["values"] for cell in column]
    assert "&lt;b" in shown
    assert not any("<b" in cell.replace("<b>", "") for cell in shown)


def test_ids_beyond_the_vocabulary_are_shown_as_unknown() -> None:
    strange = ids("emma", "olivia")
    strange[0, 0] = 999
    assert answer_of(pictures(best=strange))["table"]["rows"][0][3] == "[-e-]{+\ufffd+}mma"


def test_a_long_text_is_cut_and_the_summary_says_so() -> None:
    long = ids("ab" * 200, length=500)
    answer = answer_of(
        pictures(shape=(500,), input=long, best=long, last=None, worst_input=None, worst_best=None)
    )
    assert f"up to token {MAX_TOKENS}" in answer["summary"]
    assert len(answer["table"]["rows"][0][1]) == MAX_TOKENS
