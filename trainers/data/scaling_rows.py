"""Rows by number from a mapped file, as float64, in bounded chunks."""

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from trainers.data.layout import CHUNK_BYTES, Rows

Doubles: TypeAlias = npt.NDArray[np.float64]


def gather(rows: Rows, wanted: npt.NDArray[np.int64], width: int = 0) -> Iterator[Doubles]:
    """The wanted rows as float64, in chunks of about CHUNK_BYTES.

    `width`: numbers that a row becomes, where that is more than it has.
    """
    step = max(1, CHUNK_BYTES // (8 * max(width, rows.shape[1])))
    for start in range(0, len(wanted), step):
        yield rows[wanted[start : start + step]].astype(np.float64, copy=False)
