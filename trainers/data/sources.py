"""What is read and how it is divided: plain values, the data package's own vocabulary."""

from dataclasses import dataclass
from math import prod
from typing import Literal, TypeAlias

from trainers.problem import Column, DataKind

Duplicates: TypeAlias = Literal["group", "drop", "keep", "near"]
Level: TypeAlias = Literal["char", "byte", "word"]

MAX_SAMPLES = 100_000_000
MAX_FEATURES = 1 << 18
"""Numbers in one sample: 512 x 512."""
MAX_BYTES = 32 << 30
"""Decoded bytes of one file."""
MAX_RATIO = 250
"""Decoded to stored bytes, for files that decode to more than RATIO_FREE_BYTES."""
RATIO_FREE_BYTES = 16 << 20


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """What every source can be asked for, whatever it holds.

    `limit`: the first so many samples of every file but a separate test file. `duplicates`: exact
    copies stay in one part of the split (group; near: near-duplicates too), only the first is
    kept (drop), or they fall where they fall (keep).
    """

    limit: int | None = None
    duplicates: Duplicates = "group"


@dataclass(frozen=True)
class BuiltIn(Drawn):
    """A data set that ships with the dependencies, by name (see built_in.BUILT_IN)."""

    name: str


@dataclass(frozen=True)
class Idx(Drawn):
    """IDX files (MNIST's format), raw or gzip; `test_images` is the sealed test split."""

    images: str
    test_images: str | None = None


@dataclass(frozen=True)
class Npz(Drawn):
    """A .npy file, or one array (`key`) of a .npz file; the first axis counts the samples."""

    path: str
    key: str | None = None


@dataclass(frozen=True)
class Images(Drawn):
    """A folder or a zip of images; see service.domain.datasets.ImagesDataset."""

    path: str
    mode: Literal["grey", "rgb"] = "rgb"
    size: tuple[int, int] | None = None
    """Height and width to resize to."""
    patch: int | None = None
    stride: int | None = None
    group_by: str | None = None


@dataclass(frozen=True)
class Table(Drawn):
    """A CSV or Parquet file; see service.domain.datasets."""

    path: str
    form: Literal["csv", "parquet"] = "csv"
    columns: tuple[str, ...] | None = None
    categorical: tuple[str, ...] = ()
    missing: Literal["refuse", "mean"] = "refuse"
    group_by: str | None = None
    delimiter: str = ","
    header: bool = True


@dataclass(frozen=True)
class Text(Drawn):
    """Lines of text, or the texts in JSON lines; see service.domain.datasets."""

    path: str
    field: str | None = None
    """Of JSON lines: where the text stands."""
    level: Level = "char"
    max_length: int | None = None
    max_vocabulary: int = 10_000
    group_by: str | None = None
    window: int | None = None
    """Tokens of a sample that is no line but a run of the file."""


Source: TypeAlias = BuiltIn | Idx | Npz | Images | Table | Text
Part: TypeAlias = int | float | str


@dataclass(frozen=True)
class Split:
    """The three parts: shares (float, below 1), counts (int), or paths (str).

    `order` "seed" shuffles by `seed` before dividing; "file" keeps the order of the file.
    A source that brings its own test file needs no `test`, and a share or count given
    for it takes no samples. Parts given as paths are read in file order, with the
    source's kind and key; the source's own path is then not read. `resplit` above 0 draws train
    and validation anew, by (seed, resplit), from what is not in the test part.
    """

    train: Part = 0.7
    validation: Part = 0.15
    test: Part | None = 0.15
    order: Literal["seed", "file"] = "seed"
    seed: int = 0
    resplit: int = 0

    @property
    def paths(self) -> list[str]:
        """The parts that are given as paths, train first."""
        parts = (self.train, self.validation, self.test)
        return [part for part in parts if isinstance(part, str)]


@dataclass(frozen=True)
class Header:
    """What is known of a source before its samples are read.

    `samples` counts what is divided (or, with paths, train and validation together);
    `test_samples` is what a separate test file holds; `bytes` are decoded bytes of all.
    """

    samples: int
    shape: tuple[int, ...]
    dtype: str
    test_samples: int | None
    bytes: int
    kind: DataKind = "vector"
    columns: tuple[Column, ...] = ()
    vocabulary: int = 0
    estimated: bool = False
    """Whether only the beginning was read, and the figures are estimates."""

    @property
    def features(self) -> int:
        """Numbers in one sample."""
        return prod(self.shape)
