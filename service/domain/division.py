"""How samples were divided, for whoever divides them again without the service."""

from typing import Any

from service.domain.datasets import (
    BuiltInDataset,
    DatasetSpec,
    ImagesDataset,
    TextDataset,
    UploadedDataset,
)
from service.domain.splits import has_test_file

STRIPS = {"photos": "patches of one strip of a photograph"}
"""Built-in data whose samples belong together."""


def division_of(dataset: DatasetSpec) -> dict[str, Any]:
    """What `config.json` of a model says of its data's division, beside the split.

    `duplicates` and `limit` as asked for; `test_file`: whether the test part was a file of its
    own; `together`: what else than copies stayed in one part, in words, or null. An uploaded data
    set must be given as the file that it is (uploads.file_dataset).
    """
    return {
        "duplicates": dataset.duplicates,
        "limit": dataset.limit,
        "test_file": has_test_file(dataset),
        "together": _kept_together(dataset),
    }


def _kept_together(dataset: DatasetSpec) -> str | None:
    """None: nothing that a model's user does not see in the samples."""
    if isinstance(dataset, UploadedDataset):
        return "what its upload (which is gone) asked for"
    if isinstance(dataset, BuiltInDataset):
        return STRIPS.get(dataset.name) or _near(dataset)
    if isinstance(dataset, TextDataset) and dataset.unit == "window":
        return f"windows of {dataset.length} tokens"
    if isinstance(dataset, ImagesDataset) and dataset.patches is not None:
        return "patches of one image"
    group_by = getattr(dataset, "group_by", None)
    return f"samples of one group ({group_by})" if group_by else _near(dataset)


def _near(dataset: DatasetSpec) -> str | None:
    return "near-duplicates" if dataset.duplicates == "near" else None
