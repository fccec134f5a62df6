"""The child process that writes a Parquet file: `python -I -m service.exports.parquet_file`.

The HTTP process never loads pyarrow.
"""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from service.exports.feed import answer_one

ROWS_AT_A_TIME = 5_000


def write_parquet(request: dict[str, Any], rows: Iterator[Any], file: Path) -> dict[str, Any]:
    """A table with the request's columns (name, kind); its metadata say what it is of."""
    import pyarrow as pa
    from pyarrow import parquet

    types = {
        "int": pa.int64(),
        "float": pa.float64(),
        "bool": pa.bool_(),
        "text": pa.string(),
        "time": pa.timestamp("us", tz="UTC"),
    }
    schema = pa.schema(
        [pa.field(name, types[kind]) for name, kind in request["columns"]],
        metadata=request["metadata"],
    )
    times = [index for index, (_, kind) in enumerate(request["columns"]) if kind == "time"]
    count = 0
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        while chunk := list(islice(rows, ROWS_AT_A_TIME)):
            for row in chunk:
                for index in times:
                    row[index] = row[index] and datetime.fromisoformat(row[index])
            columns = zip(*chunk, strict=True)
            arrays = [pa.array(v, f.type) for v, f in zip(columns, schema, strict=True)]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            count += len(chunk)
    return {"trials": count}


if __name__ == "__main__":
    answer_one(write_parquet)
