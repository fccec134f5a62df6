"""What a trial leaves for people to look at, as arrays: pictures (or texts) and evidence."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.domain.data import Column

Picture = NDArray[np.float64]
Floats = NDArray[np.float32] | NDArray[np.float64]


@dataclass(frozen=True)
class Raw:
    """How scaled numbers are read in the units of the data: raw = scaled * scale + offset."""

    offset: Picture
    """[1] or [F]"""
    scale: Picture
    spread: Picture
    """[F] standard deviations of the scaled validation samples."""

    def number(self, index: int, scaled: float) -> float:
        """The number at place `index` of a sample, in raw units."""
        offset, scale = (each[min(index, len(each) - 1)] for each in (self.offset, self.scale))
        return float(scaled * scale + offset)


@dataclass(frozen=True)
class Pictures:
    """Reconstructions of the same fixed validation samples; every array is [n, features].

    Of texts they hold token ids.
    """

    shape: tuple[int, ...]
    """Of one sample: (8, 8), (28, 28), (3, 32, 32), (12,)."""
    low: float
    high: float
    """The range of the scaled train part: black and white."""
    input: Picture
    best: Picture
    last: Picture | None = None
    worst_input: Picture | None = None
    worst_best: Picture | None = None
    worst_index: tuple[int, ...] = ()
    given: Picture | None = None
    """What the model saw of `input`; and of `worst_input`:"""
    worst_given: Picture | None = None
    tokens: tuple[str, ...] = ()
    """Of texts: a token's id is its index."""
    tokenizer: str = ""
    """Of texts: char, byte or word."""
    snapshots: Picture | None = None
    """[E, n, features]: what the model made of `input` after some of its epochs."""
    snapshot_epochs: tuple[int, ...] = ()
    """[E], ascending."""
    columns: tuple[Column, ...] = ()
    """Of a table."""
    raw: Raw | None = None
    """None: the data store no longer has the data."""


@dataclass(frozen=True)
class Evidence:
    """What a trial left beside its pictures (trainers.evidence): `<what>/<best or last>`."""

    kind: str
    """Of the data: vector, image, text or table."""
    shape: tuple[int, ...]
    low: float
    high: float
    columns: tuple[str, ...]
    """Of a table: the name of each number of a sample."""
    arrays: Mapping[str, Picture]
    tokens: tuple[str, ...] = ()
    """Of texts: a token's id is its index."""
    tokenizer: str = ""
    """Of texts: char, byte or word."""
    table: tuple[Column, ...] = ()
    """Of a table: its columns."""
    inputs: Floats | None = None
    """[n, features]: the first evaluated validation samples, as `latent` has them; None: the data
    store no longer has the data."""
    raw: Raw | None = None

    def __getitem__(self, name: str) -> Picture:
        return self.arrays[name]

    def get(self, name: str) -> Picture | None:
        """An array, or None where the family has no such thing."""
        return self.arrays.get(name)

    def place(self, index: int) -> str:
        """What a number of a sample is: a pixel, a column, a position."""
        if self.columns:
            return self.columns[index]
        if self.kind == "text":
            return f"position {index}"
        if len(self.shape) < 2:
            return f"feature {index}"
        row, column, *channel = np.unravel_index(index, self.shape)
        said = f"row {row}, column {column}"
        return f"{said}, channel {channel[0]}" if channel else said
