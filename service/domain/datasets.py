"""DatasetSpec: where a study's samples come from."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, Tag, model_validator

from service.domain.model import Value, invalid
from service.domain.unions import one_of, tag_by

Identifier: TypeAlias = Annotated[
    str, Field(min_length=1, max_length=64, pattern=r"^[a-z][a-z0-9_]*$")
]
PathText: TypeAlias = Annotated[
    str, Field(min_length=1, max_length=1024, pattern=r"^[^\x00-\x1f]+$")
]
ColumnName: TypeAlias = Annotated[str, Field(min_length=1, max_length=200)]

MAX_LIMIT = 100_000_000
MAX_SIDE = 2048
MAX_COLUMNS = 4096
MAX_TEXT_LENGTH = 8192
MAX_VOCABULARY = 50_000
SPECIAL_TOKENS = 4
"""Pad 0, end of text 1, unknown 2, dropped 3: they count in every vocabulary."""


def _check_pattern(pattern: str) -> str:
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise invalid(
            f"this is no regular expression: {error}",
            "write one, such as ^(patient_\\d+); its groups name the group of a sample",
        ) from None
    return pattern


Pattern: TypeAlias = Annotated[
    str, Field(min_length=1, max_length=200), AfterValidator(_check_pattern)
]


class Drawn(Value):
    """What every data set can be asked for, whatever it holds.

    `limit` takes the first samples only (a separate test file stays whole). `duplicates`: exact
    copies of a sample stay in one part of the split (`group`), as do near-duplicates (`near`), only
    the first copy is kept (`drop`), or all fall where they fall (`keep`). Parts that are files of
    their own stay as they are.
    """

    limit: int | None = Field(default=None, ge=4, le=MAX_LIMIT)
    duplicates: Literal["group", "near", "drop", "keep"] = "group"


class BuiltInDataset(Drawn):
    """A data set that ships with the service's dependencies, by name."""

    name: Identifier


class UploadedDataset(Drawn):
    """A data set that was uploaded (POST /v1/datasets), by its id."""

    id: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_\-]+$")]


class IdxDataset(Drawn):
    """IDX files (MNIST's format), raw or gzip; `test_images` holds the sealed test split."""

    kind: Literal["idx"]
    images: PathText
    test_images: PathText | None = None


class NpzDataset(Drawn):
    """A .npy file, or one array (`key`) of a .npz file; the first axis counts the samples."""

    kind: Literal["npz"]
    path: PathText
    key: Annotated[str, Field(min_length=1, max_length=120)] | None = None


Side: TypeAlias = Annotated[int, Field(ge=1, le=MAX_SIDE)]


class Patches(Value):
    """Squares cut from large images, `stride` pixels apart (as far as they are wide, if unset)."""

    size: Side
    stride: Side | None = None


class ImagesDataset(Drawn):
    """A folder or a zip of PNG, JPEG, WebP or BMP files, all of one size, or brought to it.

    `size` resizes to [height, width]; `patches` cuts squares instead, and all patches of an image
    stay in one part of the split. `group_by` is matched against the path inside the folder: its
    groups (or all that it matches) name the group, and a group stays in one part.
    """

    kind: Literal["images"]
    path: PathText
    mode: Literal["grey", "rgb"] = "rgb"
    size: Annotated[list[Side], Field(min_length=2, max_length=2)] | None = None
    patches: Patches | None = None
    group_by: Pattern | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.size is not None and self.patches is not None:
            raise invalid("size and patches exclude each other", "leave one of them out")
        return self


class _Table(Drawn):
    """Rows of columns.

    Numeric columns stay numbers, others become one-hot. `columns` chooses some; `categorical`
    names numeric columns that are codes. `missing: mean` fills gaps from the train part.
    `group_by` names a column whose values stay in one part; it is no feature unless it stands in
    `columns`.
    """

    path: PathText
    columns: Annotated[list[ColumnName], Field(min_length=1, max_length=MAX_COLUMNS)] | None = None
    categorical: list[ColumnName] = Field(default_factory=list, max_length=MAX_COLUMNS)
    missing: Literal["refuse", "mean"] = "refuse"
    group_by: ColumnName | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.columns is not None and len(set(self.columns)) != len(self.columns):
            raise invalid("a column stands twice in columns", "list each column once")
        return self


