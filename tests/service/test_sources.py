from pathlib import Path
from typing import Any

import pytest

from service.domain.spec import StudySpec
from service.sources import header_of, source_of
from trainers.data.errors import UnreadableData
from trainers.data.sources import BuiltIn, Idx, Images, Npz, Source, Table, Text

DRAWN: dict[str, Any] = {"limit": 100, "duplicates": "drop"}


def study(dataset: dict[str, Any]) -> StudySpec:
    return StudySpec.model_validate({"name": "x", "family": "autoencoder", "dataset": dataset})


@pytest.mark.parametrize(
    ("dataset", "source"),
    [
        ({"name": "digits"}, BuiltIn("digits", **DRAWN)),
        ({"kind": "idx", "images": "a", "test_images": "b"}, Idx("a", "b", **DRAWN)),
        ({"kind": "npz", "path": "a", "key": "k"}, Npz("a", "k", **DRAWN)),
        (
            {"kind": "images", "path": "a", "size": [3, 4], "mode": "grey", "group_by": "x"},
            Images("a", "grey", (3, 4), group_by="x", **DRAWN),
        ),
        (
            {"kind": "images", "path": "a", "patches": {"size": 8, "stride": 4}},
            Images("a", patch=8, stride=4, **DRAWN),
        ),
        (
            {
                "kind": "csv",
                "path": "a",
                "columns": ["b"],
                "categorical": ["b"],
                "missing": "mean",
                "group_by": "g",
                "delimiter": ";",
                "header": False,
            },
            Table("a", "csv", ("b",), ("b",), "mean", "g", ";", False, **DRAWN),
        ),
        ({"kind": "parquet", "path": "a"}, Table("a", "parquet", **DRAWN)),
        (
            {"kind": "text", "path": "a", "level": "word", "max_length": 9, "max_vocabulary": 99},
            Text("a", None, "word", 9, 99, **DRAWN),
        ),
        (
            {"kind": "text", "path": "a", "unit": "window", "length": 64},
            Text("a", window=64, **DRAWN),
        ),
        ({"kind": "jsonl", "path": "a", "field": "b"}, Text("a", "b", **DRAWN)),
    ],
)
def test_a_spec_says_what_the_readers_read(dataset: dict[str, Any], source: Source) -> None:
    assert source_of(study({**dataset, **DRAWN}).dataset) == source


def test_an_upload_that_was_not_looked_up_is_refused() -> None:
    with pytest.raises(UnreadableData) as refusal:
        source_of(study({"id": "ds-1"}).dataset)
    assert refusal.value.pointer == "/dataset/id"


def test_a_header_says_kind_columns_and_vocabulary(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("size,colour\n" + "1,red\n2,blue\n" * 20)
    (tmp_path / "a.txt").write_text("abba\nbaba\n" * 20)
    table = header_of(study({"kind": "csv", "path": "a.csv"}), [tmp_path])
    assert (table.kind, table.shape, table.samples) == ("table", [3], 40)
    assert [column.name for column in table.columns] == ["size", "colour"]
    text = header_of(study({"kind": "text", "path": "a.txt"}), [tmp_path])
    assert (text.kind, text.shape, text.vocabulary) == ("text", [5], 6)
