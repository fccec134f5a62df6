"""CSV and Parquet files as samples: a first pass finds types and categories, a second the rows."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

import numpy as np

from trainers.data.csv_files import PREFIX_BYTES, CsvBatches
from trainers.data.errors import UnreadableData
from trainers.data.grouping import key_of
from trainers.data.layout import Block, Layout, check_layout
from trainers.data.parquet_files import ParquetBatches
from trainers.data.scaling_rows import Doubles
from trainers.data.sources import MAX_FEATURES, Table
from trainers.data.table_columns import (
    SeenColumn,
    as_numbers,
    as_texts,
    gaps,
    look_at,
    staged_column,
)
from trainers.data.table_encoding import TableContent

MAX_COLUMNS = 4096


class Batches(Protocol):
    """An open table."""

    names: list[str]
    size: int

    def batches(self, columns: list[str], prefix: bool) -> Iterator[Any]:
        """PyArrow record batches of these columns, in order."""

    def covers(self, prefix: bool) -> bool:
        """Whether reading the prefix reads all."""

    def close(self) -> None:
        """Close the file."""


@dataclass
class TableFile:
    """An open table after its first pass."""

    path: str
    pointer: str
    rows: Batches
    source: Table
    limit: int | None
    features: list[str]
    content: TableContent
    layout: Layout

    def blocks(self) -> Iterator[Block]:
        """Every row once: a number per column, NaN for a gap."""
        import pyarrow.compute

        group = self.source.group_by
        done = 0
        for batch in _limited(self.rows.batches(_wanted(self.features, group), False), self.limit):
            columns = []
            for staged in self.content.staged:
                values = batch.column(staged.name)
                if staged.categories is None:
                    columns.append(as_numbers(values))
                else:
                    names = pyarrow.array(staged.categories, pyarrow.string())
                    found = pyarrow.compute.index_in(as_texts(values), value_set=names)
                    codes = found.cast(pyarrow.float64()).fill_null(float("nan"))
                    columns.append(codes.to_numpy(zero_copy_only=False))
            block = np.stack(columns, axis=1) if columns else np.empty((len(batch), 0))
            self.content.filled += int(np.isnan(block).sum())
            self._check_infinite(block, done)
            keys = None if group is None else _group_keys(batch.column(group))
            done += len(block)
            if len(block):
                yield Block(np.asarray(block, np.float64), keys)

    def _check_infinite(self, block: Doubles, done: int) -> None:
        bad = np.argwhere(np.isinf(block))
        if len(bad):
            row, column = (int(place) for place in bad[0])
            raise UnreadableData(
                self.path,
                f"row {done + row + 1:,} is infinite in column {self.features[column][:60]!r}",
                "remove the row, or leave the column out",
                self.pointer,
            )

    def close(self) -> None:
        """Close the file."""
        self.rows.close()


def open_tables(
    files: list[tuple[BinaryIO, str, str]], source: Table, limits: list[int | None], bounded: bool
) -> tuple[list[TableFile], TableContent]:
    """Tables (open file, path, pointer) after a first pass over them, and their columns.

    `bounded`: only the beginning of each is read, and the layouts are estimates. Raises
    UnreadableData, with row and column where a value is missing.
    """
    opened: list[tuple[Batches, str, str]] = []
    for file, path, pointer in files:
        form = CsvBatches(file, path, pointer, source) if source.form == "csv" else None
        opened.append((form or ParquetBatches(file, path, pointer), path, pointer))
    first, path, pointer = opened[0]
    features = _choose(first.names, source, path, pointer)
    seen = [SeenColumn(name, name not in source.categorical) for name in features]
    counts = []
    for (rows, name, where), limit in zip(opened, limits, strict=True):
        _check_names(rows.names, _wanted(features, source.group_by), name, where, path)
        counts.append(_scan(rows, seen, source, limit, bounded, name, where))
    content = TableContent(tuple(staged_column(column, path, pointer) for column in seen))
    tables = []
    for (rows, name, where), count, limit in zip(opened, counts, limits, strict=True):
        layout = Layout(
            count,
            (len(features),),
            np.dtype("<f8"),
            given_kind="table",
            exact=rows.covers(bounded),
        )
        check_layout(layout, name, where)
        tables.append(TableFile(name, where, rows, source, limit, features, content, layout))
    return tables, content


def _choose(names: list[str], source: Table, path: str, pointer: str) -> list[str]:
    """The columns that are features, in the file's order."""
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UnreadableData(
            path, f"two columns are named {twice[:60]!r}", "rename one of them", pointer
        )
    if len(names) > MAX_COLUMNS:
        raise UnreadableData(
            path,
            f"it has {len(names):,} columns; {MAX_COLUMNS:,} are allowed",
            "leave some out, or save it as .npy",
            pointer,
        )
    asked = [
        *((name, "/dataset/columns") for name in source.columns or ()),
        *((name, "/dataset/categorical") for name in source.categorical),
        *([(source.group_by, "/dataset/group_by")] if source.group_by else []),
    ]
    for name, where in asked:
        if name not in names:
            there = ", ".join(repr(other)[:40] for other in names[:8])
            raise UnreadableData(
                path, f"it has no column {name[:60]!r}", f"choose of: {there}", where
            )
    if source.columns is not None:
        return list(source.columns)
    features = [name for name in names if name != source.group_by]
    if not features:
        raise UnreadableData(path, "it has no columns", "give a header line and rows", pointer)
    return features


