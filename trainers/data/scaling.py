"""Scaling, fitted on train: raw = scaled * scale + offset."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from trainers.data.encodings import Encoding, Numbers, encoded
from trainers.data.errors import UnreadableData
from trainers.data.layout import Layout, Rows
from trainers.data.scaling_rows import Doubles, gather

Chunks: TypeAlias = Callable[[], Iterator[Doubles]]
"""Passes over the train samples, as often as they are asked for."""
Kind: TypeAlias = Literal["none", "unit", "standard"]
__all__ = ["Kind", "Scaling", "fit_scaling", "gather"]


@dataclass(frozen=True)
class Scaling:
    """An affine map fitted on train; `offset` and `scale` have shape [1] or [F]."""

    kind: Kind
    offset: Doubles
    scale: Doubles

    def apply(self, raw: Rows) -> npt.NDArray[np.float32]:
        """Raw rows [n, F] on the scale that models see; computed in float64."""
        with np.errstate(over="ignore"):
            return ((raw.astype(np.float64) - self.offset) / self.scale).astype(np.float32)

    def as_dict(self) -> dict[str, Any]:
        """{kind}, with offset and scale where they are single numbers."""
        if len(self.offset) > 1:
            return {"kind": self.kind}
        return {
            "kind": self.kind,
            "offset": float(self.offset[0]),
            "scale": float(self.scale[0]),
        }


def fit_scaling(
    kind: Kind,
    layout: Layout,
    rows: Rows,
    train: npt.NDArray[np.int64],
    path: str,
    encoding: Encoding | None = None,
) -> Scaling:
    """Fit a scaling on the rows `train`.

    unit: bytes / 255 and digits / 16 without centring; other numbers from the smallest and
    largest of train to 0..1. standard: mean 0, standard deviation 1. Tables (samples of one
    axis) are fitted per column, so that columns weigh alike; images with one pair of numbers.
    A column that is constant in train is only shifted. What the encoding does not want scaled
    (one-hot columns, token ids) stays as it is. Raises UnreadableData on overflow.
    """
    encoding = Numbers(layout) if encoding is None else encoding
    if kind == "none" or (encoding.scaled is not None and not encoding.scaled.any()):
        return Scaling(kind, np.zeros(1), np.ones(1))
    if kind == "unit" and layout.full_scale is not None:
        return Scaling(kind, np.zeros(1), np.full(1, layout.full_scale))
    with np.errstate(over="ignore", invalid="ignore"):
        fit = _fit_range if kind == "unit" else _fit_moments
        chunks = partial(encoded, rows, train, encoding)
        offset, scale = fit(chunks, len(train), per_column=len(layout.shape) == 1)
    if not (np.isfinite(offset).all() and np.isfinite(scale).all()):
        raise UnreadableData(
            path, "its numbers are too large to be scaled", "divide them by a constant first"
        )
    scale = np.where(scale > 0, scale, 1.0)
    if encoding.scaled is not None:
        offset = np.where(encoding.scaled, offset, 0.0)
        scale = np.where(encoding.scaled, scale, 1.0)
    return Scaling(kind, offset, scale)


def _fit_range(chunks: Chunks, count: int, per_column: bool) -> tuple[Doubles, Doubles]:
    low: Doubles = np.full(1, np.inf)
    high: Doubles = np.full(1, -np.inf)
    for chunk in chunks():
        low = np.minimum(low, chunk.min(axis=0))
        high = np.maximum(high, chunk.max(axis=0))
    if not per_column:
        low, high = low.min(keepdims=True), high.max(keepdims=True)
    return low, high - low


def _fit_moments(chunks: Chunks, count: int, per_column: bool) -> tuple[Doubles, Doubles]:
    # The corrected two-pass algorithm (Chan, Golub & LeVeque 1983): nothing cancels, and the
    # second pass also takes the rounding of the first out of the mean.
    mean: Doubles = np.zeros(1)
    for chunk in chunks():
        mean = mean + chunk.sum(axis=0) / count
    if not per_column:
        mean = mean.mean(keepdims=True)
    squares: Doubles = np.zeros(1)
    rest: Doubles = np.zeros(1)
    for chunk in chunks():
        centred = chunk - mean
        rest = rest + centred.sum(axis=0)
        squares = squares + np.square(centred, out=centred).sum(axis=0)
    variance, rest = squares / count, rest / count
    if not per_column:
        variance, rest = variance.mean(keepdims=True), rest.mean(keepdims=True)
    mean, spread = mean + rest, np.sqrt(np.maximum(variance - np.square(rest), 0))
    # What rounding leaves of a constant column is not a spread.
    return mean, np.where(spread > 1e-12 * np.abs(mean), spread, 0.0)
