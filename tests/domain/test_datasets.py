from typing import Any

import pytest
from pydantic import ValidationError

from service.domain.spec import StudySpec
from service.domain.unions import pointer

KINDS: list[dict[str, Any]] = [
    {"name": "digits", "limit": 500},
    {"id": "ds-0123456789abcdef", "limit": 500, "duplicates": "drop"},
    {"kind": "idx", "images": "a", "test_images": "b", "limit": 1000},
    {"kind": "npz", "path": "a.npz", "key": "x", "duplicates": "keep"},
    {"kind": "images", "path": "photos.zip"},
    {"kind": "images", "path": "photos", "mode": "grey", "size": [32, 24], "group_by": "^(.*)_"},
    {"kind": "images", "path": "photos", "patches": {"size": 32, "stride": 16}},
    {"kind": "csv", "path": "a.csv", "columns": ["a", "b"], "missing": "mean", "delimiter": ";"},
    {"kind": "csv", "path": "a.csv", "categorical": ["zip"], "group_by": "patient"},
    {"kind": "parquet", "path": "a.parquet", "duplicates": "near"},
    {"kind": "text", "path": "a.txt", "level": "word", "max_length": 20, "max_vocabulary": 5000},
    {"kind": "text", "path": "a.txt", "unit": "window", "length": 64},
    {"kind": "jsonl", "path": "a.jsonl", "field": "meta.title", "group_by": "^(\\w+)"},
]


def study(dataset: dict[str, Any]) -> StudySpec:
    return StudySpec.model_validate({"name": "x", "family": "vae", "dataset": dataset})


@pytest.mark.parametrize("dataset", KINDS)
def test_every_kind_survives_json(dataset: dict[str, Any]) -> None:
    asked = study(dataset)
    assert StudySpec.model_validate_json(asked.model_dump_json()) == asked
    assert StudySpec.model_validate(asked.model_dump()) == asked


IMAGES = {"kind": "images", "path": "a"}
CSV = {"kind": "csv", "path": "a"}
TEXT = {"kind": "text", "path": "a"}


@pytest.mark.parametrize(
    ("dataset", "where", "reason"),
    [
        ({"kind": "xlsx", "path": "a"}, "/dataset", "names no data set"),
        ({"id": "../x"}, "/dataset/id", "pattern"),
        ({"name": "digits", "limit": 3}, "/dataset/limit", "greater than or equal to 4"),
        ({"name": "digits", "duplicates": "remove"}, "/dataset/duplicates", "'group'"),
        (IMAGES | {"size": [32]}, "/dataset/size", "at least 2"),
        (IMAGES | {"size": [32, 0]}, "/dataset/size/1", "greater than or equal to 1"),
        (IMAGES | {"size": [32, 5000]}, "/dataset/size/1", "less than or equal to 2048"),
        (IMAGES | {"size": [8, 8], "patches": {"size": 8}}, "/dataset", "exclude each other"),
        (IMAGES | {"mode": "cmyk"}, "/dataset/mode", "'grey'"),
        (IMAGES | {"group_by": "("}, "/dataset/group_by", "no regular expression"),
        (IMAGES | {"group_by": "a" * 201}, "/dataset/group_by", "at most 200"),
        (CSV | {"columns": []}, "/dataset/columns", "at least 1"),
        (CSV | {"columns": ["a", "a"]}, "/dataset", "stands twice"),
        (CSV | {"delimiter": "x"}, "/dataset/delimiter", "','"),
        (CSV | {"missing": "zero"}, "/dataset/missing", "'refuse'"),
        (TEXT | {"level": "subword"}, "/dataset/level", "'char'"),
        (TEXT | {"unit": "window"}, "/dataset", "belong together"),
        (TEXT | {"length": 64}, "/dataset", "belong together"),
        (
            TEXT | {"unit": "window", "length": 64, "max_length": 9},
            "/dataset",
            "no max_length",
        ),
        (TEXT | {"max_vocabulary": 4}, "/dataset/max_vocabulary", "greater than or equal to 5"),
        ({"kind": "jsonl", "path": "a"}, "/dataset/field", "required"),
    ],
)
def test_what_makes_no_sense_is_refused_where_it_stands(
    dataset: dict[str, Any], where: str, reason: str
) -> None:
    with pytest.raises(ValidationError) as refusal:
        study(dataset)
    [error] = refusal.value.errors()
    assert pointer(error["loc"]) == where
    assert reason in error["msg"]
