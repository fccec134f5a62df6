"""The readers' view of a spec's data: what API and engine hand to `trainers.data`."""

from collections.abc import Sequence
from pathlib import Path

from service.domain.datasets import BuiltInDataset, DatasetSpec, IdxDataset, NpzDataset
from service.domain.records import DataHeader
from service.domain.spec import SplitSpec, StudySpec
from trainers.data.errors import UnreadableData
from trainers.data.headers import read_header
from trainers.data.sources import BuiltIn, Idx, Npz, Source, Split


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
