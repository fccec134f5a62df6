"""Which samples every epoch is evaluated on: equally many of train and of validation."""

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]


def evaluation_rows(train: int, validation: int) -> tuple[Rows, Rows]:
    """Rows of parts of these sizes, as many as the smaller one has.

    Evenly spread: fair for data in any order.
    """
    count = min(train, validation)
    return _spread(train, count), _spread(validation, count)


def _spread(available: int, count: int) -> Rows:
    return np.arange(count, dtype=np.int64) * available // count