def _check_names(names: list[str], wanted: list[str], path: str, pointer: str, first: str) -> None:
    for name in wanted:
        if name not in names:
            raise UnreadableData(
                path,
                f"it has no column {name[:60]!r}, which {first} has",
                "give files with the same columns",
                pointer,
            )


def _scan(
    table: Batches,
    seen: list[SeenColumn],
    source: Table,
    limit: int | None,
    bounded: bool,
    path: str,
    pointer: str,
) -> int:
    """The number of rows; notes types and categories in `seen`."""
    rows = 0
    wanted = _wanted([column.name for column in seen], source.group_by)
    for batch in _limited(table.batches(wanted, bounded), limit):
        for column in seen:
            values = batch.column(column.name)
            missing = gaps(values)
            if source.missing == "refuse" and missing.any():
                raise _missing(rows + int(missing.argmax()), column.name, path, pointer)
            look_at(column, values, rows)
        _check_width(seen, path, pointer)
        rows += len(batch)
    for column in seen if table.covers(bounded) else ():
        # Only now: one word further down makes a column of words of it, and NAN one of them.
        if source.missing == "refuse" and column.numeric and column.unwritten is not None:
            raise _missing(column.unwritten, column.name, path, pointer)
    if rows == 0:
        raise UnreadableData(path, "it has no rows", "give a header line and rows", pointer)
    if not table.covers(bounded):
        known = getattr(table, "rows", None)
        rows = known if known is not None else rows * table.size // PREFIX_BYTES
    return rows if limit is None else min(rows, limit)


def _check_width(seen: list[SeenColumn], path: str, pointer: str) -> None:
    """Refuse more categories in all than a sample may have numbers, before they take memory."""
    width = sum(1 if column.numeric else len(column.categories or ()) for column in seen)
    if width > MAX_FEATURES:
        raise UnreadableData(
            path,
            f"its columns of words have more than {MAX_FEATURES:,} different values together",
            "leave out columns of many different words",
            pointer,
        )


def _missing(row: int, column: str, path: str, pointer: str) -> UnreadableData:
    return UnreadableData(
        path,
        f"row {row + 1:,} has no value in column {column[:60]!r}",
        "fill it, or write missing: mean",
        pointer,
    )


def _group_keys(values: Any) -> Any:
    names = as_texts(values).to_pylist()
    keys = {name: key_of(b"\0" if name is None else name.encode()) for name in set(names)}
    return np.array([keys[name] for name in names], np.uint64)


def _wanted(features: list[str], group: str | None) -> list[str]:
    return features if group is None or group in features else [*features, group]


def _limited(batches: Iterator[Any], limit: int | None) -> Iterator[Any]:
    done = 0
    for batch in batches:
        if limit is not None and done + len(batch) >= limit:
            yield batch.slice(0, limit - done)
            return
        done += len(batch)
        yield batch
