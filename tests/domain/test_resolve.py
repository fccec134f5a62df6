from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.domain.configuration import complete_config
from service.domain.records import DataHeader
from service.domain.resolve import resolve, rungs
from service.domain.space import FAMILY, distributions
from service.domain.spec import ResolvedSpec, StudySpec
from service.domain.strategies import HalvingPruner, MedianPruner, NoPruner
from service.errors import InvalidSpec
from tests.domain.catalog import CATALOG, DIGITS, spec
from tests.domain.wishes import wishes

BOTH = {"choices": ["autoencoder", "vae"]}
RATE = {"type": "float", "low": 0.0001, "high": 0.01, "log": True}
WIDTHS = {"type": "categorical", "choices": [32, 64]}


def resolved(**fields: Any) -> ResolvedSpec:
    return resolve(spec(**fields), CATALOG, DIGITS)


def errors_of(header: DataHeader = DIGITS, **fields: Any) -> list[tuple[str, str, str]]:
    with pytest.raises(InvalidSpec) as caught:
        resolve(spec(**fields), CATALOG, header)
    return [(error.pointer, error.reason, error.remedy) for error in caught.value.errors]


@given(wishes())
def test_resolving_twice_changes_nothing(wish: dict[str, Any]) -> None:
    once = resolve(StudySpec.model_validate(wish), CATALOG, DIGITS)
    assert resolve(once, CATALOG, DIGITS) == once


@given(wishes())
def test_nothing_is_left_out_and_nothing_is_auto(wish: dict[str, Any]) -> None:
    study = resolve(StudySpec.model_validate(wish), CATALOG, DIGITS)
    assert '"auto"' not in study.model_dump_json()
    assert study.pruner is not None
    assert study.budget.trials is not None
    assert study.rungs == sorted(set(study.rungs))
    assert all(study.first_eligible_epoch <= rung < study.training.epochs for rung in study.rungs)


@given(wishes())
def test_every_family_has_a_value_or_a_range_for_each_of_its_parameters(
    wish: dict[str, Any],
) -> None:
    study = resolve(StudySpec.model_validate(wish), CATALOG, DIGITS)
    for family in study.families:
        always = {name for name, entry in distributions(study.space).items() if not entry.when}
        known = CATALOG.families[family].parameters
        assert set(study.defaults[family]) == set(known) - always


def test_defaults_are_written_out() -> None:
    study = resolved()
    assert (study.trials, study.cohort_size, study.cohorts_in_flight) == (40, 5, 2)
    assert study.pruner == HalvingPruner()
    assert study.rungs == [3, 9, 27]
    assert study.first_eligible_epoch == 1
    assert study.sampler.startup_trials == 8  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("trials", "cohort", "startup"), [(1, 1, 4), (24, 3, 4), (100, 12, 10), (10_000, 16, 10)]
)
def test_auto_is_a_function_of_the_budget(trials: int, cohort: int, startup: int) -> None:
    study = resolved(budget={"trials": trials})
    assert study.cohort_size == cohort
    assert study.sampler.startup_trials == startup  # type: ignore[union-attr]


def test_an_empty_space_searches_the_default_ranges() -> None:
    study = resolved(family="autoencoder")
    assert set(study.space) == {"learning_rate", "weight_decay", "dropout", "hidden_width"}
    assert study.defaults["autoencoder"]["latent_dim"] == 16


def test_a_parameter_that_a_space_leaves_out_keeps_its_default() -> None:
    study = resolved(space={"learning_rate": RATE})
    assert set(study.space) == {"learning_rate"}
    assert study.defaults["vae"]["hidden_width"] == 128


def test_what_only_one_family_has_gets_an_implicit_condition() -> None:
    study = resolved(family=BOTH)
    assert study.space["prior_width"].when == {FAMILY: ["vae"]}  # type: ignore[union-attr]
    assert study.space["learning_rate"].when is None  # type: ignore[union-attr]


def test_a_fixed_value_reaches_only_the_family_that_has_it() -> None:
    study = resolved(family=BOTH, space={"beta": 2, "learning_rate": RATE})
    assert study.defaults["vae"]["beta"] == 2.0
    assert "beta" not in study.defaults["autoencoder"]


def test_one_choice_of_family_is_no_choice() -> None:
    study = resolved(
        family={"choices": ["vae"]}, space={"learning_rate": {**RATE, "when": {FAMILY: ["vae"]}}}
    )
    assert study.family == "vae"
    assert study.space["learning_rate"].when is None  # type: ignore[union-attr]


