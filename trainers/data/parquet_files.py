"""Parquet through PyArrow: the footer first, then batches of a bounded number of rows."""

from collections.abc import Iterator
from typing import Any, BinaryIO

from trainers.data.errors import UnreadableData
from trainers.data.layout import CHUNK_BYTES
from trainers.data.sources import MAX_BYTES, MAX_RATIO, MAX_SAMPLES, RATIO_FREE_BYTES
from trainers.data.table_columns import check_type

MAX_FOOTER_BYTES = 16 << 20
MAX_GROUP_BYTES = 1 << 30
"""Decoded bytes of one row group."""
MAX_TEXT_BYTES = 4096
"""Of one value."""
BATCH_ROWS = 8192
"""Rows that a header reads, and the most of one batch."""
_MAGIC = b"PAR1"


class ParquetBatches:
    """The rows of an open Parquet file as PyArrow batches of its own types."""

    def __init__(self, file: BinaryIO, path: str, pointer: str) -> None:
        self._path = path
        self._pointer = pointer
        self._file = file
        self.size = file.seek(0, 2)
        self._check_frame()
        with _Failures(path, pointer):
            self._parquet = self._open()
            self.schema = self._parquet.schema_arrow
            # A text that many rows point at must not be written out for each: one of 1 MiB that
            # is stored once would fill the memory.
            texts = [field.name for field in self.schema if _is_text(field.type)]
            if texts:
                self._parquet = self._open(read_dictionary=texts)
        self.names = list(self.schema.names)
        self.rows = self._check_metadata()

    def _open(self, **options: Any) -> Any:
        import pyarrow.parquet

        self._file.seek(0)
        return pyarrow.parquet.ParquetFile(
            self._file,
            pre_buffer=False,
            thrift_string_size_limit=MAX_FOOTER_BYTES,
            thrift_container_size_limit=1_000_000,
            **options,
        )

    def batches(self, columns: list[str], prefix: bool) -> Iterator[Any]:
        """Batches of the columns asked for; `prefix` gives the first BATCH_ROWS rows or more."""
        for name in columns:
            check_type(name, self.schema.field(name).type, self._path, self._pointer)
        size = max(1, min(BATCH_ROWS, CHUNK_BYTES // (8 * len(columns))))
        done = 0
        with _Failures(self._path, self._pointer):
            for batch in self._parquet.iter_batches(
                batch_size=size, columns=columns, use_threads=False
            ):
                for name in columns:
                    self._check_texts(name, batch.column(name))
                yield batch
                done += len(batch)
                if prefix and done >= BATCH_ROWS:
                    return

    def _check_texts(self, name: str, values: Any) -> None:
        import pyarrow
        import pyarrow.compute

        if not pyarrow.types.is_dictionary(values.type) or not _is_text(values.type.value_type):
            return
        longest = pyarrow.compute.max(pyarrow.compute.binary_length(values.dictionary)).as_py()
        if longest is not None and longest > MAX_TEXT_BYTES:
            raise UnreadableData(
                self._path,
                f"its column {name[:60]!r} holds a text of {longest:,} bytes; "
                f"{MAX_TEXT_BYTES:,} are allowed",
                "leave it out with columns",
                self._pointer,
            )

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


def _is_text(kind: Any) -> bool:
    import pyarrow

    return bool(pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind))


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
