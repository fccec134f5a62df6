"""The export of a real study, opened by Optuna 5 and by optuna-dashboard 0.21."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState as OptunaState

from service.domain.records import Trial
from service.domain.states import TrialState
from service.storage.trials import TrialRepository
from tests.engine.harness import House
from tests.exports.conftest import Dashboard

STATES = {
    TrialState.COMPLETE: OptunaState.COMPLETE,
    TrialState.PRUNED: OptunaState.PRUNED,
    TrialState.DIVERGED: OptunaState.FAIL,
}


@pytest.fixture(scope="module")
def loaded(optuna_file: Path) -> optuna.Study:
    return optuna.load_study(study_name="every way to end", storage=f"sqlite:///{optuna_file}")


def curves(searched: House) -> dict[int, dict[int, float]]:
    with searched.database.read() as session:
        found = TrialRepository(session).curves("s", "mse")
    return {
        number: {
            epoch: value
            for epoch, value in zip(curve.epochs, curve.validation, strict=True)
            if value is not None
        }
        for number, curve in found.items()
    }


def test_the_study_has_trials_of_every_kind(searched: House) -> None:
    trials = searched.trials("s")
    assert {trial.state for trial in trials} == set(STATES)
    assert {("dropout" in t.params, "weight_decay" in t.params) for t in trials} == {
        (True, True), (True, False), (False, True), (False, False)
    }  # fmt: skip


def test_optuna_has_every_trial_with_its_state_params_and_values(
    searched: House, loaded: optuna.Study
) -> None:
    trials = searched.trials("s")
    assert [t.number for t in loaded.trials] == [t.number for t in trials]
    for ours, theirs in zip(trials, loaded.trials, strict=True):
        assert theirs.state == STATES[ours.state]
        assert theirs.params == ours.params
        assert list(map(type, theirs.params.values())) == [
            type(ours.params[name]) for name in theirs.params
        ]
        assert theirs.user_attrs["state"] == ours.state.value
        assert theirs.user_attrs["seed"] == ours.seed
        assert theirs.user_attrs["family"] == ours.family
        assert ours.verdict is not None
        assert theirs.user_attrs["verdict"] == ours.verdict.kind
        if ours.state is TrialState.COMPLETE:
            assert theirs.value == ours.value
            assert theirs.user_attrs["best_epoch"] == ours.best_epoch
            assert theirs.user_attrs["parameters"] == (ours.complexity or {})["parameters"]


def test_optuna_has_the_distributions_of_the_space(loaded: optuna.Study) -> None:
    spaces = {name: space for t in loaded.trials for name, space in t.distributions.items()}
    assert spaces == {
        "family": optuna.distributions.CategoricalDistribution(["autoencoder", "vae"]),
        "optimizer": optuna.distributions.CategoricalDistribution(["adamw", "sgd"]),
        "learning_rate": optuna.distributions.CategoricalDistribution([0.001, 0.003, 0.01, 10.0]),
        "weight_decay": optuna.distributions.FloatDistribution(1e-6, 1e-2, log=True),
        # 0.35 is no multiple of the step.
        "dropout": optuna.distributions.FloatDistribution(0.0, 0.3, step=0.1),
        "augment_flip": optuna.distributions.CategoricalDistribution([True, False]),
        "hidden_width": optuna.distributions.IntDistribution(16, 32, step=8),
    }


def test_optuna_has_the_curves_and_a_pruned_trial_its_last_value(
    searched: House, loaded: optuna.Study
) -> None:
    expected = curves(searched)
    for trial in loaded.trials:
        assert trial.intermediate_values == expected.get(trial.number, {})
        if trial.state is OptunaState.PRUNED:
            assert trial.value == trial.intermediate_values[max(trial.intermediate_values)]
        if trial.state is OptunaState.FAIL:
            assert trial.values is None


def test_optuna_finds_the_same_best(searched: House, loaded: optuna.Study) -> None:
    best = searched.study("s").best
    assert best is not None
    assert (loaded.best_trial.number, loaded.best_value) == (best.trial, best.value)
    assert loaded.user_attrs["best_trial"] == best.trial
    assert loaded.metric_names == ["mse"]


def test_a_sampler_of_optuna_goes_on_from_it(loaded: optuna.Study) -> None:
    copied = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))
    copied.add_trials(loaded.trials)
    asked = copied.ask(loaded.best_trial.distributions)
    assert set(asked.params) == set(loaded.best_trial.params)


def test_optuna_dashboard_shows_the_same(
    searched: House, optuna_file: Path, dashboard: Callable[[Path], Dashboard]
) -> None:
    shown = dashboard(optuna_file)
    (summary,) = shown.get("/api/studies")["study_summaries"]
    assert summary["study_name"] == "every way to end"
    assert summary["directions"] == ["minimize"]
    detail = shown.get(f"/api/studies/{summary['study_id']}")
    trials, expected = searched.trials("s"), curves(searched)

    counts = Counter(trial["state"] for trial in detail["trials"])
    assert counts == Counter(STATES[trial.state].name.capitalize() for trial in trials)
    assert detail["objective_names"] == ["mse"]
    assert detail["has_intermediate_values"]
    for ours, theirs in zip(trials, detail["trials"], strict=True):
        assert theirs["number"] == ours.number
        assert {p["name"]: p["param_external_value"] for p in theirs["params"]} == {
            name: str(value) for name, value in ours.params.items()
        }
        points = {p["step"]: p["value"] for p in theirs["intermediate_values"]}
        assert points == expected.get(ours.number, {})
        assert theirs.get("values") == values_of(ours, points)
        attributes = {entry["key"]: entry["value"] for entry in theirs["user_attrs"]}
        assert attributes["state"] == ours.state.value
    best = searched.study("s").best
    assert best is not None
    assert [trial["number"] for trial in detail["best_trials"]] == [best.trial]
    union = {entry["name"] for entry in detail["union_search_space"]}
    assert {"dropout", "weight_decay"} <= union
    shared = {entry["name"] for entry in detail["intersection_search_space"]}
    assert not {"dropout", "weight_decay"} & shared


def values_of(trial: Trial, points: dict[int, float]) -> list[float | None] | None:
    if trial.state is TrialState.PRUNED:
        return [points[max(points)]]
    return [trial.value] if trial.state is TrialState.COMPLETE else None
