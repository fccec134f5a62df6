"""Small tables that scikit-learn ships: measured columns, and the class beside them.

Sources: UCI (Wolberg et al. 1995 for breast_cancer, Forina et al. 1991 for wine, Fisher 1936 for
iris); Efron et al. 2004, Least Angle Regression, for diabetes, in its raw units.
"""

import gzip
from dataclasses import dataclass

import numpy as np

from trainers.data.layout import Block, Layout
from trainers.data.shipped import MemoryFile, other_version, shipped_file
from trainers.data.table_encoding import StagedColumn, TableContent

_CELLS = ("radius", "texture", "perimeter", "area", "smoothness", "compactness", "concavity")
_SHAPE = (*_CELLS, "concave points", "symmetry", "fractal dimension")
_WINE = (
    *("alcohol", "malic acid", "ash", "alcalinity of ash", "magnesium", "total phenols"),
    *("flavanoids", "nonflavanoid phenols", "proanthocyanins", "color intensity", "hue"),
    *("od280/od315 of diluted wines", "proline"),
)
_SERUM = ("s1", "s2", "s3", "s4", "s5", "s6")


@dataclass(frozen=True)
class ShippedTable:
    """A table's rows and columns; columns with categories hold their numbers from 0."""

    rows: int
    columns: tuple[StagedColumn, ...]

    @property
    def layout(self) -> Layout:
        """As it is staged."""
        shape = (len(self.columns),)
        return Layout(self.rows, shape, np.dtype("<f8"), given_kind="table")

    @property
    def content(self) -> TableContent:
        """What its numbers stand for."""
        return TableContent(self.columns)


def _numeric(*names: str) -> tuple[StagedColumn, ...]:
    return tuple(StagedColumn(name) for name in names)


TABLES = {
    "breast_cancer": ShippedTable(
        569,
        (
            *_numeric(
                *(f"{figure} {name}" for figure in ("mean", "error", "worst") for name in _SHAPE)
            ),
            StagedColumn("diagnosis", ("malignant", "benign")),
        ),
    ),
    "wine": ShippedTable(
        178, (*_numeric(*_WINE), StagedColumn("cultivar", ("first", "second", "third")))
    ),
    "iris": ShippedTable(
        150,
        (
            *_numeric("sepal length", "sepal width", "petal length", "petal width"),
            StagedColumn("species", ("setosa", "versicolor", "virginica")),
        ),
    ),
    "diabetes": ShippedTable(
        442,
        (
            *_numeric("age"),
            StagedColumn("sex", ("1", "2")),
            *_numeric("bmi", "blood pressure", *_SERUM, "progression"),
        ),
    ),
}
_FILES = {"breast_cancer": "breast_cancer", "wine": "wine_data", "iris": "iris"}


def open_table(name: str) -> tuple[MemoryFile, TableContent]:
    """One of TABLES, read from scikit-learn's files."""
    table = TABLES[name]
    rows = _read_diabetes(name) if name == "diabetes" else _read_csv(name)
    if rows.shape != (table.rows, len(table.columns)):
        raise other_version(name)
    return MemoryFile(name, table.layout, Block(rows)), table.content


def _read_csv(name: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    # The first line names counts and classes.
    path = shipped_file(f"data/{_FILES[name]}.csv", name)
    return np.loadtxt(path, delimiter=",", skiprows=1, dtype=np.float64)


def _read_diabetes(name: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    parts = []
    for file in ("diabetes_data_raw", "diabetes_target"):
        with gzip.open(shipped_file(f"data/{file}.csv.gz", name), "rt", encoding="ascii") as lines:
            parts.append(np.loadtxt(lines, dtype=np.float64, ndmin=2))
    data, target = parts
    if data.shape != (442, 10) or target.size != 442:
        raise other_version(name)
    data[:, 1] -= 1  # sex is coded 1 and 2
    return np.column_stack([data, target.reshape(-1)])
