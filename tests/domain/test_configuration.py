from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from service.domain.configuration import best_config_spec, complete_config, extremes, family_of
from service.domain.resolve import resolve
from service.domain.space import (
    FAMILY,
    CategoricalDistribution,
    Params,
    distributions,
    is_active,
    topological_order,
)
from service.domain.spec import ResolvedSpec, StudySpec
from tests.domain import records
from tests.domain.catalog import CATALOG, DIGITS, spec
from tests.domain.wishes import wishes

BOTH = {"choices": ["autoencoder", "vae"]}


def draw_params(draw: st.DrawFn, resolved: ResolvedSpec) -> Params:
    """Params as a sampler would propose them: ends of ranges, inactive ones left out."""
    params: Params = {}
    if resolved.family_is_searched:
        params[FAMILY] = draw(st.sampled_from(resolved.families))
    searched = distributions(resolved.space)
    for name in topological_order(resolved.space):
        entry = searched[name]
        if is_active(name, resolved.space, params):
            is_list = isinstance(entry, CategoricalDistribution)
            params[name] = draw(st.sampled_from(entry.choices if is_list else [entry.low]))
    return params


@st.composite
def proposals(draw: st.DrawFn) -> tuple[ResolvedSpec, Params]:
    resolved = resolve(StudySpec.model_validate(draw(wishes())), CATALOG, DIGITS)
    return resolved, draw_params(draw, resolved)


@given(proposals())
def test_a_config_names_every_parameter_of_the_family_and_no_other(
    proposal: tuple[ResolvedSpec, Params],
) -> None:
    resolved, params = proposal
    family = family_of(resolved, params)
    config = complete_config(resolved, family, params)
    assert list(config) == sorted(CATALOG.families[family].parameters)
    assert params.items() <= {**config, FAMILY: family}.items()


@given(proposals(), st.integers(0, 2**63 - 1))
def test_the_best_config_as_a_spec_is_the_same_trial(
    proposal: tuple[ResolvedSpec, Params], seed: int
) -> None:
    resolved, params = proposal
    trial = records.trial(resolved, 7, params=params, seed=seed)
    again = resolve(best_config_spec(records.study(resolved), trial), CATALOG, DIGITS)
    wanted = complete_config(resolved, trial.family, params)
    assert complete_config(again, again.families[0], {}) == wanted
    assert (again.trials, again.rungs, again.trial_seed) == (1, [], seed)
    assert (again.split, again.scaling, again.dataset) == (
        resolved.split,
        resolved.scaling,
        resolved.dataset,
    )
    assert again.training == resolved.training
    assert again.objective == resolved.objective


@given(proposals())
def test_the_best_config_survives_json(proposal: tuple[ResolvedSpec, Params]) -> None:
    resolved, params = proposal
    best = best_config_spec(records.study(resolved), records.trial(resolved, params=params))
    assert StudySpec.model_validate_json(best.model_dump_json()) == best


def test_the_name_of_the_best_config_says_which_trial_it_is() -> None:
    resolved = resolve(spec(name="x" * 120), CATALOG, DIGITS)
    params: dict[str, Any] = dict.fromkeys(resolved.space, 0.01)
    name = best_config_spec(
        records.study(resolved), records.trial(resolved, 12, params=params)
    ).name
    assert name.endswith("x-trial-12")
    assert len(name) == 120


def test_a_fixed_value_of_another_family_stays_out() -> None:
    resolved = resolve(spec(family=BOTH, space={"beta": 2.0}), CATALOG, DIGITS)
    assert "beta" not in complete_config(resolved, "autoencoder", {FAMILY: "autoencoder"})
    assert complete_config(resolved, "vae", {FAMILY: "vae"})["beta"] == 2.0


def test_extremes_hold_the_default_of_what_a_condition_may_leave_out() -> None:
    space = {
        "optimizer": {"type": "categorical", "choices": ["sgd", "adam"]},
        "dropout": {"type": "float", "low": 0.1, "high": 0.5, "when": {"optimizer": ["sgd"]}},
    }
    resolved = resolve(spec(space=space), CATALOG, DIGITS)
    assert extremes(resolved, "vae", "dropout") == [0.1, 0.5, 0.0]
    assert extremes(resolved, "vae", "optimizer") == ["sgd", "adam"]
    assert extremes(resolved, "vae", "latent_dim") == [16]


def test_a_repetition_is_not_bound_by_the_clock() -> None:
    bounds = [{"metric": "latency_seconds", "at_most": 0.01}, {"metric": "kl", "at_most": 20}]
    resolved = resolve(
        spec(objective={"metric": "mse", "subject_to": bounds}, space={"depth": 1}), CATALOG, DIGITS
    )
    again = best_config_spec(records.study(resolved), records.trial(resolved))
    assert [str(bound) for bound in again.aims.constraints] == ["kl <= 20"]
