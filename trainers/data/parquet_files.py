"""Parquet through PyArrow: the footer first, then batches of a bounded number of rows."""

from collections.abc import Iterator
from itertools import islice
from typing import Any, BinaryIO

from trainers.data.errors import UnreadableData
from trainers.data.sources import MAX_BYTES, MAX_RATIO, MAX_SAMPLES, RATIO_FREE_BYTES

MAX_FOOTER_BYTES = 16 << 20
MAX_GROUP_BYTES = 1 << 30
"""Decoded bytes of one row group."""
BATCH_ROWS = 8192
_MAGIC = b"PAR1"


class ParquetBatches:
    """The rows of an open Parquet file as PyArrow batches of its own types."""

    def __init__(self, file: BinaryIO, path: str, pointer: str) -> None:
        self._path = path
        self._pointer = pointer
        self._file = file
        self.size = file.seek(0, 2)
        self._check_frame()
        import pyarrow.parquet

        with _Failures(path, pointer):
            self._parquet = pyarrow.parquet.ParquetFile(
                file,
                pre_buffer=False,
                thrift_string_size_limit=MAX_FOOTER_BYTES,
                thrift_container_size_limit=1_000_000,
            )
        self.names = list(self._parquet.schema_arrow.names)
        self.rows = self._check_metadata()

    def batches(self, columns: list[str], prefix: bool) -> Iterator[Any]:
        """Batches of the columns asked for; `prefix` gives the first one only."""
        with _Failures(self._path, self._pointer):
            found = self._parquet.iter_batches(
                batch_size=BATCH_ROWS, columns=columns, use_threads=False
            )
            yield from islice(found, 1 if prefix else None)

    def covers(self, prefix: bool) -> bool:
        """Whether reading the prefix reads all."""
        return not prefix or self.rows <= BATCH_ROWS

    def _check_frame(self) -> None:
        def refuse(reason: str) -> UnreadableData:
            return UnreadableData(self._path, reason, "write the file again", self._pointer)

        self._file.seek(0)
        if self._file.read(4) != _MAGIC:
            raise refuse("it is empty" if self.size == 0 else "it does not start like Parquet")
        self._file.seek(max(0, self.size - 8))
        tail = self._file.read(8)
        if self.size < 12 or tail[4:] != _MAGIC:
            raise refuse("it does not end like Parquet; it is not whole")
        footer = int.from_bytes(tail[:4], "little")
        if footer > min(MAX_FOOTER_BYTES, self.size):
            raise refuse(f"its footer claims {footer:,} bytes")
        self._file.seek(0)

    def _check_metadata(self) -> int:
        """The number of rows."""
        found = self._parquet.metadata
        groups = [found.row_group(index).total_byte_size for index in range(found.num_row_groups)]
        total = sum(groups)
        lying = min(groups, default=0) < 0 or found.num_rows < 0
        bomb = total > RATIO_FREE_BYTES and total > MAX_RATIO * self.size
        if lying or bomb or total > MAX_BYTES or found.num_rows > MAX_SAMPLES:
            raise UnreadableData(
                self._path,
                f"{self.size:,} stored bytes claim to hold {found.num_rows:,} rows in {total:,}",
                "write it with less compression, or take a part of the rows",
                self._pointer,
            )
        if max(groups, default=0) > MAX_GROUP_BYTES:
            raise UnreadableData(
                self._path,
                f"one of its row groups has {max(groups):,} bytes; {MAX_GROUP_BYTES:,} are allowed",
                "write it with smaller row groups (row_group_size)",
                self._pointer,
            )
        return int(found.num_rows)

    def close(self) -> None:
        """Close the file."""
        self._parquet.close()
        self._file.close()


class _Failures:
    """Turns what the Parquet reader raises into UnreadableData."""

    def __init__(self, path: str, pointer: str) -> None:
        self._path = path
        self._pointer = pointer

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: Any, _: Any) -> None:
        import pyarrow

        if isinstance(error, pyarrow.ArrowException | OSError | ValueError):
            said = " ".join(str(error).split())[:120]
            raise UnreadableData(
                self._path, f"it is damaged ({said})", "write the file again", self._pointer
            ) from None
