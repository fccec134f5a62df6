"""The readers' view of a spec's data: what API and engine hand to `trainers.data`."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from service.domain.datasets import (
    BuiltInDataset,
    CsvDataset,
    DatasetSpec,
    IdxDataset,
    ImagesDataset,
    JsonLinesDataset,
    NpzDataset,
    ParquetDataset,
    TextDataset,
    UploadedDataset,
)
from service.domain.records import (
    Audit,
    Baselines,
    Column,
    DataHeader,
    Dataset,
    Upload,
    ValueFacts,
)
from service.domain.spec import SplitSpec, StudySpec
from service.domain.uploads import file_dataset
from trainers.data.errors import UnreadableData, UnsuitableSplit
from trainers.data.headers import read_header
from trainers.data.sources import BuiltIn, Idx, Images, Npz, Source, Split, Table, Text
from trainers.data.stored import Stored

Spec = TypeVar("Spec", bound=StudySpec)


def located(
    spec: Spec, upload: Upload | None, roots: Sequence[Path], uploads: Path
) -> tuple[Spec, Sequence[Path]]:
    """A spec whose data lie in files, and the folders that they may lie in.

    A spec that names an uploaded data set (`upload` is its record) reads the upload's file, and
    nothing else; every other spec comes back as it is. Raises UnreadableData when the upload is
    gone, or when the spec wants parts from paths.
    """
    if not isinstance(spec.dataset, UploadedDataset):
        return spec, roots
    if upload is None:
        raise UnreadableData(
            spec.dataset.id,
            "there is no uploaded data set of this id",
            "list the data sets with GET /v1/datasets, or upload it again",
            "/dataset/id",
        )
    if split_of(spec.split).paths:
        raise UnsuitableSplit(
            upload.name,
            "an uploaded data set cannot be split by paths",
            "give shares or counts",
            "/split",
        )
    return spec.model_copy(update={"dataset": file_dataset(spec.dataset, upload)}), [uploads]


def source_of(dataset: DatasetSpec) -> Source:
    """Where the samples come from."""
    drawn: dict[str, Any] = {"limit": dataset.limit, "duplicates": dataset.duplicates}
    if isinstance(dataset, BuiltInDataset):
        return BuiltIn(dataset.name, **drawn)
    if isinstance(dataset, IdxDataset):
        return Idx(dataset.images, dataset.test_images, **drawn)
    if isinstance(dataset, NpzDataset):
        return Npz(dataset.path, dataset.key, **drawn)
    if isinstance(dataset, ImagesDataset):
        return _images_of(dataset, drawn)
    if isinstance(dataset, TextDataset | JsonLinesDataset):
        return _text_of(dataset, drawn)
    if isinstance(dataset, CsvDataset | ParquetDataset):
        return _table_of(dataset, drawn)
    raise UnreadableData(
        dataset.id,
        "an uploaded data set must be located first",
        "upload it again",
        "/dataset/id",
    )


def _images_of(dataset: ImagesDataset, drawn: dict[str, Any]) -> Images:
    patches = dataset.patches
    return Images(
        path=dataset.path,
        mode=dataset.mode,
        size=None if dataset.size is None else (dataset.size[0], dataset.size[1]),
        patch=None if patches is None else patches.size,
        stride=None if patches is None else patches.stride,
        group_by=dataset.group_by,
        **drawn,
    )


def _text_of(dataset: TextDataset | JsonLinesDataset, drawn: dict[str, Any]) -> Text:
    return Text(
        path=dataset.path,
        field=dataset.field if isinstance(dataset, JsonLinesDataset) else None,
        level=dataset.level,
        max_length=dataset.max_length,
        max_vocabulary=dataset.max_vocabulary,
        group_by=dataset.group_by,
        window=dataset.length if isinstance(dataset, TextDataset) else None,
        **drawn,
    )


def _table_of(dataset: CsvDataset | ParquetDataset, drawn: dict[str, Any]) -> Table:
    return Table(
        path=dataset.path,
        form=dataset.kind,
        columns=None if dataset.columns is None else tuple(dataset.columns),
        categorical=tuple(dataset.categorical),
        missing=dataset.missing,
        group_by=dataset.group_by,
        delimiter=dataset.delimiter if isinstance(dataset, CsvDataset) else ",",
        header=dataset.header if isinstance(dataset, CsvDataset) else True,
        **drawn,
    )


def split_of(split: SplitSpec) -> Split:
    """How they are divided."""
    return Split(split.train, split.validation, split.test, split.order, split.seed, split.resplit)


def header_of(spec: StudySpec, roots: Sequence[Path]) -> DataHeader:
    """What the headers of a spec's data say; reads a few hundred bytes,
    of text and tables the beginning.

    Raises trainers.data.errors.UnreadableData.
    """
    header = read_header(source_of(spec.dataset), split_of(spec.split), roots)
    return DataHeader(
        samples=header.samples,
        shape=list(header.shape),
        dtype=header.dtype,
        test_samples=header.test_samples,
        bytes=header.bytes,
        kind=header.kind,
        columns=[Column.model_validate(asdict(column)) for column in header.columns],
        vocabulary=header.vocabulary,
        estimated=header.estimated,
    )


def dataset_record(stored: Stored) -> Dataset:
    """The record of a stored data set."""
    return Dataset(
        data_hash=stored.data_hash,
        folder=stored.folder,
        shape=list(stored.shape),
        dtype=stored.dtype,
        train=stored.train,
        validation=stored.validation,
        test=stored.test,
        low=stored.low,
        high=stored.high,
        duplicates_across=stored.duplicates_across,
        scaling=stored.scaling,
        baselines=Baselines.model_validate(stored.baselines),
        kind=stored.kind,
        columns=[Column.model_validate(column) for column in stored.columns],
        vocabulary=len(stored.tokens),
        tokens=stored.tokens,
        tokenizer=stored.tokenizer if stored.kind == "text" else None,
        audit=None if stored.audit is None else Audit.model_validate(stored.audit),
        value_facts=None
        if stored.value_facts is None
        else ValueFacts.model_validate(stored.value_facts),
        test_hash=stored.test_hash,
        created_at=datetime.now(UTC),
    )
