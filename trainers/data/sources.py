"""What is read and how it is divided: plain values, the data package's own vocabulary."""

from dataclasses import dataclass
from math import prod
from typing import Literal, TypeAlias

MAX_SAMPLES = 100_000_000
MAX_FEATURES = 1 << 18
"""Numbers in one sample: 512 x 512."""
MAX_BYTES = 32 << 30
"""Decoded bytes of one file."""
MAX_RATIO = 250
"""Decoded to stored bytes, for files that decode to more than RATIO_FREE_BYTES."""
RATIO_FREE_BYTES = 16 << 20


@dataclass(frozen=True)
class BuiltIn:
    """A data set that ships with the dependencies: `digits`."""

    name: str


@dataclass(frozen=True)
class Idx:
    """IDX files (MNIST's format), raw or gzip; `test_images` is the sealed test split."""

    images: str
    test_images: str | None = None


@dataclass(frozen=True)
class Npz:
    """A .npy file, or one array (`key`) of a .npz file; the first axis counts the samples."""

    path: str
    key: str | None = None


Source: TypeAlias = BuiltIn | Idx | Npz
Part: TypeAlias = int | float | str


@dataclass(frozen=True)
class Split:
    """The three parts: shares (float, below 1), counts (int), or paths (str).

    `order` "seed" shuffles by `seed` before dividing; "file" keeps the order of the file.
    A source that brings its own test file needs no `test`, and a share or count given
    for it takes no samples. Parts given as paths are read in file order, with the
    source's kind and key; the source's own path is then not read.
    """

    train: Part = 0.7
    validation: Part = 0.15
    test: Part | None = 0.15
    order: Literal["seed", "file"] = "seed"
    seed: int = 0

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

    @property
    def features(self) -> int:
        """Numbers in one sample."""
        return prod(self.shape)
