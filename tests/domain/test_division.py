"""What a model's config.json says of how its data were divided."""

import re
from typing import Any

import pytest
from pydantic import TypeAdapter

from service.domain.datasets import DatasetSpec
from service.domain.division import division_of

DATASETS: TypeAdapter[Any] = TypeAdapter(DatasetSpec)


def division(**fields: Any) -> dict[str, Any]:
    return division_of(DATASETS.validate_python(fields))


def test_copies_and_limit_are_those_asked_for() -> None:
    assert division(name="digits") == {
        "duplicates": "group", "limit": None, "test_file": False, "together": None,
    }  # fmt: skip
    found = division(kind="npz", path="a.npy", duplicates="drop", limit=500)
    assert found == {"duplicates": "drop", "limit": 500, "test_file": False, "together": None}
    assert division(kind="idx", images="a", test_images="b")["test_file"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": "photos"}, "strip"),
        ({"name": "digits", "duplicates": "near"}, "near-duplicates"),
        ({"kind": "npz", "path": "a.npy", "duplicates": "near"}, "near-duplicates"),
        ({"kind": "images", "path": "a", "group_by": "^p(\\d+)"}, "samples of one group"),
        ({"kind": "images", "path": "a", "patches": {"size": 8}}, "patches of one image"),
        ({"kind": "csv", "path": "a.csv", "group_by": "patient"}, r"one group \(patient\)"),
        ({"kind": "jsonl", "path": "a", "field": "t", "group_by": "^."}, "samples of one group"),
        ({"kind": "text", "path": "a", "unit": "window", "length": 8}, "windows of 8 tokens"),
        ({"id": "ds-gone"}, "its upload"),
    ],
)
def test_what_the_samples_do_not_show_is_named(fields: dict[str, Any], said: str) -> None:
    together = division(**fields)["together"]
    assert together is not None
    assert re.search(said, together)
