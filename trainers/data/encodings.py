"""From staged rows to stored samples: what is fitted on train before scaling (truth 15)."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from trainers.data.errors import UnreadableData
from trainers.data.layout import Layout, Rows, SampleFile
from trainers.data.scaling_rows import Doubles, gather
from trainers.data.sources import MAX_BYTES, MAX_FEATURES
from trainers.problem import Column

Wanted = npt.NDArray[np.int64]


class Encoding(Protocol):
    """A fitted map from staged rows to samples."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of a stored sample."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """Of a table."""

    @property
    def tokens(self) -> tuple[str, ...]:
        """Of a text."""

    @property
    def scaled(self) -> npt.NDArray[np.bool_] | None:
        """[F] which numbers are scaled; None: all of them."""

    def encode(self, chunk: Rows) -> Doubles:
        """Staged rows [n, R] -> samples before scaling [n, F], float64."""


class Content(Protocol):
    """What the rows of a source's files are, known once they were read."""

    def fit(self, rows: Rows, train: Wanted) -> Encoding:
        """The encoding that the train rows determine."""

    def identity(self) -> Any:
        """What staged numbers stand for, as JSON: goes into the data hash; None for numbers."""

    def counts(self) -> dict[str, int]:
        """`cut` texts and `filled` values, for the audit."""


@dataclass(frozen=True)
class Numbers:
    """Arrays and images: stored as they are. Content and Encoding at once."""

    layout: Layout
    columns: tuple[Column, ...] = ()
    tokens: tuple[str, ...] = ()
    scaled: npt.NDArray[np.bool_] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Of a sample."""
        return self.layout.shape

    def fit(self, rows: Rows, train: Wanted) -> "Numbers":
        """Nothing is fitted."""
        return self

    def encode(self, chunk: Rows) -> Doubles:
        """The numbers themselves."""
        return chunk.astype(np.float64, copy=False)

    def identity(self) -> None:
        """Numbers stand for themselves."""

    def counts(self) -> dict[str, int]:
        """Nothing is cut or filled."""
        return {}


def encoded(rows: Rows, wanted: Wanted, encoding: Encoding) -> Iterator[Doubles]:
    """The wanted rows as samples before scaling, in bounded chunks."""
    return (encoding.encode(chunk) for chunk in gather(rows, wanted, prod(encoding.shape)))


def check_encoding(encoding: Encoding, samples: int, file: SampleFile) -> None:
    """Refuse samples without numbers, and those that are too large once categories are numbers."""
    width = prod(encoding.shape)
    if width == 0:
        raise UnreadableData(
            file.path,
            "its columns hold no values in the train part",
            "choose other columns, or leave out split.order so that samples are drawn",
            file.pointer,
        )
    stored = 4 * samples * width
    if width > MAX_FEATURES or stored > MAX_BYTES:
        raise UnreadableData(
            file.path,
            f"with a number for every category a sample has {width:,} numbers, and all "
            f"{stored:,} bytes; {MAX_FEATURES:,} and {MAX_BYTES:,} are allowed",
            "leave out columns of many different words",
            file.pointer,
        )
