from typing import Any

import pytest

from service.domain.audit_rules import AUDIT_RULES
from service.domain.data_rules import DATA_RULES, warn_of_small_bytes
from service.domain.records import Notice
from service.domain.resolve import resolve
from tests.domain import records
from tests.domain.catalog import CATALOG, DIGITS, spec

CLEAN: dict[str, Any] = {
    "duplicates": "group",
    "exact_duplicates": 3,
    "across_before": 2,
    "across_after": 0,
    "groups": 1794,
    "largest_group": 2,
}


def notices(audit: dict[str, Any] | None = None, **fields: Any) -> list[Notice]:
    found = None if audit is None else {**CLEAN, **audit}
    data = records.dataset(audit=found, **fields)
    study = resolve(spec(), CATALOG, DIGITS)
    return [notice for rule in AUDIT_RULES for notice in rule(study, CATALOG, data)]


def test_nothing_is_said_of_a_clean_division() -> None:
    assert notices({}) == []


def test_nothing_is_said_of_data_that_an_older_version_stored() -> None:
    assert notices() == []


@pytest.mark.parametrize(
    ("audit", "code"),
    [
        ({"near_across": 4}, "near-duplicates-across-split"),
        ({"groups": 12}, "few-groups"),
        ({"late_train": 3}, "train-behind-validation"),
        ({"cut": 7}, "cut-texts"),
        ({"unknown_tokens": 0.05}, "unknown-tokens"),
        ({"unseen_categories": 2}, "unseen-categories"),
    ],
)
def test_what_the_audit_found_is_said(audit: dict[str, Any], code: str) -> None:
    assert [notice.code for notice in notices(audit)] == [code]


def test_copies_that_were_asked_to_stay_can_be_grouped() -> None:
    [notice] = notices({"duplicates": "keep"}, duplicates_across=3)
    assert "duplicates: group" in notice.remedy


def test_copies_across_files_can_only_be_dropped() -> None:
    [notice] = notices({}, duplicates_across=3)
    assert "duplicates: drop" in notice.remedy


def test_few_samples_by_themselves_are_no_few_groups() -> None:
    assert notices({"groups": 9}, train=7, validation=1, test=1) == []


def test_groups_that_began_before_validation_are_told_from_copies() -> None:
    [copies] = notices({"late_train": 3})
    [groups] = notices({"late_train": 3, "duplicates": "keep"})
    assert "3 of 1,258 train samples" in copies.message
    assert (copies.pointer, groups.pointer) == ("/dataset/duplicates", "/dataset/group_by")


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"dtype": "uint8", "high": 1 / 255}, True),
        ({"dtype": "uint8", "high": 0.9}, False),
        ({"dtype": "uint8", "high": 0.0}, False),
        ({"dtype": "float32", "high": 1 / 255}, False),
        ({"dtype": "uint8", "high": 1 / 255, "scaling": {"kind": "unit", "scale": 1.0}}, False),
    ],
)
def test_bytes_that_are_no_shades_are_told(fields: dict[str, Any], told: bool) -> None:
    scaling = {"kind": "unit", "offset": 0.0, "scale": 255.0}
    data = records.dataset(**{"scaling": scaling, **fields})
    found = list(warn_of_small_bytes(resolve(spec(), CATALOG, DIGITS), CATALOG, data))
    assert warn_of_small_bytes in DATA_RULES
    assert [notice.code for notice in found] == ["small-bytes"] * told
    assert all("the largest byte of the train part is 1," in notice.message for notice in found)
