"""Records of uploaded data sets, and of what a person is shown of any data set."""

import math
from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, TypeAdapter

from service.domain.advice import LossAdvice
from service.domain.data import DataHeader, DataKind, Dataset
from service.domain.datasets import FileDataset, UploadedDataset
from service.domain.model import Record, content_hash
from service.domain.states import StudyState

Origin: TypeAlias = Literal["built-in", "upload", "store"]
FileKind: TypeAlias = Literal["npz", "idx", "images", "csv", "parquet", "text", "jsonl"]

ID_DIGITS = 24
MAX_PREVIEW = 16
"""Samples in a preview."""
RESERVED = frozenset({"kind", "path", "images", "test_images", "name", "id"})
"""Of a `dataset`: what an upload gives itself."""
DECIDED_BY_STUDIES = frozenset({"limit", "duplicates"})
_SUFFIXES: dict[str, str] = {
    "images": ".zip",
    "csv": ".csv",
    "parquet": ".parquet",
    "text": ".txt",
    "jsonl": ".jsonl",
}
_TEXTUAL: dict[str, FileKind] = {"csv": "csv", "txt": "text", "jsonl": "jsonl", "ndjson": "jsonl"}
"""Endings of names whose files have no mark of their own."""
_FILES: TypeAdapter[FileDataset] = TypeAdapter(Annotated[FileDataset, Field(discriminator="kind")])


class Upload(Record):
    """A file that was uploaded as a data set. Equal content, read alike, has an equal id."""

    id: str
    name: str
    sha256: str
    """Of the file."""
    bytes: int
    """Of the file."""
    source: dict[str, Any]
    """How it is read: the file kinds of a study's `dataset`, without the path."""
    header: DataHeader
    data_hash: str
    """What it comes to with the default split and scaling."""
    created_at: datetime


class DatasetPreview(Record):
    """A few samples, for people to look at: at most 16 of the train part."""

    kind: DataKind
    images: list[str] = Field(default_factory=list)
    """PNG files in base64."""
    texts: list[str] = Field(default_factory=list)
    columns: list[str] = Field(default_factory=list)
    rows: list[list[float | str | None]] = Field(default_factory=list)
    """Of a table or of vectors, in raw units; at most 32 values each."""
    low: float | None = None
    high: float | None = None
    """Smallest and largest value of the train part, in raw units; null for text."""


class DatasetEntry(Record):
    """A data set in the list: one that is built in, was uploaded, or is in the store."""

    id: str
    """Uploaded: `ds-...`; built in: its name; else the hash of the stored content."""
    origin: Origin
    name: str
    description: str = ""
    """Of a built-in one."""
    kind: DataKind | None
    """Null: nobody has looked into it yet, as for shape, dtype and samples."""
    shape: list[int] | None
    dtype: str | None
    samples: int | None
    bytes: int | None
    """Of the file that was uploaded."""
    studies: int
    """How many used it."""
    created_at: datetime | None


class DatasetPage(Record):
    """One page of data sets."""

    items: list[DatasetEntry]
    next_page_token: str | None = None


class StudyReference(Record):
    """A study that used a data set."""

    id: str
    name: str
    state: StudyState
    metric: str
    best: float | None
    data_hash: str | None
    """Which of the data set's divisions it trains on."""
    created_at: datetime


class DatasetDetail(Record):
    """A data set: what it holds, how it is divided, what was found in it, who used it."""

    entry: DatasetEntry
    use: dict[str, Any] | None
    """What a study's `dataset` says to get it; null: its data lie at a path."""
    sha256: str | None
    """Of the uploaded file."""
    source: dict[str, Any] | None
    """How the uploaded file is read."""
    preview: DatasetPreview | None
    divisions: list[Dataset]
    """Each split and scaling in the store, the default one first: split sizes, range, duplicates,
    baselines. Figures of the test part are null until a study on it is COMPLETE."""
    studies: list[StudyReference]
    """Newest first, at most 50."""
    advice: list[LossAdvice] = []
    """Which training losses fit the values of the first division, best first; empty for text."""


class Inspected(Record):
    """What the child process found in a file."""

    dataset: Dataset
    preview: DatasetPreview


def guess_kind(name: str, head: bytes) -> FileKind | None:
    """The kind of a file by its first bytes, else by the ending of its name; None: no idea."""
    ending = name.lower().rpartition(".")[2] if "." in name else ""
    if head.startswith(b"\x93NUMPY"):
        return "npz"
    if head.startswith(b"PAR1"):
        return "parquet"
    if head.startswith((b"\x1f\x8b", b"\x00\x00\x08", b"\x00\x00\x0d")):
        return "idx"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        first = head[30 : 30 + int.from_bytes(head[26:28], "little")]
        return "npz" if ending == "npz" or first.endswith(b".npy") else "images"
    return _TEXTUAL.get(ending)


def read_as(kind: str, options: dict[str, Any], folder: str) -> FileDataset:
    """How the file in `folder` is read. Raises pydantic.ValidationError."""
    path = f"{folder}/{content_name(kind)}"
    place = {"images": path} if kind == "idx" else {"path": path}
    return _FILES.validate_python({**options, "kind": kind, **place})


def content_name(kind: str) -> str:
    """The name of an uploaded file in its folder."""
    return f"content{_SUFFIXES.get(kind, '')}"


def source_options(dataset: FileDataset) -> dict[str, Any]:
    """How a file is read, without where it lies and without what a study decides."""
    own = {"path"} if dataset.kind != "idx" else {"images", "test_images"}
    options = dataset.model_dump(
        mode="json", exclude_defaults=True, exclude=own | DECIDED_BY_STUDIES
    )
    return {"kind": dataset.kind, **options}


def upload_id(sha256: str, source: dict[str, Any]) -> str:
    """The id of a file that is read in this way."""
    return f"ds-{content_hash({'content': sha256, 'source': source})[:ID_DIGITS]}"


def file_dataset(asked: UploadedDataset, upload: Upload) -> FileDataset:
    """An uploaded data set as the file that it is, below the folder of uploads."""
    options = {key: value for key, value in upload.source.items() if key != "kind"}
    asked_for = {"limit": asked.limit, "duplicates": asked.duplicates}
    return read_as(upload.source["kind"], {**options, **asked_for}, upload.id)


def header_from(dataset: Dataset) -> DataHeader:
    """What a POST reads of a data set, from what it came to when it was uploaded.

    Vocabulary and categories are those of the default split's train part: estimates.
    """
    samples = dataset.train + dataset.validation + dataset.test
    digits = "".join(digit for digit in dataset.dtype if digit.isdigit())
    width = int(digits or 8) // 8
    return DataHeader(
        samples=samples,
        shape=dataset.shape,
        dtype=dataset.dtype,
        bytes=samples * math.prod(dataset.shape) * width,
        kind=dataset.kind,
        columns=dataset.columns,
        vocabulary=dataset.vocabulary,
        estimated=dataset.kind in ("text", "table"),
    )


def header_within(header: DataHeader, limit: int | None) -> DataHeader:
    """The header of the first `limit` samples."""
    if limit is None or limit >= header.samples:
        return header
    each = header.bytes // max(header.samples, 1)
    return header.model_copy(update={"samples": limit, "bytes": limit * each})
