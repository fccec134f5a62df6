"""What may be tried first, and how it is written down."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.enqueue_checks import fit_params
from service.domain.resolve import resolve
from service.domain.spec import ResolvedSpec, StudySpec
from service.errors import FieldError, InvalidSpec
from tests.domain.catalog import CATALOG, DIGITS, spec
from tests.domain.test_configuration import draw_params
from tests.domain.wishes import wishes

SPACE: dict[str, Any] = {
    "learning_rate": {"type": "float", "low": 1e-4, "high": 1e-2, "log": True},
    "dropout": {"type": "float", "low": 0.0, "high": 0.3, "step": 0.1},
    "hidden_width": {"type": "categorical", "choices": [32, 64]},
    "latent_dim": {"type": "int", "low": 4, "high": 16, "step": 4},
    "depth": 2,
}
BOTH: dict[str, Any] = {
    "family": {"choices": ["autoencoder", "vae"]},
    "space": {
        "learning_rate": SPACE["learning_rate"],
        "optimizer": {"type": "categorical", "choices": ["adam", "sgd"]},
        "weight_decay": {"type": "float", "low": 0.0, "high": 0.1, "when": {"optimizer": ["adam"]}},
        "prior_width": {"type": "int", "low": 1, "high": 16},
    },
}


def enqueue(*entries: dict[str, Any], **fields: Any) -> ResolvedSpec:
    wish = {"family": "autoencoder", "space": SPACE, "budget": {"trials": 8}} | fields
    return resolve(spec(enqueue=list(entries), **wish), CATALOG, DIGITS)


def refused(*entries: dict[str, Any], **fields: Any) -> list[FieldError]:
    with pytest.raises(InvalidSpec) as caught:
        enqueue(*entries, **fields)
    return caught.value.errors


def test_entries_are_written_as_a_sampler_would_write_them() -> None:
    given_ = {
        "latent_dim": 8.0,
        "hidden_width": 64.0,
        "dropout": 0.1 + 0.2,
        "depth": 2,
        "loss": "mse",
    }
    fitted = enqueue(given_, {}, {"learning_rate": 1e-4}).enqueue
    assert fitted == [
        {"dropout": 0.3, "hidden_width": 64, "latent_dim": 8},
        {},
        {"learning_rate": 1e-4},
    ]
    assert [type(value) for value in fitted[0].values()] == [float, int, int]


def test_a_whole_number_becomes_a_real_one_where_the_parameter_is_real() -> None:
    params = enqueue({"dropout": 0}).enqueue[0]
    assert params == {"dropout": 0.0} and isinstance(params["dropout"], float)


@pytest.mark.parametrize(
    ("entry", "pointer", "reason", "remedy"),
    [
        ({"latent_dmi": 8}, "latent_dmi", "no parameter 'latent_dmi'", "did you mean latent_dim?"),
        ({"learning_rate": 0.5}, "learning_rate", "cannot be 0.5", "from 0.0001 to 0.01"),
        ({"learning_rate": True}, "learning_rate", "cannot be true", "a number from"),
        ({"latent_dim": 10}, "latent_dim", "cannot be 10", "in steps of 4 (4, 8, 12, ...)"),
        ({"latent_dim": 8.5}, "latent_dim", "cannot be 8.5", "a whole number"),
        ({"latent_dim": 10**400}, "latent_dim", "cannot be 1000", "from 4 to 16"),
        ({"dropout": 0.15}, "dropout", "cannot be 0.15", "in steps of 0.1 (0, 0.1, 0.2, ...)"),
        ({"hidden_width": 128}, "hidden_width", "cannot be 128", "one of 32, 64"),
        ({"depth": 3}, "depth", "fixed at 2 in this space", "give it a range in the space"),
        ({"optimizer": "sgd"}, "optimizer", "keeps its default, adamw", "put it into the space"),
        ({"family": "vae"}, "family", "does not train vae", "give autoencoder"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place_and_a_remedy(
    entry: dict[str, Any], pointer: str, reason: str, remedy: str
) -> None:
    (error,) = refused({}, entry)
    assert error.pointer == f"/enqueue/1/{pointer}"
    assert reason in error.reason
    assert remedy in error.remedy


@pytest.mark.parametrize(
    ("entry", "pointer", "reason", "remedy"),
    [
        ({"family": "gan"}, "family", "does not train gan", "give autoencoder or vae"),
        (
            {"family": "autoencoder", "prior_width": 8},
            "prior_width",
            "prior_width takes part only where family is vae",
            "leave prior_width out, or change family",
        ),
        (
            {"prior_width": 8},
            "prior_width",
            "this entry leaves family to the sampler",
            "give family too, or leave prior_width out",
        ),
        (
            {"optimizer": "sgd", "weight_decay": 0.01},
            "weight_decay",
            "weight_decay takes part only where optimizer is adam",
            "change optimizer",
        ),
    ],
)
def test_a_parameter_that_would_not_take_part_is_refused(
    entry: dict[str, Any], pointer: str, reason: str, remedy: str
) -> None:
    (error,) = refused(entry, **BOTH)
    assert error.pointer == f"/enqueue/0/{pointer}"
    assert reason in error.reason
    assert remedy in error.remedy


def test_conditions_that_hold_are_no_obstacle() -> None:
    entry = {"family": "vae", "prior_width": 8, "optimizer": "adam", "weight_decay": 0.05}
    assert enqueue(entry, **BOTH).enqueue == [
        {"family": "vae", "optimizer": "adam", "prior_width": 8, "weight_decay": 0.05}
    ]


def test_a_condition_on_what_takes_no_part_itself_does_not_hold() -> None:
    space = BOTH["space"] | {
        "dropout": {"type": "categorical", "choices": [0.0, 0.5], "when": {"optimizer": ["sgd"]}},
        "latent_dim": {"type": "int", "low": 4, "high": 8, "when": {"dropout": [0.5]}},
    }
    (error,) = refused({"optimizer": "adam", "latent_dim": 8}, **BOTH | {"space": space})
    assert error.pointer == "/enqueue/0/latent_dim"
    assert error.reason == "latent_dim takes part only where dropout is 0.5"


def test_a_grid_tries_every_cell_and_takes_no_entries() -> None:
    space = {"hidden_width": SPACE["hidden_width"]}
    (error,) = refused({"hidden_width": 32}, space=space, sampler={"type": "grid"})
    assert error.pointer == "/enqueue"
    assert "every cell" in error.reason and "random" in error.remedy


def test_there_are_no_more_entries_than_trials() -> None:
    (error,) = refused({}, {}, {}, budget={"trials": 2})
    assert error.pointer == "/enqueue"
    assert error.reason == "there are 3 entries and 2 trials"


@given(st.data())
def test_sampled_params_fit_as_they_are_and_fitting_twice_changes_nothing(
    data: st.DataObject,
) -> None:
    wish = StudySpec.model_validate(data.draw(wishes()))
    resolved = resolve(wish, CATALOG, DIGITS)
    params = draw_params(data.draw, resolved)
    families = [CATALOG.families[name] for name in resolved.families]
    assert fit_params(params, resolved, families) == (dict(sorted(params.items())), [])
    if resolved.sampler.type != "grid":
        again = resolve(resolved.model_copy(update={"enqueue": [params]}), CATALOG, DIGITS)
        assert again.enqueue == [params]
        assert resolve(again, CATALOG, DIGITS) == again
