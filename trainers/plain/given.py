"""What a model is given of samples: the do-nothing estimate, and what the task adds to it."""

from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor


class Given(NamedTuple):
    """The input of a model, on the scale of the scaled data."""

    start: Tensor
    """[..., F] what doing nothing gives: the sample itself, or the noisy, filled or bicubic one;
    for text its token ids."""
    known: Tensor | None = None
    """[..., F] 1 where a value is known, 0 in the hole (inpaint only)."""
    low: Tensor | None = None
    """[..., low features] the small image (super_resolve only)."""

    def map(self, change: Callable[[Tensor], Tensor]) -> "Given":
        """The same change to every part."""
        return Given(*(None if part is None else change(part) for part in self))  # type: ignore[arg-type]

    def expand(self, count: int) -> "Given":
        """[n, ...] -> [count, n, ...] without a copy."""
        return self.map(lambda part: part.expand(count, *part.shape))

    def rows(self, rows: int | slice | Tensor) -> "Given":
        """Some of the samples."""
        return self.map(lambda part: part[rows])
