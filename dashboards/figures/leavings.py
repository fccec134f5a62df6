"""What a trial leaves for people to look at, as arrays: pictures (or texts) and evidence."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float64]


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
