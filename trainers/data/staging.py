"""Copying a source's rows into one raw file: decoded once, checked, hashed, bounded in memory."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from trainers.data.errors import UnreadableData
from trainers.data.layout import Keys, Rows, SampleFile
from trainers.data.near_duplicates import difference_hashes


@dataclass(frozen=True)
class Staged:
    """All rows of all files of a source, in order, in their own number type."""

    rows: Rows
    """[N, F], memory-mapped."""
    counts: list[int]
    """Rows of each file."""
    keys: npt.NDArray[np.uint64]
    """[N]: a 64-bit hash of each row's numbers; equal rows have equal keys."""
    content_hash: str
    """SHA-256 over type, shape and bytes of every row."""
    groups: Keys | None = None
    """[N]: rows with equal keys belong to one group; None: each by itself."""
    near: Keys | None = None
    """[N]: the difference hash of an image, the key of a text's normal form."""


def stage(files: list[SampleFile], target: Path) -> Staged:
    """Read every file to its end into `target` (raw little-endian rows).

    Written with write(), not through a map: on a full disk a map would kill the process with
    SIGBUS, a write raises OSError. Raises UnreadableData, also for NaN and infinity.
    """
    layout = files[0].layout
    dtype = layout.dtype.newbyteorder("<")
    promised = [file.layout.samples if file.layout.exact else None for file in files]
    digest = hashlib.sha256(f"{dtype.str} {layout.shape} {promised}".encode())
    keys, groups, near = _Column(), _Column(), _Column()
    counts = []
    with target.open("wb") as out:
        for file in files:
            check = _FiniteCheck(file)
            count = 0
            for block in file.blocks():
                rows = block.rows
                if dtype.kind == "b":
                    rows = rows.view(np.uint8) != 0  # a byte of a lying file may hold a 7
                chunk = np.ascontiguousarray(rows, dtype)
                if layout.kind != "table":  # whose gaps are NaN, and which checks by itself
                    check.see(chunk)
                data = chunk.data.cast("B")
                digest.update(data)
                out.write(data)
                keys.add(_row_keys(chunk))
                groups.add(block.groups)
                is_image = block.near is None and layout.kind == "image"
                near.add(difference_hashes(chunk, layout.shape) if is_image else block.near)
                count += len(chunk)
            check.finish()
            if file.layout.exact and count != file.layout.samples:
                raise UnreadableData(
                    file.path, "it changed while it was read", "try again", file.pointer
                )
            counts.append(count)
    if None in promised:
        digest.update(str(counts).encode())
    if not sum(counts):
        raise UnreadableData(files[0].path, "it holds no samples", "give data", files[0].pointer)
    mapped = np.memmap(target, dtype, "r", shape=(sum(counts), layout.features))
    found = keys.whole()
    assert found is not None
    return Staged(mapped, counts, found, digest.hexdigest(), groups.whole(), near.whole())


class _Column:
    """Keys of all rows, gathered block by block; absent as a whole where one block has none."""

    def __init__(self) -> None:
        self._blocks: list[Keys] = []
        self._absent = False

    def add(self, keys: Keys | None) -> None:
        if keys is None:
            self._absent = True
        elif not self._absent:
            self._blocks.append(keys)

    def whole(self) -> Keys | None:
        return None if self._absent else np.concatenate(self._blocks)


def count_duplicates(keys: npt.NDArray[np.uint64], train: Any, others: Any) -> int:
    """How many of the rows `others` are exact copies of a row in `train` (row numbers)."""
    return int(np.isin(keys[others], keys[train]).sum())


def _row_keys(chunk: Rows) -> npt.NDArray[np.uint64]:
    # 0.0 and -0.0 are one number in two bytes.
    plain = chunk + chunk.dtype.type(0) if chunk.dtype.kind == "f" else chunk
    data, count = plain.data.cast("B"), len(plain)
    width = len(data) // count
    digests = (
        hashlib.blake2b(data[start : start + width], digest_size=8).digest()
        for start in range(0, count * width, width)
    )
    return np.frombuffer(b"".join(digests), "<u8")


class _FiniteCheck:
    """Counts the numbers of one file that are NaN or infinite."""

    def __init__(self, file: SampleFile) -> None:
        self._file = file
        self._seen = 0
        self._bad = 0
        self._first: tuple[int, ...] | None = None

    def see(self, chunk: Rows) -> None:
        if chunk.dtype.kind == "f":
            bad = ~np.isfinite(chunk)
            count = int(np.count_nonzero(bad))
            if count and self._first is None:
                row, column = np.unravel_index(int(np.argmax(bad)), bad.shape)
                inside = np.unravel_index(int(column), self._file.layout.shape)
                self._first = (self._seen + int(row), *(int(i) for i in inside))
            self._bad += count
        self._seen += len(chunk)

    def finish(self) -> None:
        if self._first is not None:
            index = ", ".join(str(i) for i in self._first)
            raise UnreadableData(
                self._file.path,
                f"{self._bad:,} of its numbers are NaN or infinite, the first at [{index}]",
                "remove or fill them before you save the array",
                self._file.pointer,
            )
