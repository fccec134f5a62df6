"""An array file after its header: what it holds, and its rows as a bounded stream."""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from math import prod
from typing import IO, Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from trainers.data.errors import UnreadableData
from trainers.data.sources import (
    MAX_BYTES,
    MAX_FEATURES,
    MAX_RATIO,
    MAX_SAMPLES,
    RATIO_FREE_BYTES,
)
from trainers.problem import DataKind

Rows: TypeAlias = npt.NDArray[Any]
"""[n, F] in the file's own type."""
Keys: TypeAlias = npt.NDArray[np.uint64]

CHUNK_BYTES = 8 << 20
MAX_FORTRAN_BYTES = 256 << 20
_KINDS = "buif"
_WHOLE = "write the file again, or copy it again; it is not whole"


@dataclass(frozen=True)
class Layout:
    """What the header of an array file says.

    `full_scale` is the value that scaling `unit` takes to 1 where the format implies it
    (255 for bytes, 16 for digits); None: it is fitted.
    """

    samples: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran: bool = False
    full_scale: float | None = None
    given_kind: DataKind | None = None
    """None: told by the shape."""
    exact: bool = True
    """Whether `samples` is known; else it is an estimate, and what is read counts."""

    @property
    def kind(self) -> DataKind:
        """What a sample is; an array's is an image with two axes, or three and up to 4 channels."""
        if self.given_kind is not None:
            return self.given_kind
        axes = len(self.shape)
        return "image" if axes == 2 or (axes == 3 and self.shape[2] <= 4) else "vector"

    @property
    def features(self) -> int:
        """Numbers in one sample."""
        return prod(self.shape)

    @property
    def bytes(self) -> int:
        """Decoded bytes of all samples."""
        return self.samples * self.features * self.dtype.itemsize


@dataclass(frozen=True)
class Block:
    """Consecutive samples of a file."""

    rows: Rows
    """[n, F] in the layout's type."""
    groups: Keys | None = None
    """[n]: samples with equal keys stay in one part of the split; None: each by itself."""
    near: Keys | None = None
    """[n]: samples with equal keys are near-duplicates; None: not looked for here."""


class SampleFile(Protocol):
    """An open file whose header has been checked, and whose samples can be read once."""

    @property
    def path(self) -> str:
        """As the user gave it."""

    @property
    def pointer(self) -> str:
        """The JSON pointer of the field that names it."""

    @property
    def layout(self) -> Layout:
        """What its samples are."""

    def blocks(self) -> Iterator[Block]:
        """Every sample once, in order, in bounded blocks. Raises UnreadableData."""

    def close(self) -> None:
        """Close the file."""


