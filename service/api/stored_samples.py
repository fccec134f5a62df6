"""What a trial was validated on, read from the data store for people to look at."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from trainers.data.evaluation_rows import evaluation_rows
from trainers.data.mapped import MappedData

MAX_NUMBERS = 6_000_000
"""Of all samples together: 24 MB."""


@dataclass(frozen=True)
class StoredSamples:
    """The first evaluated validation samples of a data set, in the order of `Samples.first`."""

    scaled: npt.NDArray[np.float32]
    """[n, F]"""
    offset: npt.NDArray[np.float64]
    """[1] or [F]; raw = scaled * scale + offset."""
    scale: npt.NDArray[np.float64]


def read_stored_samples(folder: Path, count: int) -> StoredSamples | None:
    """At most `count` of them, fewer of large ones; None where the store has no such data."""
    try:
        data = MappedData.open(folder)
        _, rows = evaluation_rows(len(data.train), len(data.validation))
        features = max(1, data.validation.shape[1])
        rows = rows[: min(count, max(1, MAX_NUMBERS // features))]
        return StoredSamples(np.array(data.validation[rows]), data.offset, data.scale)
    except (OSError, ValueError, KeyError, TypeError):
        return None
