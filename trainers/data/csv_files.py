"""CSV through PyArrow: every value as text first, so that the whole column decides its type."""

import io
from collections.abc import Iterator
from typing import Any, BinaryIO

from trainers.data.errors import UnreadableData
from trainers.data.sources import Table

BLOCK_BYTES = 1 << 20
"""No row may be longer."""
PREFIX_BYTES = 4 << 20
"""What a header reads."""
GAPS = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?", "#N/A"]
"""What stands for a missing value, with or without spaces around it."""


class CsvBatches:
    """The rows of an open CSV file as PyArrow batches of text columns."""

    def __init__(self, file: BinaryIO, path: str, pointer: str, source: Table) -> None:
        self._file = file
        self._path = path
        self._pointer = pointer
        self._source = source
        self.size = file.seek(0, 2)
        with self._named_failures():
            self.names = self._read_names()

    def batches(self, columns: list[str], prefix: bool) -> Iterator[Any]:
        """Batches of the columns asked for, in file order; `prefix` reads the beginning only."""
        import pyarrow
        import pyarrow.csv

        texts = {name: pyarrow.string() for name in self.names}
        convert = pyarrow.csv.ConvertOptions(
            column_types=texts,
            include_columns=columns,
        )
        with self._named_failures(), self._open(prefix, convert) as reader:
            for batch in reader:
                yield _with_gaps(batch)

    def covers(self, prefix: bool) -> bool:
        """Whether reading the prefix reads all."""
        return not prefix or self.size <= PREFIX_BYTES

    def _read_names(self) -> list[str]:
        with self._open(True, None) as reader:
            return list(reader.schema.names)

    def _open(self, prefix: bool, convert: Any) -> Any:
        import pyarrow
        import pyarrow.csv

        self._file.seek(0)
        stream: Any = self._file
        if not self.covers(prefix):
            stream = io.BytesIO(_whole_rows(self._file.read(PREFIX_BYTES)))
        return pyarrow.csv.open_csv(
            pyarrow.PythonFile(_Kept(stream), mode="r"),
            pyarrow.csv.ReadOptions(
                use_threads=False,
                block_size=BLOCK_BYTES,
                autogenerate_column_names=not self._source.header,
            ),
            pyarrow.csv.ParseOptions(delimiter=self._source.delimiter, newlines_in_values=True),
            convert,
        )

    def _named_failures(self) -> "_Failures":
        return _Failures(self._path, self._pointer)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _with_gaps(batch: Any) -> Any:
    """The batch without spaces around its values, null where a value is missing."""
    import pyarrow
    import pyarrow.compute

    gaps = pyarrow.array(GAPS, pyarrow.string())
    nothing = pyarrow.scalar(None, pyarrow.string())
    columns = []
    for column in batch.columns:
        # After trimming: as null_values of the parser, " nan" would be a number and " " a word.
        trimmed = pyarrow.compute.utf8_trim_whitespace(column)
        missing = pyarrow.compute.is_in(trimmed, value_set=gaps)
        columns.append(pyarrow.compute.if_else(missing, nothing, trimmed))
    return pyarrow.RecordBatch.from_arrays(columns, names=batch.schema.names)


class _Kept(io.RawIOBase):
    """A file that PyArrow may close without closing ours."""

    def __init__(self, file: BinaryIO) -> None:
        self._kept = file

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        return self._kept.read(size)


class _Failures:
    """Turns what the CSV parser raises into UnreadableData."""

    def __init__(self, path: str, pointer: str) -> None:
        self._path = path
        self._pointer = pointer

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: Any, _: Any) -> None:
        import pyarrow

        # Arrow checks values; names that are no UTF-8 only Python refuses.
        if not isinstance(error, pyarrow.ArrowInvalid | UnicodeDecodeError):
            return
        said = " ".join(str(error).split())[:160]
        reason, remedy = f"it is no regular CSV ({said})", "give every row as many values"
        if "UTF8" in said or isinstance(error, UnicodeDecodeError):
            reason = "it is not UTF-8"
            remedy = "convert it: iconv -f ISO-8859-1 -t UTF-8 FILE"
        elif "straddling" in said or "block boundaries" in said:
            reason = f"it has a row of more than {BLOCK_BYTES:,} bytes, or a quote that never ends"
            remedy = "close the quote, or leave long texts out"
        elif "Empty CSV" in said:
            reason, remedy = "it is empty", "give a header line and rows"
        raise UnreadableData(self._path, reason, remedy, self._pointer) from None


def _whole_rows(prefix: bytes) -> bytes:
    """The prefix up to the last line end that is not inside quotes."""
    end = prefix.rfind(b"\n") + 1
    while end > 0 and prefix.count(b'"', 0, end) % 2:
        end = prefix.rfind(b"\n", 0, end - 1) + 1
    return prefix[: end or len(prefix)]
