"""Tables as CSV (RFC 4180) that a spreadsheet cannot be made to execute (CWE-1236)."""

import csv
from collections.abc import Iterable, Sequence
from datetime import datetime
from math import isfinite
from typing import Any, TextIO

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A cell of text that begins like this would be a formula to a spreadsheet."""
GUARD = "'"


def write_csv(file: TextIO, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a table; `file` must leave line ends as they are (newline="")."""
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow([cell(name) for name in header])
    writer.writerows([cell(value) for value in row] for row in rows)


def cell(value: Any) -> str:
    """A value as the text of its cell.

    Empty: None, and what is not finite. Floats with every digit, times in ISO 8601, text guarded
    by an apostrophe where it begins like a formula (a negative number does not: it is no text).
    """
    if value is None or (isinstance(value, float) and not isfinite(value)):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str):
        return GUARD + value if value.startswith(FORMULA_STARTS) else value
    return repr(value)