def test_whole_numbers_become_real_where_the_parameter_is() -> None:
    study = resolved(
        space={
            "weight_decay": 0,
            "dropout": {"type": "categorical", "choices": [0, 0.5]},
            "hidden_width": {**WIDTHS, "when": {"dropout": [0]}},
        }
    )
    assert repr(study.space["weight_decay"]) == "0.0"
    assert repr(study.space["dropout"].choices) == "[0.0, 0.5]"  # type: ignore[union-attr]
    assert repr(study.space["hidden_width"].when) == "{'dropout': [0.0]}"  # type: ignore[union-attr]


def test_a_grid_defaults_to_its_product_and_to_no_pruning() -> None:
    study = resolved(
        sampler={"type": "grid"},
        space={
            "hidden_width": WIDTHS,
            "learning_rate": {"type": "float", "low": 0.1, "high": 0.5, "step": 0.1},
        },
    )
    assert study.trials == 10
    assert study.pruner == NoPruner()


def test_a_grid_visits_no_cell_twice() -> None:
    study = resolved(sampler={"type": "grid"}, space={"hidden_width": WIDTHS}, budget={"trials": 9})
    assert study.trials == 2


def test_epochs_of_the_largest_warm_up_do_not_count() -> None:
    study = resolved(space={"warm_up": 0.3, "hidden_width": WIDTHS})
    assert study.first_eligible_epoch == 10
    assert study.rungs == [10]


def test_a_warm_up_that_a_condition_may_leave_out_counts_all_the_same() -> None:
    space = {"hidden_width": WIDTHS, "warm_up": {"type": "categorical", "choices": [0.1, 0.5]}}
    study = resolved(space=space, objective={"metric": "elbo", "direction": "maximize"})
    assert study.first_eligible_epoch == 16


def test_the_last_epoch_always_counts() -> None:
    study = resolved(space={"warm_up": 1.0, "hidden_width": WIDTHS})
    assert study.first_eligible_epoch == 30


def test_a_searched_weight_of_the_loss_is_fine_under_the_elbo() -> None:
    beta = {"type": "float", "low": 0.1, "high": 4.0}
    study = resolved(space={"beta": beta}, objective={"metric": "elbo", "direction": "maximize"})
    assert "beta" in study.space


def test_a_weight_of_the_loss_with_one_value_is_fine() -> None:
    study = resolved(space={"beta": {"type": "float", "low": 2, "high": 2}, "hidden_width": WIDTHS})
    assert study.trials == 40


def test_a_test_file_takes_the_place_of_the_default_share() -> None:
    header = DataHeader(samples=60_000, shape=[28, 28], dtype="uint8", test_samples=9, bytes=1)
    files = {"kind": "idx", "images": "a", "test_images": "b"}
    study = resolve(spec(dataset=files), CATALOG, header)
    assert study.split.test is None


@pytest.mark.parametrize(
    ("pruner", "epochs", "first", "expected"),
    [
        (NoPruner(), 30, 1, []),
        (HalvingPruner(), 30, 1, [3, 9, 27]),
        (HalvingPruner(), 27, 1, [3, 9]),
        (HalvingPruner(), 30, 5, [5, 15]),
        (HalvingPruner(reduction_factor=2, min_epochs=1), 9, 1, [1, 2, 4, 8]),
        (HalvingPruner(min_epochs=30), 30, 1, []),
        (MedianPruner(interval=5), 20, 1, [3, 8, 13, 18]),
        (MedianPruner(interval=5), 20, 10, [10, 15]),
    ],
)
def test_rungs(pruner: Any, epochs: int, first: int, expected: list[int]) -> None:
    assert rungs(pruner, epochs, first) == expected


@given(st.integers(1, 100_000), st.integers(1, 16), st.integers(1, 100), st.integers(1, 100))
def test_rungs_rise_and_stay_inside(epochs: int, eta: int, least: int, first: int) -> None:
    pruner = HalvingPruner(reduction_factor=max(2, eta), min_epochs=least)
    found = rungs(pruner, epochs, first)
    assert found == sorted(set(found))
    assert all(max(least, first) <= rung < epochs for rung in found)


def floats(low: float, high: float) -> dict[str, Any]:
    return {"type": "float", "low": low, "high": high}


