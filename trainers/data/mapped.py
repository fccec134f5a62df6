"""MappedData: a stored data set as workers see it, mapped and not copied."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from trainers.data.stored import Stored
from trainers.problem import Column, DataKind, Problem, problem_of
from trainers.tasks import RECONSTRUCT, Task

Floats: TypeAlias = npt.NDArray[np.float32]
Doubles: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True)
class MappedData:
    """The scaled parts of a data set, [N, F] float32, read-only; raw = scaled*scale + offset."""

    folder: Path
    train: Floats
    validation: Floats
    shape: tuple[int, ...]
    """Of one sample; F is its product."""
    low: float
    high: float
    """Smallest and largest value of the scaled train part."""
    offset: Doubles
    scale: Doubles
    """[1] or [F]."""
    mean: Floats
    """[F] the mean scaled sample of the train part."""
    kind: DataKind = "vector"
    tokens: tuple[str, ...] = ()
    """Text: the vocabulary; a token's id is its index."""
    tokenizer: str = "char"
    """Text: char, byte or word."""
    columns: tuple[Column, ...] = ()
    """Tables: the spans of the columns."""

    @classmethod
    def open(cls, folder: Path) -> "MappedData":
        """Map a data set's folder; the test part stays closed."""
        stored = Stored.read(folder)
        return cls(
            folder=folder,
            train=open_part(folder, "train"),
            validation=open_part(folder, "validation"),
            shape=tuple(stored.shape),
            low=stored.low,
            high=stored.high,
            offset=_scaling(folder / "offset.npy"),
            scale=_scaling(folder / "scale.npy"),
            mean=np.load(folder / "mean.npy", allow_pickle=False).astype(np.float32),
            kind=stored.kind,
            tokens=tuple(stored.tokens),
            tokenizer=stored.tokenizer,
            columns=tuple(
                Column(**{**column, "categories": tuple(column["categories"])})
                for column in stored.columns
            ),
        )

    def problem(self, task: Task = RECONSTRUCT) -> Problem:
        """What a model must know of this data and a task."""
        return problem_of(self, task)

    def test(self) -> Floats:
        """The sealed test part; whoever opens it counts the opening (DOMAIN.md truth 10)."""
        return open_part(self.folder, "test")


def _scaling(path: Path) -> Doubles:
    """One side of a folder's scaling; older folders hold it as float32."""
    numbers: Doubles = np.load(path, allow_pickle=False).astype(np.float64)
    return numbers


def open_part(folder: Path, part: str) -> Floats:
    """One part of a data set's folder, mapped read-only."""
    mapped: Floats = np.load(folder / f"{part}.npy", mmap_mode="r", allow_pickle=False)
    return mapped
