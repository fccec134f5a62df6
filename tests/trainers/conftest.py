"""Small real data for the trainers' tests, without the store."""

import csv
import gzip
import importlib.util
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from trainers.base import Slot
from trainers.problem import Column, DataKind, Problem
from trainers.registry import catalog, families, find_family

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class ArrayData:
    """TrainingData in memory."""

    train: Floats
    validation: Floats
    shape: tuple[int, ...]
    low: float = 0.0
    high: float = 1.0
    offset: Floats = field(default_factory=lambda: np.zeros(1, np.float32))
    scale: Floats = field(default_factory=lambda: np.ones(1, np.float32))
    kind: DataKind = "image"
    tokens: Sequence[str] = ()
    tokenizer: str = "char"
    columns: Sequence[Column] = ()

    @property
    def mean(self) -> Floats:
        return self.train.mean(0)


def read_digits() -> Floats:
    """All 1,797 digits on [0, 1], shuffled once."""
    package = importlib.util.find_spec("sklearn")
    assert package is not None
    assert package.origin is not None
    path = Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz"
    with gzip.open(path, "rt") as file:
        rows = np.array([row[:64] for row in csv.reader(file)], dtype=np.float32) / 16
    return rows[np.random.default_rng(0).permutation(len(rows))]


DIGITS = Problem("image", (8, 8))


def families_of(kind: DataKind) -> list[str]:
    """The registered families that take this kind of data and reconstruct it."""
    return sorted(
        name
        for name, family in families().items()
        if kind in family.data and "reconstruct" in family.tasks
    )


def vector(features: int) -> Problem:
    """Samples of so many numbers, to be reconstructed."""
    return Problem("vector", (features,))


def config_of(
    family: str, **changes: bool | int | float | str
) -> dict[str, bool | int | float | str]:
    """A family's defaults with changes; what it fixes, or has not but others have, is left out."""
    knobs = find_family(family).params.knobs()
    known = {name for other in families().values() for name in other.params.knobs()}
    fitting = {
        name: value
        for name, value in changes.items()
        if name not in known or (name in knobs and knobs[name].accepts(value))
    }
    parameters = catalog().families[family].parameters
    return {name: entry.default for name, entry in parameters.items()} | fitting


def slots_of(family: str, count: int, **changes: bool | int | float | str) -> list[Slot]:
    """Slots with different seeds and the same config."""
    return [Slot(trial, 100 + trial, config_of(family, **changes)) for trial in range(count)]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As in a worker: bits are only promised at one thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def digits() -> ArrayData:
    rows = read_digits()
    return ArrayData(rows[:1257], rows[1257:1527], (8, 8), scale=np.full(1, 16, np.float32))


@pytest.fixture(scope="session")
def few_digits() -> ArrayData:
    """Three batches of 64 and a rest of 9; 60 validation samples."""
    rows = read_digits()
    return ArrayData(rows[:201], rows[201:261], (8, 8))


@pytest.fixture(scope="session")
def odd_table() -> ArrayData:
    """37 features, which is no multiple of 4."""
    generator = np.random.default_rng(1)
    mixing = generator.normal(size=(5, 37)) / 3
    rows = (generator.normal(size=(190, 5)) @ mixing).astype(np.float32)
    return ArrayData(
        rows[:150], rows[150:], (37,), float(rows.min()), float(rows.max()), kind="vector"
    )
