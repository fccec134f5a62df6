"""Errors of a spec point at the field, say why, and what to do; they never repeat the value."""

from typing import Any

import pytest

from service.api.pointers import read_spec
from service.errors import InvalidSpec
from tests.api.house import MINIMAL


@pytest.mark.parametrize(
    ("changes", "pointers"),
    [
        ({"foo": 1}, ["/foo"]),
        ({"seed": 1.5}, ["/seed"]),
        ({"seed": True}, ["/seed"]),
        ({"name": ""}, ["/name"]),
        ({"name": "<script>"}, ["/name"]),
        ({"budget": {"trials": 10**6}}, ["/budget/trials"]),
        ({"budget": {"trials": "40"}}, ["/budget/trials"]),
        ({"dataset": {"kind": "idx", "imagez": "p"}}, ["/dataset/images", "/dataset/imagez"]),
        ({"dataset": 5}, ["/dataset"]),
        ({"family": {"choice": ["vae"]}}, ["/family/choices", "/family/choice"]),
        ({"split": {"train": "", "test": 2.5}}, ["/split/train", "/split/test"]),
        ({"sampler": {"type": "foo"}}, ["/sampler"]),
        ({"pruner": {"type": "median", "interval": 0}}, ["/pruner/interval"]),
        ({"space": {"a": {"type": "int", "low": 5, "high": 1}}}, ["/space/a"]),
        ({"space": {"a": {"type": "float", "low": "1"}}}, ["/space/a/low", "/space/a/high"]),
        ({"space": {"a": None}}, ["/space/a"]),
        ({"space": {"A": 1}}, ["/space/A"]),
        ({"space": {"a": {"type": "categorical", "choices": [None]}}}, ["/space/a/choices/0"]),
        ({"objective": [{"metric": "mse"}]}, ["/objective"]),
        ({"training": {"epochs": "a", "early_stopping": 5}},
         ["/training/epochs", "/training/early_stopping"]),
    ],
)  # fmt: skip
def test_every_fault_is_pointed_at(changes: dict[str, Any], pointers: list[str]) -> None:
    with pytest.raises(InvalidSpec) as caught:
        read_spec({**MINIMAL, **changes})

    assert [error.pointer for error in caught.value.errors] == pointers
    assert all(error.reason and error.remedy for error in caught.value.errors)


def test_a_typo_is_answered_with_the_name_that_was_meant() -> None:
    with pytest.raises(InvalidSpec) as caught:
        read_spec({**MINIMAL, "samplr": {}})

    assert "`sampler`" in caught.value.errors[0].remedy


@pytest.mark.parametrize(
    ("changes", "remedy"),
    [
        ({"sampler": {"type": "tpe", "seed": 4}},
         "`seed` belongs at /seed or /split/seed: move it"),
        ({"patience": 3}, "`patience` belongs at /training/early_stopping/patience: move it"),
        ({"epochs": 9}, "`epochs` belongs at /training/epochs: move it"),
        ({"choices": [1]}, "`choices` belongs at /family/choices or /space/NAME/choices: move it"),
        ({"sampler": {"type": "random", "startup_trials": 5}},
         "choose a type that has `startup_trials`, or take it out"),
        ({"objective": [{"metric": "mse", "at_most": 1}, {"metric": "kl"}]},
         "`at_most` belongs at /objective/subject_to/at_most: move it"),
        ({"task": {"kind": "denoise", "epoch": 1}}, "write `epochs`, if that is meant"),
    ],
)  # fmt: skip
def test_an_unknown_field_is_told_what_is_meant_and_where_it_belongs(
    changes: dict[str, Any], remedy: str
) -> None:
    with pytest.raises(InvalidSpec) as caught:
        read_spec({**MINIMAL, **changes})

    (error,) = caught.value.errors
    assert error.remedy == remedy


@pytest.mark.parametrize("document", [None, 1, "x", [], [MINIMAL]])
def test_what_is_no_object_is_no_spec(document: Any) -> None:
    with pytest.raises(InvalidSpec) as caught:
        read_spec(document)

    assert caught.value.errors[0].pointer == ""


@pytest.mark.parametrize("field", ["name", "dataset", "family"])
def test_values_are_not_echoed(field: str) -> None:
    secret = "s3cr3t <b>&"
    with pytest.raises(InvalidSpec) as caught:
        read_spec({**MINIMAL, field: secret})

    assert secret not in str(caught.value)