REFUSED: list[tuple[dict[str, Any], str, str, str]] = [
    ({"family": "vea"}, "/family", "no family 'vea'", "vae"),
    ({"family": {"choices": ["vae", "gan"]}}, "/family/choices/1", "no family 'gan'", "known"),
    ({"dataset": {"name": "digit"}}, "/dataset/name", "no built-in", "did you mean digits"),
    ({"space": {"lerning_rate": RATE}}, "/space/lerning_rate", "has no parameter", "learning_rate"),
    ({"family": "autoencoder", "space": {"beta": 1.0}}, "/space/beta", "no parameter", "vae"),
    ({"space": {"family": "vae"}}, "/space/family", "not a parameter", "choices"),
    ({"space": {"hidden_width": 0}}, "/space/hidden_width", "cannot be 0", "from 1 to"),
    ({"space": {"hidden_width": 2.0}}, "/space/hidden_width", "cannot be 2", "whole number"),
    ({"space": {"hidden_width": True}}, "/space/hidden_width", "cannot be true", "whole number"),
    ({"space": {"dropout": 0.95}}, "/space/dropout", "cannot be 0.95", "from 0 to 0.9"),
    ({"space": {"dropout": floats(0, 2)}}, "/space/dropout/high", "cannot be 2", "0.9"),
    ({"space": {"dropout": floats(-1, 0.5)}}, "/space/dropout/low", "cannot be -1", "0.9"),
    ({"space": {"hidden_width": floats(1, 2)}}, "/space/hidden_width/type", "whole", "type: int"),
    (
        {"space": {"dropout": {"type": "int", "low": 0, "high": 0}}},
        "/space/dropout/type",
        "real number",
        "type: float",
    ),
    ({"space": {"optimizer": "lion"}}, "/space/optimizer", "cannot be lion", "adam, adamw, sgd"),
    ({"space": {"optimizer": floats(0, 1)}}, "/space/optimizer", "from a list", "categorical"),
    ({"space": {"sigma": "free"}}, "/space/sigma", "cannot be free", "or learned"),
    (
        {"space": {"optimizer": {"type": "categorical", "choices": ["adam", "lion"]}}},
        "/space/optimizer/choices/1",
        "cannot be lion",
        "sgd",
    ),
    (
        {"space": {"dropout": {"type": "categorical", "choices": [0, 0.0]}}},
        "/space/dropout/choices",
        "stands twice",
        "once",
    ),
    (
        {"space": {"hidden_width": {**WIDTHS, "when": {"optimzer": ["sgd"]}}, "optimizer": "sgd"}},
        "/space/hidden_width/when/optimzer",
        "no parameter",
        "did you mean optimizer",
    ),
    (
        {"space": {"hidden_width": {**WIDTHS, "when": {"optimizer": ["sgd"]}}}},
        "/space/hidden_width/when/optimizer",
        "not in the space",
        "give optimizer a range",
    ),
    (
        {
            "space": {
                "hidden_width": {**WIDTHS, "when": {"optimizer": ["sgd"]}},
                "optimizer": "adam",
            }
        },
        "/space/hidden_width/when/optimizer/0",
        "can never be sgd",
        "can take",
    ),
    (
        {
            "space": {
                "hidden_width": {**WIDTHS, "when": {"dropout": [0.1]}},
                "dropout": floats(0, 0.5),
            }
        },
        "/space/hidden_width/when/dropout",
        "continuous",
        "step",
    ),
    (
        {"space": {"hidden_width": {**WIDTHS, "when": {"family": ["autoencoder"]}}}},
        "/space/hidden_width/when/family/0",
        "not among the study's families",
        "choose among vae",
    ),
    (
        {"family": BOTH, "space": {"prior_width": {**WIDTHS, "when": {"family": ["autoencoder"]}}}},
        "/space/prior_width/when/family/0",
        "autoencoder has no parameter",
        "choose among vae",
    ),
    (
        {"sampler": {"type": "grid"}, "space": {"learning_rate": RATE}},
        "/space/learning_rate",
        "continuous",
        "categorical",
    ),
    (
        {"sampler": {"type": "grid"}, "space": {"dropout": floats(0, 0.5)}},
        "/space/dropout",
        "continuous",
        "give it a step",
    ),
    (
        {
            "sampler": {"type": "grid"},
            "space": {
                "hidden_width": {"type": "int", "low": 1, "high": 400},
                "batch_size": {"type": "int", "low": 1, "high": 400},
            },
        },
        "/space",
        "more than 100,000 cells",
        "random",
    ),
    ({"objective": {"metric": "msee"}}, "/objective/metric", "no metric", "did you mean mse"),
    (
        {"family": BOTH, "objective": {"metric": "elbo", "direction": "maximize"}},
        "/objective/metric",
        "autoencoder does not report elbo",
        "mse or mae",
    ),
    ({"objective": {"direction": "maximize"}}, "/objective/direction", "lower", "minimize"),
    ({"objective": {"metric": "elbo"}}, "/objective/direction", "higher", "maximize"),
    ({"space": {"beta": floats(0.1, 4)}}, "/space/beta", "degenerate", "three ways out"),
    (
        {"space": {"loss": {"type": "categorical", "choices": ["mse", "gaussian"]}}},
        "/space/loss",
        "degenerate",
        "two ways out",
    ),
    (
        {
            "space": {"loss": {"type": "categorical", "choices": ["bce", "gaussian"]}},
            "objective": {"metric": "elbo", "direction": "maximize"},
        },
        "/space/loss",
        "different scales",
        "fix loss",
    ),
    ({"split": {"test": None}}, "/split/test", "no test file", "share"),
    ({"split": {"train": 1700, "validation": 1000, "test": 1}}, "/split", "2701", "1797"),
    ({"split": {"train": 0.7, "validation": 0.0001}}, "/split/validation", "too few", "larger"),
    ({"training": {"first_eligible_epoch": 31}}, "/training/first_eligible_epoch", "last", "30"),
    (
        {"space": {"warm_up": 0.5, "dropout": 0.1}, "training": {"first_eligible_epoch": 3}},
        "/training/first_eligible_epoch",
        "warm-up",
        "auto",
    ),
    ({"space": {"hidden_width": 1_000_000, "depth": 6}}, "/space", "200,000,000", "lower"),
    (
        {"space": {"hidden_width": 5000, "depth": 3}, "parallel": {"cohort_size": 64}},
        "/parallel/cohort_size",
        "GiB",
        "smaller cohort_size",
    ),
]


