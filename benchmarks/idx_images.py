"""Images of IDX files in memory, for benchmarks that train without a service."""

import gzip
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainers.problem import Column, DataKind

Floats = NDArray[np.float32]
DATA = Path(__file__).parents[2] / "shared" / "data"


@dataclass(frozen=True)
class Images:
    """MNIST as training data in memory."""

    train: Floats
    validation: Floats
    shape: tuple[int, ...] = (28, 28)
    low: float = 0.0
    high: float = 1.0
    offset: NDArray[np.float64] = field(default_factory=lambda: np.zeros(1))
    scale: NDArray[np.float64] = field(default_factory=lambda: np.ones(1))
    kind: DataKind = "image"
    tokens: tuple[str, ...] = ()
    tokenizer: str = "char"
    columns: tuple[Column, ...] = ()

    @property
    def mean(self) -> Floats:
        """[F] the mean image."""
        average: Floats = self.train.mean(0)
        return average


def read_images(path: Path, count: int) -> Floats:
    """The first images of an IDX file on [0, 1], [count, 784]."""
    content = gzip.decompress(path.read_bytes())
    pixels = np.frombuffer(content, np.uint8, offset=16, count=count * 784)
    return pixels.reshape(count, 784).astype(np.float32) / 255
