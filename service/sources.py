"""The readers' view of a spec's data: what API and engine hand to `trainers.data`."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from service.domain.datasets import (
    BuiltInDataset,
    DatasetSpec,
    IdxDataset,
    NpzDataset,
    UploadedDataset,
)
from service.domain.records import Audit, Baselines, Column, DataHeader, Dataset, Upload
from service.domain.spec import SplitSpec, StudySpec
from service.domain.uploads import file_dataset
from trainers.data.errors import UnreadableData, UnsuitableSplit
from trainers.data.headers import read_header
from trainers.data.sources import BuiltIn, Idx, Npz, Source, Split
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
    if isinstance(dataset, BuiltInDataset):
        return BuiltIn(dataset.name)
    if isinstance(dataset, IdxDataset):
        return Idx(dataset.images, dataset.test_images)
    if isinstance(dataset, NpzDataset):
        return Npz(dataset.path, dataset.key)
    raise UnreadableData("dataset", f"{type(dataset).__name__} is not read yet", "use npz or idx")


def split_of(split: SplitSpec) -> Split:
    """How they are divided."""
    return Split(split.train, split.validation, split.test, split.order, split.seed)


def header_of(spec: StudySpec, roots: Sequence[Path]) -> DataHeader:
    """What the headers of a spec's data say; reads a few hundred bytes.

    Raises trainers.data.errors.UnreadableData.
    """
    header = read_header(source_of(spec.dataset), split_of(spec.split), roots)
    return DataHeader(
        samples=header.samples,
        shape=list(header.shape),
        dtype=header.dtype,
        test_samples=header.test_samples,
        bytes=header.bytes,
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
        created_at=datetime.now(UTC),
    )