@pytest.mark.parametrize(
    ("fields", "where", "why", "remedy"), REFUSED, ids=lambda value: str(value)[:70]
)
def test_an_impossible_wish_is_refused_with_place_reason_and_remedy(
    fields: dict[str, Any], where: str, why: str, remedy: str
) -> None:
    [(pointer, reason, advice)] = errors_of(**fields)
    assert pointer == where
    assert why in reason
    assert remedy in advice


def test_a_circle_of_conditions_is_refused() -> None:
    found = errors_of(
        space={
            "hidden_width": {**WIDTHS, "when": {"optimizer": ["sgd"]}},
            "optimizer": {
                "type": "categorical",
                "choices": ["sgd", "adam"],
                "when": {"hidden_width": [32]},
            },
        }
    )
    assert [pointer for pointer, _, _ in found] == [
        "/space/hidden_width/when",
        "/space/optimizer/when",
    ]
    assert "hidden_width, optimizer" in found[0][1]


def test_a_parameter_cannot_depend_on_itself() -> None:
    [(pointer, reason, _)] = errors_of(
        space={"hidden_width": {**WIDTHS, "when": {"hidden_width": [32]}}}
    )
    assert pointer == "/space/hidden_width/when"
    assert "circle" in reason


def test_everything_that_is_wrong_is_said_at_once() -> None:
    found = errors_of(
        space={"beta": floats(0, 1), "hidden_width": 0},
        objective={"direction": "maximize"},
        split={"train": 9_999},
    )
    assert len(found) == 4


def test_a_test_share_beside_a_test_file_is_refused() -> None:
    header = DataHeader(samples=100, shape=[4], dtype="uint8", test_samples=9, bytes=1)
    files = {"kind": "idx", "images": "a", "test_images": "b"}
    [(pointer, _, _)] = errors_of(header, dataset=files, split={"test": 0.2, "train": 0.5})
    assert pointer == "/split/test"


def test_a_complete_config_has_exactly_the_parameters_of_its_family() -> None:
    study = resolved(family=BOTH, space={"beta": 2, "prior_width": 9, "hidden_width": WIDTHS})
    config = complete_config(study, "autoencoder", {FAMILY: "autoencoder", "hidden_width": 64})
    assert set(config) == set(CATALOG.families["autoencoder"].parameters)
    assert config["hidden_width"] == 64
