"""What a study may be after, and which searches its objectives make degenerate (truth 1)."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from service.domain.linter import lint_spec
from service.domain.objectives import Constraint, Objective
from service.domain.resolve import resolve
from service.domain.spec import ResolvedSpec
from service.domain.strategies import HalvingPruner, NoPruner
from service.errors import FieldError, InvalidSpec
from tests.domain.catalog import CATALOG, DIGITS, spec

BETA = {"beta": {"type": "float", "low": 0.1, "high": 4.0}}
LATENT = {"latent_dim": {"type": "categorical", "choices": [4, 8]}}
RATE_BOUND = {"metric": "kl", "at_most": 20}
ELBO = {"metric": "elbo", "direction": "maximize"}


def resolved(**fields: Any) -> ResolvedSpec:
    return resolve(spec(**fields), CATALOG, DIGITS)


def errors_of(**fields: Any) -> list[FieldError]:
    with pytest.raises(InvalidSpec) as caught:
        resolved(**fields)
    return caught.value.errors


def codes(study: ResolvedSpec) -> set[str]:
    return {notice.code for notice in lint_spec(study, CATALOG, DIGITS)}


def test_one_objective_without_bounds_is_written_as_before() -> None:
    """So that old specs keep their hash."""
    study = resolved(objective={"metric": "mae"})
    assert study.model_dump(mode="json")["objective"] == {"metric": "mae", "direction": "minimize"}


PAID_FOR = [
    [{"metric": "mse"}, {"metric": "kl"}],
    [{"metric": "mse"}, {"metric": "parameters"}, {"metric": "kl"}],
    [{"metric": "mse"}, ELBO],
    {"metric": "mse", "subject_to": [RATE_BOUND]},
    {"metric": "mse", "subject_to": [{"metric": "elbo", "at_least": -50}]},
    {"metric": "kl", "subject_to": [{"metric": "mse", "at_most": 0.02}]},
    ELBO,
]


@pytest.mark.parametrize("objective", PAID_FOR, ids=str)
def test_a_weight_of_the_loss_may_be_searched_where_the_rate_is_paid_for(objective: Any) -> None:
    assert "beta" in resolved(space=BETA, objective=objective).space


NOT_PAID_FOR = [
    {"metric": "mse"},
    [{"metric": "mse"}, {"metric": "parameters"}],
    {"metric": "mse", "subject_to": [{"metric": "parameters", "at_most": 1000}]},
    {"metric": "mse", "subject_to": [{"metric": "kl", "at_least": 3}]},
]


@pytest.mark.parametrize("objective", NOT_PAID_FOR, ids=str)
def test_a_weight_of_the_loss_is_refused_where_switching_it_off_costs_nothing(
    objective: Any,
) -> None:
    [error] = errors_of(space=BETA, objective=objective)
    assert error.pointer == "/space/beta"
    assert "degenerate" in error.reason


def test_each_of_the_three_ways_out_is_yaml_that_works() -> None:
    [error] = errors_of(space=BETA)
    ways = re.findall(r"`([^`]*)`", error.remedy)
    assert len(ways) == 3
    for way in ways:
        assert (
            resolved(space=BETA, **yaml.safe_load(way)).space
            == resolved(space=BETA, objective=ELBO).space
        )


@pytest.mark.parametrize("metric", ["kl", "parameters", "macs", "latency_seconds"])
def test_a_cost_alone_is_no_objective(metric: str) -> None:
    [error] = errors_of(space={"hidden_width": LATENT["latent_dim"]}, objective={"metric": metric})
    assert error.pointer == "/objective"
    for way in re.findall(r"(\[.*\]),|: (\{metric: \w+, .*\})$", error.remedy):
        text = next(part for part in way if part)
        assert resolved(space=LATENT, objective=yaml.safe_load(text))


WRONG = [
    ([{"metric": "mse"}, {"metric": "klm"}], "/objective/1/metric", "no metric"),
    ([{"metric": "mse"}, {"metric": "elbo"}], "/objective/1/direction", "higher"),
    ({"subject_to": [{"metric": "k", "at_most": 1}]}, "/objective/subject_to/0/metric", "no met"),
    (
        [
            {"metric": "mse"},
            {"metric": "parameters", "subject_to": [{"metric": "x", "at_most": 1}]},
        ],
        "/objective/1/subject_to/0/metric",
        "no metric",
    ),
]


@pytest.mark.parametrize(("objective", "where", "why"), WRONG, ids=lambda value: str(value)[:50])
def test_what_is_wrong_is_pointed_at(objective: Any, where: str, why: str) -> None:
    [error] = errors_of(space=LATENT, objective=objective)
    assert error.pointer == where
    assert why in error.reason and error.remedy


IMPOSSIBLE = [
    ({"subject_to": [{"metric": "kl", "at_most": -5}]}, "/objective/subject_to/0", "never below 0"),
    (
        {"subject_to": [{"metric": "parameters", "at_most": 0}]},
        "/objective/subject_to/0",
        "never below 1",
    ),
    (
        {"subject_to": [{"metric": "kl", "at_most": 5}, {"metric": "kl", "at_least": 10}]},
        "/objective/subject_to/1",
        "kl >= 10 and kl <= 5 exclude each other",
    ),
    (
        [
            {"metric": "mse", "subject_to": [{"metric": "kl", "at_least": 10}]},
            {"metric": "mae", "subject_to": [{"metric": "kl", "at_most": 5}]},
        ],
        "/objective/1/subject_to/0",
        "kl <= 5 and kl >= 10 exclude each other",
    ),
]


@pytest.mark.parametrize(
    ("objective", "where", "why"), IMPOSSIBLE, ids=lambda value: str(value)[:50]
)
def test_a_bound_that_no_model_can_keep_is_refused(objective: Any, where: str, why: str) -> None:
    [error] = errors_of(space=LATENT, objective=objective)
    assert error.pointer == where
    assert why in error.reason and "no trial could ever keep it" in error.reason


def test_a_corridor_is_a_pair_of_bounds() -> None:
    corridor = [{"metric": "kl", "at_least": 5}, {"metric": "kl", "at_most": 5}]
    assert resolved(space=LATENT, objective={"subject_to": corridor}).aims.constraints


def test_a_bound_on_what_a_family_does_not_report_is_refused() -> None:
    [error] = errors_of(family="autoencoder", space=LATENT, objective={"subject_to": [RATE_BOUND]})
    assert error.pointer == "/objective/subject_to/0/metric"
    assert "autoencoder does not report kl" in error.reason


@pytest.mark.parametrize(
    "objective",
    [[{"metric": "mse"}, {"metric": "kl"}], {"metric": "kl", "subject_to": [
        {"metric": "mse", "at_most": 0.1}]}],
    ids=str,
)  # fmt: skip
def test_pruning_needs_one_value_to_prune_by(objective: Any) -> None:
    assert isinstance(resolved(space=BETA, objective=objective).pruner, NoPruner)
    [error] = errors_of(space=BETA, objective=objective, pruner={"type": "halving"})
    assert error.pointer == "/pruner"


def test_a_constrained_study_prunes_only_when_it_is_asked_to_and_says_what_that_risks() -> None:
    objective = {"metric": "mse", "subject_to": [RATE_BOUND]}
    assert isinstance(resolved(space=BETA, objective=objective).pruner, NoPruner)
    asked = resolved(space=BETA, objective=objective, pruner={"type": "halving"})
    assert isinstance(asked.pruner, HalvingPruner) and asked.rungs
    assert "pruning-ignores-constraints" in codes(asked)


@pytest.mark.parametrize("axis", ["parameters", "macs", "latency_seconds"])
def test_capacity_is_free_to_be_searched_once_it_costs_something(axis: str) -> None:
    assert "capacity-without-cost" in codes(resolved(space=LATENT))
    pair = [{"metric": "mse"}, {"metric": axis}]
    bound = {"metric": "mse", "subject_to": [{"metric": axis, "at_most": 10_000}]}
    for objective in (pair, bound):
        study = resolved(space=LATENT, objective=objective)
        assert "capacity-without-cost" not in codes(study)
        assert ("latency-is-measured" in codes(study)) == (axis == "latency_seconds")


def test_the_loss_of_a_plain_autoencoder_is_not_paid_for_in_parameters() -> None:
    study = resolved(
        family="autoencoder",
        space={"loss": {"type": "categorical", "choices": ["mse", "l1"]}},
        objective=[{"metric": "mse"}, {"metric": "parameters"}],
    )
    assert "capacity-without-cost" in codes(study)


def test_epochs_are_chosen_on_the_objective_or_on_the_loss_where_there_is_no_such_one() -> None:
    assert resolved(objective={"metric": "mae"}).aims.ranking == Objective(metric="mae")
    pair = resolved(space=BETA, objective=[{"metric": "mse"}, {"metric": "kl"}])
    assert pair.aims.ranking == Objective(metric="loss")
    least = {"metric": "parameters", "subject_to": [{"metric": "mse", "at_most": 0.1}]}
    assert resolved(space=LATENT, objective=least).aims.ranking == Objective(metric="loss")


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_a_bound_is_kept_up_to_and_including_itself(limit: float, value: float) -> None:
    most = Constraint(metric="kl", at_most=limit)
    least = Constraint(metric="kl", at_least=limit)
    assert (most.violation(value) <= 0) == (value <= limit)
    assert (least.violation(value) <= 0) == (value >= limit)
    assert most.violation(value) == -least.violation(value)


def test_what_the_documentation_shows_can_be_asked_for() -> None:
    text = (Path(__file__).parents[2] / "docs" / "objectives.md").read_text()
    blocks = re.findall(r"```yaml\n(.*?)```", text, flags=re.DOTALL)
    assert len(blocks) >= 4
    for block in blocks:
        assert resolved(space=LATENT, **yaml.safe_load(block)).aims.objectives


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"objective": [{"metric": "mse"}, {"metric": "kl"}]}, "no single best value"),
        ({"sampler": {"type": "grid"}}, "a grid tries every cell"),
    ],
)
def test_no_improvement_needs_one_best_value_and_a_sampler_that_chooses(
    fields: dict[str, Any], reason: str
) -> None:
    budget = {"trials": 8, "stop_when_no_improvement": {"trials": 4}}
    (error,) = errors_of(family="vae", space=LATENT, budget=budget, **fields)
    assert error.pointer == "/budget/stop_when_no_improvement"
    assert reason in error.reason
    assert error.remedy.startswith("leave it out")
