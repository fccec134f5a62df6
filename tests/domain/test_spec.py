import json
from typing import Any

import pytest
from hypothesis import given
from pydantic import ValidationError

from service.domain.objectives import Objective
from service.domain.resolve import resolve
from service.domain.spec import ResolvedSpec, StudySpec
from service.domain.unions import pointer
from tests.domain.catalog import CATALOG, DIGITS, spec
from tests.domain.wishes import wishes

MINIMAL = {"name": "x", "dataset": {"name": "digits"}, "family": "vae"}


def test_three_fields_are_enough() -> None:
    study = StudySpec.model_validate(MINIMAL)
    assert study.space == {}
    assert study.objective == Objective(metric="mse")
    assert study.training.epochs == 30


@given(wishes())
def test_a_spec_survives_json_and_python(wish: dict[str, Any]) -> None:
    study = StudySpec.model_validate(wish)
    assert StudySpec.model_validate_json(study.model_dump_json()) == study
    assert StudySpec.model_validate(json.loads(study.model_dump_json())) == study
    assert StudySpec.model_validate(study.model_dump()) == study


@given(wishes())
def test_a_resolved_spec_survives_json(wish: dict[str, Any]) -> None:
    resolved = resolve(StudySpec.model_validate(wish), CATALOG, DIGITS)
    assert ResolvedSpec.model_validate_json(resolved.model_dump_json()) == resolved


def test_whole_and_real_numbers_and_booleans_keep_their_types() -> None:
    study = spec(space={"a": 1, "b": 1.0, "c": True, "d": "1"})
    assert [type(study.space[name]) for name in "abcd"] == [int, float, bool, str]


def test_a_spec_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        spec().seed = 3  # type: ignore[misc]