class CsvDataset(_Table):
    """A CSV file in UTF-8; with `header: false` its columns are named f0, f1, ..."""

    kind: Literal["csv"]
    delimiter: Literal[",", ";", "\t", "|", " "] = ","
    header: bool = True


class ParquetDataset(_Table):
    """A Parquet file of plain columns."""

    kind: Literal["parquet"]


class _Tokens(Drawn):
    """Text cut into tokens: characters, bytes of UTF-8, or words and punctuation.

    A sample is at most `max_length` tokens and the end of the text (unset: as many as the longest
    one has, at most 256); what is longer is cut. The vocabulary is fitted on train: the
    `max_vocabulary` most frequent tokens, four special ones included. `group_by` is matched
    against the text.
    """

    path: PathText
    level: Literal["char", "byte", "word"] = "char"
    max_length: int | None = Field(default=None, ge=2, le=MAX_TEXT_LENGTH)
    max_vocabulary: int = Field(default=10_000, ge=SPECIAL_TOKENS + 1, le=MAX_VOCABULARY)
    group_by: Pattern | None = None


class TextDataset(_Tokens):
    """A text file in UTF-8: each line is a sample, or each run of `length` tokens."""

    kind: Literal["text"]
    unit: Literal["line", "window"] = "line"
    length: int | None = Field(default=None, ge=2, le=MAX_TEXT_LENGTH)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.unit == "window") != (self.length is not None):
            raise invalid(
                "unit: window and length belong together",
                "give unit: window with length: 64, or neither",
            )
        if self.unit == "window" and (self.max_length is not None or self.group_by is not None):
            raise invalid(
                "a window has no max_length and no group_by", "leave them out, give length alone"
            )
        return self


class JsonLinesDataset(_Tokens):
    """JSON lines in UTF-8: the text at `field` of each object ("meta.title" looks inside)."""

    kind: Literal["jsonl"]
    field: Annotated[str, Field(min_length=1, max_length=200)]


_file_tag = tag_by("kind", "idx", "npz", "images", "csv", "parquet", "text", "jsonl")


def _dataset_tag(value: object) -> str | None:
    if isinstance(value, BuiltInDataset):
        return "<as built-in>"
    if isinstance(value, UploadedDataset):
        return "<as uploaded>"
    if isinstance(value, Mapping) and "kind" not in value:
        if "name" in value:
            return "<as built-in>"
        if "id" in value:
            return "<as uploaded>"
    return _file_tag(value)


FileDataset: TypeAlias = (
    IdxDataset
    | NpzDataset
    | ImagesDataset
    | CsvDataset
    | ParquetDataset
    | TextDataset
    | JsonLinesDataset
)

DatasetSpec: TypeAlias = Annotated[
    Annotated[BuiltInDataset, Tag("<as built-in>")]
    | Annotated[UploadedDataset, Tag("<as uploaded>")]
    | Annotated[IdxDataset, Tag("<as idx>")]
    | Annotated[NpzDataset, Tag("<as npz>")]
    | Annotated[ImagesDataset, Tag("<as images>")]
    | Annotated[CsvDataset, Tag("<as csv>")]
    | Annotated[ParquetDataset, Tag("<as parquet>")]
    | Annotated[TextDataset, Tag("<as text>")]
    | Annotated[JsonLinesDataset, Tag("<as jsonl>")],
    one_of(
        _dataset_tag,
        "this names no data set",
        "give {name: digits}, {id: ...} of an uploaded one, or {kind: npz, path: PATH}; kinds: "
        "idx, npz, images, csv, parquet, text, jsonl",
    ),
]


def source_of(dataset: DatasetSpec) -> str:
    """Where the samples come from, in a word: a name, a file, the id of an upload."""
    given = dataset.model_dump()
    return str(given.get("name") or given.get("images") or given.get("path") or given["id"])
