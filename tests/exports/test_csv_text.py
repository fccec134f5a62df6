"""CSV that a spreadsheet reads and does not execute."""

import csv
import io
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.exports.csv_text import cell, write_csv


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (float("nan"), ""),
        (float("-inf"), ""),
        (-0.5, "-0.5"),
        (-3, "-3"),
        (1e-300, "1e-300"),
        (0.1 + 0.2, "0.30000000000000004"),
        (True, "true"),
        (False, "false"),
        (datetime(2026, 11, 22, 17, 0, tzinfo=UTC), "2026-11-22T17:00:00+00:00"),
        ("relu", "relu"),
        ("a=b", "a=b"),
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("\n=1", "'\n=1"),
    ],
)
def test_a_cell(value: Any, text: str) -> None:
    assert cell(value) == text


def written(header: list[str], rows: list[list[Any]]) -> str:
    file = io.StringIO(newline="")
    write_csv(file, header, rows)
    return file.getvalue()


def test_lines_end_as_rfc_4180_says_and_quotes_are_doubled() -> None:
    assert written(["a", "b"], [['say "x"', "1,2"], [1, "two\nlines"]]) == (
        'a,b\r\n"say ""x""","1,2"\r\n1,"two\nlines"\r\n'
    )


def test_names_of_columns_are_guarded_too() -> None:
    assert written(["=cmd", "b"], []) == "'=cmd,b\r\n"


@given(
    st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=2, max_size=2))
)
def test_any_text_comes_back(rows: list[list[str]]) -> None:
    read = list(csv.reader(io.StringIO(written(["a", "b"], rows), newline="")))
    assert read[1:] == [[cell(value) for value in row] for row in rows]
    for row in read[1:]:
        assert not any(value.startswith(("=", "+", "-", "@")) for value in row)
