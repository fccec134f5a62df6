"""Columns of a table as PyArrow gives them: numbers, categories, gaps."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from trainers.data.errors import UnreadableData
from trainers.data.scaling_rows import Doubles
from trainers.data.table_encoding import StagedColumn

MAX_CATEGORIES = 1000
"""Different values of a column that are not all numbers."""


@dataclass
class SeenColumn:
    """What a first pass knows of a column."""

    name: str
    numeric: bool
    categories: dict[str, int] | None = field(default_factory=dict)
    """By first appearance; None: too many."""
    values: int = 0
    numbers: int = 0
    """Those of the values that are numbers and not NaN."""
    unwritten: int | None = None
    """Row of the first value that is NaN as a number, though it is none of the known gaps."""


def check_type(name: str, kind: Any, path: str, pointer: str) -> None:
    """Raise UnreadableData for a column of dates, lists, bytes: neither numbers nor text."""
    import pyarrow

    told = str(kind)
    if pyarrow.types.is_dictionary(kind):
        kind = kind.value_type
    plain = (
        pyarrow.types.is_string(kind)
        or pyarrow.types.is_large_string(kind)
        or pyarrow.types.is_integer(kind)
        or pyarrow.types.is_floating(kind)
        or pyarrow.types.is_boolean(kind)
        or pyarrow.types.is_decimal(kind)
        or pyarrow.types.is_null(kind)
    )
    if not plain:
        raise UnreadableData(
            path,
            f"its column {name[:60]!r} is of type {told[:60]}",
            "convert it to numbers or text, or choose other columns",
            pointer,
        )


def look_at(column: SeenColumn, values: Any, start: int) -> None:
    """Note what a batch's values, from row `start`, say of a column's type."""
    import pyarrow

    there = ~gaps(values)
    column.values += int(there.sum())
    if column.numeric:
        try:
            odd = there & np.isnan(as_numbers(values))
        except pyarrow.ArrowInvalid:
            column.numeric = False
        else:
            column.numbers += int(there.sum() - odd.sum())
            if column.unwritten is None and odd.any():
                column.unwritten = start + int(odd.argmax())
    if column.categories is not None:
        for name in as_texts(values).unique().drop_null().to_pylist():
            column.categories.setdefault(name, len(column.categories))
        if len(column.categories) > MAX_CATEGORIES:
            column.categories = None


def staged_column(column: SeenColumn, path: str, pointer: str) -> StagedColumn:
    """How a column is staged, once all its values were seen. Raises UnreadableData."""
    if not (column.numbers if column.numeric else column.values):
        raise UnreadableData(
            path,
            f"its column {column.name[:60]!r} holds no values",
            "choose other columns",
            pointer,
        )
    if column.numeric:
        return StagedColumn(column.name)
    if column.categories is None:
        raise UnreadableData(
            path,
            f"its column {column.name[:60]!r} holds text with more than {MAX_CATEGORIES:,} "
            "different values",
            "leave it out with columns, or name it as group_by",
            pointer,
        )
    return StagedColumn(column.name, tuple(column.categories))


def as_numbers(values: Any) -> Doubles:
    """A column as float64, NaN for a gap; raises ArrowInvalid where one is no number."""
    import pyarrow
    import pyarrow.compute

    if pyarrow.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pyarrow.types.is_string(values.type) or pyarrow.types.is_large_string(values.type):
        values = pyarrow.compute.utf8_trim_whitespace(values)
    numbers = values.cast(pyarrow.float64(), safe=False)
    found: Doubles = numbers.fill_null(float("nan")).to_numpy(zero_copy_only=False)
    return found


def as_texts(values: Any) -> Any:
    """A column as PyArrow strings without spaces around them; gaps stay null."""
    import pyarrow
    import pyarrow.compute

    if pyarrow.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    return pyarrow.compute.utf8_trim_whitespace(values.cast(pyarrow.string()))


def gaps(values: Any) -> npt.NDArray[np.bool_]:
    """[n] where a column has no value; NaN is none."""
    found: npt.NDArray[np.bool_] = values.is_null(nan_is_null=True).to_numpy(zero_copy_only=False)
    return found