@dataclass
class ArrayFile:
    """An open file whose header has been checked; `stream` stands at the first number.

    With a `limit` only the first samples are read, and the layout counts those.
    """

    path: str
    pointer: str
    layout: Layout
    stream: IO[bytes]
    limit: int | None = None

    def __post_init__(self) -> None:
        self._stored = self.layout
        if self.limit is not None and self.limit < self.layout.samples:
            self.layout = replace(self.layout, samples=self.limit)

    def limited(self, limit: int | None) -> "ArrayFile":
        """The file with its first `limit` samples only; before anything is read."""
        return replace(self, limit=limit)

    def blocks(self) -> Iterator[Block]:
        """The rows, each by itself."""
        return (Block(rows) for rows in self.rows())

    def rows(self) -> Iterator[Rows]:
        """Every row once, in file order, in chunks of about CHUNK_BYTES.

        Raises UnreadableData when the file ends early, goes on too long or is damaged.
        """
        with named_failures(self.path, self.pointer):
            if self.layout.fortran:
                yield self._transposed()
            else:
                yield from self._stream_rows()
            if self.layout == self._stored and self.stream.read(1):
                raise UnreadableData(
                    self.path, "it goes on after the last sample", _WHOLE, self.pointer
                )

    def _stream_rows(self) -> Iterator[Rows]:
        row_bytes = self.layout.features * self.layout.dtype.itemsize
        step = max(1, CHUNK_BYTES // row_bytes)
        for start in range(0, self.layout.samples, step):
            count = min(step, self.layout.samples - start)
            block = self._read(count * row_bytes)
            yield np.frombuffer(block, self.layout.dtype).reshape(count, self.layout.features)

    def _transposed(self) -> Rows:
        # Column-major files scatter each sample over the whole file: read at once, and capped.
        stored = self._stored
        whole = np.frombuffer(self._read(stored.bytes), stored.dtype)
        shaped = whole.reshape(stored.samples, *stored.shape, order="F")
        return shaped.reshape(stored.samples, stored.features)[: self.layout.samples]

    def _read(self, count: int) -> bytearray:
        block = bytearray(count)
        view = memoryview(block)
        filled = 0
        while filled < count:
            piece = self.stream.read(min(count - filled, CHUNK_BYTES))
            if not piece:
                raise UnreadableData(
                    self.path,
                    f"it ends early: the header promises {self.layout.bytes:,} bytes",
                    _WHOLE,
                    self.pointer,
                )
            view[filled : filled + len(piece)] = piece
            filled += len(piece)
        return block

    def close(self) -> None:
        """Close the file."""
        self.stream.close()


@contextmanager
def named_failures(path: str, pointer: str) -> Iterator[None]:
    """Turn what decoders raise on damaged input into UnreadableData."""
    try:
        yield
    except (EOFError, zlib.error, zipfile.BadZipFile) as error:
        reason = f"its compressed data is damaged or ends early ({error})"
        raise UnreadableData(path, reason, _WHOLE, pointer) from error
    except OSError as error:
        # gzip.BadGzipFile (a wrong checksum) is an OSError too.
        reason = f"it cannot be read to its end ({error.strerror or error})"
        raise UnreadableData(path, reason, _WHOLE, pointer) from error


def check_layout(layout: Layout, path: str, pointer: str) -> None:
    """Refuse layouts that are no data set, or that are larger than the caps allow."""

    def refuse(reason: str, remedy: str) -> UnreadableData:
        return UnreadableData(path, reason, remedy, pointer)

    if layout.dtype.hasobject:
        raise refuse(
            "it holds Python objects, which could run code when they are loaded",
            "save it with a number type: array.astype('float32')",
        )
    if layout.dtype.kind not in _KINDS or layout.dtype.itemsize > 8:
        raise refuse(
            f"its numbers are of type {layout.dtype}, not bool, integer or real",
            "convert it: array.astype('float32')",
        )
    if not layout.shape:
        raise refuse(
            "it has one axis only: one number per sample (labels, perhaps)",
            "give an array of at least two axes, [samples, features]",
        )
    if layout.samples < 0 or any(side < 0 for side in layout.shape):
        raise refuse("its header names a negative size", _WHOLE)
    if layout.samples == 0 or layout.features == 0:
        raise refuse("it is empty", "give at least three samples of at least one number")
    if layout.features > MAX_FEATURES:
        raise refuse(
            f"one sample has {layout.features:,} numbers; {MAX_FEATURES:,} are allowed",
            "make the samples smaller: crop, downsample or choose columns",
        )
    if layout.samples > MAX_SAMPLES or layout.bytes > MAX_BYTES:
        raise refuse(
            f"it holds {layout.samples:,} samples in {layout.bytes:,} bytes; "
            f"{MAX_SAMPLES:,} and {MAX_BYTES:,} are allowed",
            "take a part of the samples",
        )
    if layout.fortran and layout.bytes > MAX_FORTRAN_BYTES:
        raise refuse(
            f"it is in column-major order and above {MAX_FORTRAN_BYTES:,} bytes",
            "save numpy.ascontiguousarray(array)",
        )


def check_ratio(decoded: int, stored: int, path: str, pointer: str) -> None:
    """Refuse files that claim to decode to far more than they store (a zip bomb)."""
    if decoded > RATIO_FREE_BYTES and decoded > MAX_RATIO * max(stored, 1):
        raise UnreadableData(
            path,
            f"{stored:,} stored bytes claim to decode to {decoded:,}",
            "store it with less compression, or as raw IDX or .npy",
            pointer,
        )
