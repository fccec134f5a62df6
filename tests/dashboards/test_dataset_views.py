"""What the page of a data set says in words."""

from typing import Any

import pytest

from dashboards.dataset_views import (
    baseline_rows,
    dataset_view,
    division_view,
    findings,
    say_sample,
)
from dashboards.wording import say_size
from service.domain.records import Audit, DatasetDetail, DatasetEntry
from tests.dashboards.synthetic import make_dataset

QUIET = {"duplicates": "group", "exact_duplicates": 0, "across_before": 0, "across_after": 0,
         "groups": 1000, "largest_group": 1}  # fmt: skip


def said(**changes: Any) -> str:
    audit = Audit.model_validate({**QUIET, **changes})
    return " ".join(findings(make_dataset().model_copy(update={"audit": audit})))


def test_data_without_copies_say_so() -> None:
    total = sum((record := make_dataset()).model_dump()[part] for part in PARTS)
    assert record.train > 0
    assert said() == f"None of the {total:,} samples is an exact copy of another."


PARTS = ("train", "validation", "test")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"exact_duplicates": 5, "across_before": 2},
            "Copies stay in one part of the split: else 2 validation or test samples would have "
            "had a copy in train.",
        ),
        (
            {"exact_duplicates": 5, "across_before": 3, "across_after": 1},
            "as far as the files allow: 1 still has a copy in train.",
        ),
        ({"exact_duplicates": 5, "duplicates": "drop", "dropped": 5}, "left out: 5 samples."),
        (
            {"exact_duplicates": 1, "duplicates": "keep", "across_after": 1},
            "1 validation or test sample has a copy in train.",
        ),
        ({"near_duplicates": 0}, "No sample looks like another without being its copy."),
        (
            {"near_duplicates": 1, "near_across": 1},
            "1 more sample looks like an earlier one without being a copy. 1 validation or test "
            "sample has such a twin in train; `duplicates: near` keeps them together.",
        ),
        ({"near_duplicates": 4, "duplicates": "near"}, "stay in one part of the split, too."),
        ({"groups": 24, "largest_group": 225}, "form 24 groups, single ones included"),
        ({"unknown_tokens": 0.0312}, "3.1 % of the validation tokens"),
        ({"cut": 1}, "1 text was cut"),
        ({"filled": 7}, "7 missing values were filled"),
        ({"unseen_categories": 2}, "2 categories were not seen in train."),
    ],
)
def test_what_was_found_is_said_with_what_was_done(changes: dict[str, Any], sentence: str) -> None:
    assert sentence in said(**changes)


def test_data_of_an_older_version_say_what_is_known() -> None:
    older = make_dataset().model_copy(update={"audit": None, "duplicates_across": 3})
    assert findings(older) == ["3 validation or test samples have an exact copy in train."]


def test_shares_of_a_split_add_up() -> None:
    view = division_view(make_dataset())
    assert sum(share.percent for share in view.shares) == pytest.approx(100)


def test_components_that_leave_nothing_out_are_no_baseline() -> None:
    record = make_dataset().model_copy(update={"shape": [8]})
    assert not [row for row in baseline_rows(record) if row.name == "PCA with 8 components"]


@pytest.mark.parametrize(
    ("kind", "shape", "words"),
    [
        ("image", [28, 28], "28 x 28 image of uint8"),
        ("vector", [7], "7 numbers of uint8"),
        ("text", [16], "text of at most 16 tokens"),
        ("table", [9], "row of 9 numbers, categories spread out"),
        (None, None, "handwritten"),
    ],
)
def test_a_sample_is_said_in_a_few_words(kind: Any, shape: Any, words: str) -> None:
    assert say_sample(make_entry(kind=kind, shape=shape)) == words


def make_entry(**fields: Any) -> DatasetEntry:
    return DatasetEntry.model_validate(
        {"id": "ds-1", "origin": "upload", "name": "x", "description": "handwritten",
         "kind": "image", "shape": [8, 8], "dtype": "uint8", "samples": 9, "bytes": 1,
         "studies": 0, "created_at": None, **fields}
    )  # fmt: skip


def test_the_line_of_a_spec_and_the_reading_are_written_as_yaml() -> None:
    detail = DatasetDetail(
        entry=make_entry(), use={"id": "ds-1"}, sha256=None, preview=None, studies=[],
        source={"kind": "csv", "header": False, "columns": ["a", "b"]},
        divisions=[make_dataset().model_copy(update={"test_openings": 2})],
    )  # fmt: skip
    view = dataset_view(detail)
    assert view.use == "dataset: {id: ds-1}"
    assert view.read_as == "csv (header: false, columns: [a, b])"
    assert view.openings == 2


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (None, "–"),
        (0, "0 B"),
        (1023, "1023 B"),
        (1 << 20, "1 MiB"),
        (1_648_877, "1.57 MiB"),
        (5 << 30, "5 GiB"),
    ],
)
def test_sizes_are_said_in_powers_of_1024(size: int | None, words: str) -> None:
    assert say_size(size) == words
