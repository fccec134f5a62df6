"""What the values of a stored data set look like: what a training loss must fit."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trainers.data.layout import CHUNK_BYTES
from trainers.data.mapped import open_part

WHOLE_TOLERANCE = 1e-3
"""How far from a whole number scaling back from float32 may land."""
RANGE_TOLERANCE = 1e-6


def measure_values(folder: Path) -> dict[str, Any]:
    """Facts of the train part of a data set's folder, and the entropy of its validation part.

    `low` and `high` of the scaled values; `share_zero` and `share_one`, the shares of values that
    are exactly 0 or 1; `integer`, whether all raw values are whole numbers; `entropy`, the floor
    of the BCE in nats per validation sample (None outside of [0, 1]). Of validation its
    `validation_low` and `validation_high`, and `validation_outside`: how many of its values lie
    outside of [0, 1].
    """
    train = open_part(folder, "train")
    offset, scale = (np.load(folder / f"{name}.npy", allow_pickle=False) for name in AFFINE)
    low, high, zeros, ones, integer = np.inf, -np.inf, 0, 0, True
    for chunk in _chunks(train):
        low, high = min(low, float(chunk.min())), max(high, float(chunk.max()))
        zeros += int(np.count_nonzero(chunk == 0))
        ones += int(np.count_nonzero(chunk == 1))
        if integer:
            raw = chunk.astype(np.float64) * scale + offset
            bound = WHOLE_TOLERANCE + 1e-6 * np.abs(raw)
            integer = bool((np.abs(raw - np.rint(raw)) < np.minimum(bound, 0.25)).all())
    validation = open_part(folder, "validation")
    within = low >= -RANGE_TOLERANCE and high <= 1 + RANGE_TOLERANCE
    return {
        "low": low,
        "high": high,
        "share_zero": zeros / train.size,
        "share_one": ones / train.size,
        "integer": integer,
        "entropy": _entropy(validation) if within else None,
        "validation_low": float(validation.min()),
        "validation_high": float(validation.max()),
        "validation_outside": sum(
            int(np.count_nonzero((chunk < -RANGE_TOLERANCE) | (chunk > 1 + RANGE_TOLERANCE)))
            for chunk in _chunks(validation)
        ),
    }


AFFINE = ("offset", "scale")


def _entropy(part: npt.NDArray[np.float32]) -> float:
    """Mean over samples of the summed entropy of their values as probabilities, nats."""
    total = 0.0
    for chunk in _chunks(part):
        values = np.clip(chunk.astype(np.float64), 0, 1)
        inner = values[(values > 0) & (values < 1)]
        total -= float((inner * np.log(inner) + (1 - inner) * np.log1p(-inner)).sum())
    return total / len(part)


def _chunks(part: npt.NDArray[np.float32]) -> list[npt.NDArray[np.float32]]:
    step = max(1, CHUNK_BYTES // (8 * part.shape[1]))
    return [part[start : start + step] for start in range(0, len(part), step)]