INVALID: list[tuple[dict[str, Any], str, str]] = [
    ({"foo": 1}, "/foo", "Extra inputs"),
    ({"name": ""}, "/name", "at least 1"),
    ({"name": "x" * 121}, "/name", "at most 120"),
    ({"name": "<script>"}, "/name", "pattern"),
    ({"name": 3}, "/name", "string"),
    ({"dataset": {"kind": "sql"}}, "/dataset", "names no data set"),
    ({"dataset": "digits"}, "/dataset", "names no data set"),
    ({"dataset": {"kind": "idx"}}, "/dataset/images", "required"),
    ({"dataset": {"kind": "npz", "path": "a\nb"}}, "/dataset/path", "pattern"),
    ({"dataset": {"name": "digits", "path": "x"}}, "/dataset/path", "Extra inputs"),
    ({"split": {"train": True}}, "/split/train", "no part"),
    ({"split": {"train": 0}}, "/split/train", "greater than or equal to 1"),
    ({"split": {"train": 1.0}}, "/split/train", "less than 1"),
    ({"split": {"train": 0.8, "validation": 0.3}}, "/split", "add up to 1.25"),
    ({"split": {"train": "a.npy"}}, "/split", "mixed"),
    ({"scaling": "minmax"}, "/scaling", "'none', 'unit' or 'standard'"),
    ({"task": {"kind": "translate"}}, "/task", "no such task"),
    ({"task": {"kind": "denoise", "noise": "pink"}}, "/task/noise", "'gaussian'"),
    ({"task": {"kind": "denoise", "level": 0}}, "/task/level", "greater than 0"),
    ({"task": {"kind": "denoise", "noise": "masked", "level": 1}}, "/task", "share of elements"),
    ({"task": {"kind": "denoise", "share": 0.1}}, "/task/share", "Extra inputs"),
    ({"task": {"kind": "inpaint", "mask": "half", "share": 0.3}}, "/task", "half of the sample"),
    ({"task": {"kind": "inpaint", "share": 1.0}}, "/task/share", "less than 1"),
    ({"task": {"kind": "super_resolve", "factor": 3}}, "/task/factor", "2 or 4"),
    ({"family": 3}, "/family", "names no family"),
    ({"family": {"choices": []}}, "/family/choices", "at least 1"),
    ({"family": {"choices": ["vae", "vae"]}}, "/family", "stands twice"),
    ({"objective": [{"metric": "mse"}]}, "/objective", "at least 2 items"),
    ({"objective": [{"metric": "mse"}, {"metric": "mse"}]}, "/objective", "stands twice"),
    ({"objective": [{"metric": name} for name in "abcd"]}, "/objective", "at most 3 items"),
    ({"objective": "mse"}, "/objective", "no objective"),
    ({"objective": [{"metric": "mse"}, {"metric": 3}]}, "/objective/1/metric", "string"),
    ({"objective": {"subject_to": [{"metric": "kl"}]}}, "/objective/subject_to/0", "one bound"),
    (
        {"objective": {"subject_to": [{"metric": "kl", "at_most": 1, "at_least": 0}]}},
        "/objective/subject_to/0",
        "one bound",
    ),
    ({"objective": {"direction": "down"}}, "/objective/direction", "'minimize'"),
    ({"space": {"Bad Name": 1}}, "/space/Bad Name", "pattern"),
    ({"space": {"a": None}}, "/space/a", "neither a distribution"),
    ({"space": {"a": [1, 2]}}, "/space/a", "neither a distribution"),
    ({"space": {"a": {"type": "normal"}}}, "/space/a", "neither a distribution"),
    ({"space": {"a": {"low": 1, "high": 2}}}, "/space/a", "neither a distribution"),
    ({"space": {"a": float("nan")}}, "/space/a", "finite"),
    ({"space": {"a": {"type": "float", "low": 0.0, "high": float("inf")}}}, "/space/a/high", "fin"),
    ({"space": {"a": {"type": "float", "low": "1", "high": 2}}}, "/space/a/low", "number"),
    ({"space": {"a": {"type": "float", "low": 2, "high": 1}}}, "/space/a", "low 2.0 is above"),
    ({"space": {"a": {"type": "float", "low": 0, "high": 1, "log": True}}}, "/space/a", "above 0"),
    ({"space": {"a": {"type": "float", "low": 0, "high": 1, "step": 0}}}, "/space/a", "positive"),
    (
        {"space": {"a": {"type": "float", "low": 1, "high": 9, "step": 1, "log": True}}},
        "/space/a",
        "cannot have a step",
    ),
    ({"space": {"a": {"type": "int", "low": 1, "high": 9.5}}}, "/space/a/high", "integer"),
    ({"space": {"a": {"type": "int", "low": 1, "high": 9, "step": 0}}}, "/space/a", "below 1"),
    ({"space": {"a": {"type": "categorical", "choices": []}}}, "/space/a/choices", "at least 1"),
    (
        {"space": {"a": {"type": "categorical", "choices": [1, 1]}}},
        "/space/a",
        "stands twice",
    ),
    (
        {"space": {"a": {"type": "categorical", "choices": [{"b": 1}]}}},
        "/space/a/choices/0",
        "not a single value",
    ),
    (
        {"space": {"a": {"type": "int", "low": 1, "high": 2, "when": {"b": []}}}},
        "/space/a/when/b",
        "at least 1",
    ),
    ({"training": {"epochs": 0}}, "/training/epochs", "greater than or equal to 1"),
    ({"training": {"first_eligible_epoch": "soon"}}, "/training/first_eligible_epoch", "auto"),
    ({"training": {"first_eligible_epoch": 1.5}}, "/training/first_eligible_epoch", "auto"),
    ({"sampler": {"type": "cma"}}, "/sampler", "no such sampler"),
    ({"sampler": {"type": "tpe", "gamma": 1}}, "/sampler/gamma", "Extra inputs"),
    ({"pruner": {"type": "hyperband"}}, "/pruner", "no such pruner"),
    ({"pruner": {"type": "halving", "reduction_factor": 1}}, "/pruner/reduction_factor", "2"),
    ({"budget": {"trials": 100_001}}, "/budget/trials", "100000"),
    ({"budget": {"seconds": 0}}, "/budget/seconds", "greater than 0"),
    ({"parallel": {"cohort_size": 65}}, "/parallel/cohort_size", "64"),
    ({"parallel": {"cohort_size": "big"}}, "/parallel/cohort_size", "neither"),
    ({"seed": -1}, "/seed", "greater than or equal to 0"),
    ({"seed": 2**63}, "/seed", "less than or equal"),
    ({"seed": 1.0}, "/seed", "integer"),
]


@pytest.mark.parametrize(("fields", "where", "why"), INVALID, ids=lambda value: str(value)[:60])
def test_a_malformed_field_gives_one_error_that_points_at_it(
    fields: dict[str, Any], where: str, why: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        spec(**fields)
    errors = caught.value.errors()
    assert [pointer(error["loc"]) for error in errors] == [where]
    assert why in errors[0]["msg"]


def test_missing_fields_are_named() -> None:
    with pytest.raises(ValidationError) as caught:
        StudySpec.model_validate({})
    assert {pointer(error["loc"]) for error in caught.value.errors()} == {
        "/name",
        "/dataset",
        "/family",
    }


def test_our_own_errors_carry_a_remedy() -> None:
    with pytest.raises(ValidationError) as caught:
        spec(sampler={"type": "cma"})
    assert "tpe" in caught.value.errors()[0]["ctx"]["remedy"]
