"""Rows of a table as samples: numbers beside one-hot spans, fitted on train (truth 15)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from trainers.data.layout import Rows
from trainers.data.scaling_rows import Doubles, gather
from trainers.problem import Column


@dataclass(frozen=True)
class StagedColumn:
    """A column as it is staged: its numbers, or the numbers of its categories; gaps are NaN."""

    name: str
    categories: tuple[str, ...] | None = None
    """In the order of first appearance; None: the column is numeric."""


@dataclass
class TableContent:
    """The columns of a source's files."""

    staged: tuple[StagedColumn, ...]
    filled: int = 0

    def fit(self, rows: Rows, train: npt.NDArray[np.int64]) -> "TableEncoding":
        """Means of the numeric columns, categories of the others, as train has them."""
        width = len(self.staged)
        sums, known = np.zeros(width), np.zeros(width)
        seen = [np.zeros(len(column.categories or ()), np.bool_) for column in self.staged]
        for chunk in gather(rows, train):
            there = ~np.isnan(chunk)
            known += there.sum(axis=0)
            sums += np.where(there, chunk, 0.0).sum(axis=0)
            for index, flags in enumerate(seen):
                if self.staged[index].categories is not None:
                    codes = chunk[there[:, index], index].astype(np.int64)
                    flags[codes] = True
        means = sums / np.maximum(known, 1)
        return TableEncoding(self.staged, _spans(self.staged, seen), means)

    def expected(self) -> tuple[Column, ...]:
        """The columns if train had every category."""
        return _spans(
            self.staged, [np.ones(len(column.categories or ()), np.bool_) for column in self.staged]
        )

    def identity(self) -> Any:
        """Names and categories: what the staged numbers stand for."""
        return [[column.name, column.categories] for column in self.staged]

    def counts(self) -> dict[str, int]:
        """Gaps that were filled."""
        return {"filled": self.filled}


def _spans(
    staged: tuple[StagedColumn, ...], seen: list[npt.NDArray[np.bool_]]
) -> tuple[Column, ...]:
    spans, start = [], 0
    for column, flags in zip(staged, seen, strict=True):
        if column.categories is None:
            spans.append(Column(column.name, "numeric", start, 1))
        else:
            chosen = [name for name, flag in zip(column.categories, flags, strict=True) if flag]
            names = tuple(sorted(chosen))
            spans.append(Column(column.name, "categorical", start, len(names), names))
        start += spans[-1].width
    return tuple(spans)


@dataclass(frozen=True)
class TableEncoding:
    """The fitted spans; gaps of numeric columns get the mean of train, others stay zeros."""

    staged: tuple[StagedColumn, ...]
    columns: tuple[Column, ...]
    means: Doubles
    tokens: tuple[str, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """(F,)."""
        return (sum(column.width for column in self.columns),)

    @property
    def scaled(self) -> npt.NDArray[np.bool_]:
        """Numeric columns only."""
        found = np.zeros(self.shape, np.bool_)
        found[[column.start for column in self.columns if column.kind == "numeric"]] = True
        return found

    def encode(self, chunk: Rows) -> Doubles:
        """[n, columns] -> [n, F]; a category that train lacks is all zeros."""
        samples = np.zeros((len(chunk), *self.shape))
        for index, column in enumerate(self.columns):
            values = chunk[:, index]
            if column.kind == "numeric":
                samples[:, column.start] = np.where(np.isnan(values), self.means[index], values)
                continue
            places = {name: place for place, name in enumerate(column.categories)}
            names = self.staged[index].categories or ()
            table = np.array([places.get(name, -1) for name in names] + [-1])
            codes = table[np.where(np.isnan(values), len(names), values).astype(np.int64)]
            rows = np.flatnonzero(codes >= 0)
            samples[rows, column.start + codes[rows]] = 1.0
        return samples
