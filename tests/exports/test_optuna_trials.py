"""Records as Optuna's trials: states, values, distributions, and the file that holds them."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC
from math import isnan
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial
from optuna.trial import TrialState as OptunaState

from service.domain.records import Trial
from service.domain.states import TrialState
from service.engine.export_optuna import write_study
from service.engine.optuna_trials import UNKNOWN_VIOLATION, Curve, frozen_trials
from service.exports.exporter import Exporter
from tests.api.house import House, Seed
from tests.dashboards.synthetic import SyntheticStudy, make_spec, make_study
from tests.exports.conftest import Dashboard, save

NOW = "2026-11-22T12:00:00+00:00"
TWO = [{"metric": "mse"}, {"metric": "kl"}]
BOUND = {"metric": "mse", "subject_to": [{"metric": "kl", "at_most": 10}]}


def made(count: int = 24, **options: Any) -> SyntheticStudy:
    changes = {"selection": {"top_k": 0}, **options.pop("changes", {})}
    planned = count + options.get("running", 0)
    return make_study(count=count, spec=make_spec(trials=planned, **changes), **options)


def curves_of(synthetic: SyntheticStudy) -> list[tuple[Trial, Curve]]:
    metric = synthetic.study.resolved.aims.ranking.metric
    return [
        (
            trial,
            [
                (report.epoch, value)
                for report in synthetic.reports[trial.number]
                if (value := report.validation[metric]) is not None
            ],
        )
        for trial in synthetic.trials
    ]


def frozen(synthetic: SyntheticStudy) -> list[FrozenTrial]:
    return frozen_trials(synthetic.study, curves_of(synthetic))


def with_states(synthetic: SyntheticStudy, *states: TrialState) -> SyntheticStudy:
    for number, state in enumerate(states):
        changes: dict[str, Any] = {"state": state}
        if state in (TrialState.QUEUED, TrialState.RUNNING):
            changes |= {"finished_at": None, "value": None, "metrics": None, "best_epoch": None}
        if state is TrialState.QUEUED:
            changes["started_at"] = None
            synthetic.reports[number] = []
        synthetic.trials[number] = synthetic.trials[number].model_copy(update=changes)
    return synthetic


def test_every_state_has_its_place() -> None:
    states = list(TrialState)
    found = frozen(with_states(made(len(states)), *states))
    assert {s: (t.state, t.values is not None) for s, t in zip(states, found, strict=True)} == {
        TrialState.QUEUED: (OptunaState.WAITING, False),
        TrialState.RUNNING: (OptunaState.RUNNING, False),
        TrialState.COMPLETE: (OptunaState.COMPLETE, True),
        TrialState.PRUNED: (OptunaState.PRUNED, True),
        TrialState.DIVERGED: (OptunaState.FAIL, False),
        TrialState.STOPPED: (OptunaState.PRUNED, True),
        TrialState.FAILED: (OptunaState.FAIL, False),
    }
    assert [trial.user_attrs["state"] for trial in found] == [state.value for state in states]


def test_a_stopped_trial_is_complete_where_nothing_else_may_win() -> None:
    synthetic = made(3)
    states = (TrialState.STOPPED, TrialState.STOPPED, TrialState.PRUNED)
    first, second, third = frozen(with_states(synthetic, *states))
    expected = synthetic.trials[0].value
    assert (first.state, first.value) == (OptunaState.COMPLETE, expected)
    assert second.state is OptunaState.COMPLETE
    assert third.state is OptunaState.PRUNED


def test_a_stopped_trial_without_a_value_failed() -> None:
    synthetic = with_states(made(2), TrialState.COMPLETE, TrialState.STOPPED)
    synthetic.trials[1] = synthetic.trials[1].model_copy(update={"value": None})
    assert frozen(synthetic)[1].state is OptunaState.FAIL


def test_several_objectives_are_values_in_their_order_and_the_front_is_ours(
    tmp_path: Path,
) -> None:
    synthetic = made(40, changes={"objective": TWO})
    write_study(synthetic.study, frozen(synthetic), tmp_path / "two.db", NOW)
    loaded = optuna.load_study(study_name=None, storage=f"sqlite:///{tmp_path / 'two.db'}")
    assert loaded.metric_names == ["mse", "kl"]
    assert synthetic.study.best is not None
    assert sorted(trial.number for trial in loaded.best_trials) == synthetic.study.best.front
    for ours, theirs in zip(synthetic.trials, loaded.trials, strict=True):
        if ours.state is TrialState.COMPLETE:
            assert ours.metrics is not None
            validation = ours.metrics.validation
            assert theirs.values == [validation["mse"], validation["kl"]]
        else:
            assert theirs.values is None


def test_a_finished_trial_that_lacks_an_objective_failed() -> None:
    synthetic = made(1, changes={"objective": TWO})
    (trial,) = synthetic.trials
    assert trial.metrics is not None
    metrics = trial.metrics.model_copy(update={"validation": {"mse": 0.1, "kl": None}})
    synthetic.trials[0] = trial.model_copy(update={"metrics": metrics})
    assert frozen(synthetic)[0].state is OptunaState.FAIL


def test_constraints_keep_the_infeasible_from_being_best(tmp_path: Path) -> None:
    synthetic = made(40, changes={"objective": BOUND})
    trials = frozen(synthetic)
    write_study(synthetic.study, trials, tmp_path / "bound.db", NOW)
    loaded = optuna.load_study(study_name=None, storage=f"sqlite:///{tmp_path / 'bound.db'}")
    feasible = {trial.number: trial.feasible for trial in synthetic.trials}
    finished = [trial for trial in loaded.trials if trial.state is OptunaState.COMPLETE]
    assert {feasible[trial.number] for trial in finished} == {True, False}
    for trial in finished:
        assert all(v <= 0 for v in trial.constraints.values()) == feasible[trial.number]
    assert synthetic.study.best is not None
    assert loaded.best_trial.number == synthetic.study.best.trial
    assert loaded.user_attrs["constraints"] == ["kl <= 10"]


def test_a_constraint_that_is_not_known_is_not_kept() -> None:
    synthetic = made(1, changes={"objective": BOUND})
    (trial,) = synthetic.trials
    assert trial.metrics is not None
    metrics = trial.metrics.model_copy(update={"validation": {"mse": 0.1}})
    synthetic.trials[0] = trial.model_copy(update={"metrics": metrics})
    assert frozen(synthetic)[0].system_attrs == {"constraints": [UNKNOWN_VIOLATION]}


def test_values_that_are_not_finite_are_nowhere() -> None:
    synthetic = made(2)
    _, (trial, curve) = pairs = curves_of(synthetic)
    pairs[1] = (
        trial.model_copy(update={"complexity": {"macs": float("nan"), "parameters": 3.0}}),
        [*curve, (98, float("nan")), (99, float("inf"))],
    )
    found = frozen_trials(synthetic.study, pairs)[1]
    assert found.intermediate_values == dict(curve)
    assert "macs" not in found.user_attrs


@pytest.mark.parametrize(
    ("entry", "values", "expected"),
    [
        ({"type": "int", "low": 8, "high": 24, "step": 8}, [16], IntDistribution(8, 24, step=8)),
        ({"type": "int", "low": 8, "high": 30, "step": 8}, [16], IntDistribution(8, 24, step=8)),
        ({"type": "int", "low": 8, "high": 24, "step": 8}, [10, 96], IntDistribution(8, 96)),
        ({"type": "int", "low": 4, "high": 64, "log": True}, [2], IntDistribution(2, 64, log=True)),
        (
            {"type": "categorical", "choices": [16, 32]},
            [32, 48],
            CategoricalDistribution([16, 32, 48]),
        ),
    ],
)  # fmt: skip
def test_a_distribution_is_the_space_s_own_widened_for_values_from_outside(
    entry: dict[str, Any], values: list[int], expected: Any
) -> None:
    synthetic = made(len(values), changes={"space": {"hidden_width": entry, "latent_dim": 8}})
    synthetic.trials[:] = [
        trial.model_copy(update={"params": {"hidden_width": value}})
        for trial, value in zip(synthetic.trials, values, strict=True)
    ]
    for trial, value in zip(frozen(synthetic), values, strict=True):
        assert trial.distributions == {"hidden_width": expected}
        assert trial.params == {"hidden_width": value}


@pytest.mark.parametrize(
    ("entry", "values", "expected"),
    [
        ({"low": 0.0, "high": 0.35, "step": 0.1}, [0.1], FloatDistribution(0.0, 0.3, step=0.1)),
        ({"low": 0.0, "high": 0.3, "step": 0.1}, [0.45], FloatDistribution(0.0, 0.45)),
        ({"low": 0.2, "high": 0.2, "step": 0.1}, [0.2], FloatDistribution(0.2, 0.2)),
        ({"low": 0.0, "high": 0.3}, [0.1], FloatDistribution(0.0, 0.3)),
    ],
)
def test_so_is_one_of_real_numbers(
    entry: dict[str, Any], values: list[float], expected: Any
) -> None:
    space = {"dropout": {"type": "float", **entry}, "latent_dim": 8}
    synthetic = made(1, changes={"space": space})
    synthetic.trials[0] = synthetic.trials[0].model_copy(update={"params": {"dropout": values[0]}})
    (trial,) = frozen(synthetic)
    assert trial.distributions == {"dropout": expected}
    trial._validate()


def test_choices_that_optuna_cannot_tell_apart_are_spelled() -> None:
    synthetic = made(2)
    synthetic.trials[:] = [
        trial.model_copy(update={"params": {"odd": value}})
        for trial, value in zip(synthetic.trials, (1, True), strict=True)
    ]
    assert [trial.params for trial in frozen(synthetic)] == [{"odd": "1"}, {"odd": "true"}]


def test_numbers_with_a_gap_are_refused() -> None:
    synthetic = made(3)
    with pytest.raises(ValueError, match="gap"):
        frozen_trials(synthetic.study, curves_of(synthetic)[1:])


def test_rows_at_once_and_trial_by_trial_make_the_same_file(tmp_path: Path) -> None:
    states = list(TrialState)
    synthetic = with_states(made(len(states), changes={"objective": BOUND}), *states)
    trials = frozen(synthetic)
    fast, slow = tmp_path / "fast.db", tmp_path / "slow.db"
    assert write_study(synthetic.study, trials, fast, NOW)
    assert not write_study(synthetic.study, trials, slow, NOW, fast=False)
    assert contents(fast) == contents(slow)


def contents(file: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every table's rows, without the order in which they were written."""
    with closing(sqlite3.connect(file)) as connection:
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        tables = {}
        for (name,) in names:
            rows = connection.execute(f"SELECT * FROM {name}").fetchall()
            own = not name.startswith(("trial_", "study_"))
            tables[name] = sorted((row if own else row[1:] for row in rows), key=repr)
        return tables


def test_what_optuna_would_read_otherwise_is_written_trial_by_trial(tmp_path: Path) -> None:
    synthetic = made(3)
    trials = frozen(synthetic)
    # Rows have no way to say this; an export never needs one.
    trials[1].intermediate_values[9] = float("nan")
    file = tmp_path / "x.db"
    assert not write_study(synthetic.study, trials, file, NOW)
    loaded = optuna.load_study(study_name=None, storage=f"sqlite:///{file}")
    assert [trial.number for trial in loaded.trials] == [0, 1, 2]
    assert isnan(loaded.trials[1].intermediate_values[9])
    assert [loaded.trials[0], loaded.trials[2]] == [trials[0], trials[2]]


def test_a_running_study_is_exported_as_it_is(
    house: House, seed: Seed, tmp_path: Path, dashboard: Callable[[Path], Dashboard]
) -> None:
    seeded = seed(count=8, running=4)
    exporter = Exporter(house.database, house.settings.data_dir / "exports")
    file = save(exporter.write(seeded.study_id, "optuna"), tmp_path / "running.db")

    loaded = optuna.load_study(study_name=None, storage=f"sqlite:///{file}")
    shown = dashboard(file).get("/api/studies/1")

    assert [t.state for t in loaded.trials[8:]] == [OptunaState.RUNNING] * 4
    assert all(trial.intermediate_values for trial in loaded.trials[8:])
    assert [trial["state"] for trial in shown["trials"][8:]] == ["Running"] * 4
    assert [trial["number"] for trial in shown["best_trials"]] == [loaded.best_trial.number]
    assert loaded.user_attrs["state"] == "RUNNING"


def test_the_dashboard_shows_a_front_and_its_constraints(
    tmp_path: Path, dashboard: Callable[[Path], Dashboard]
) -> None:
    objective = [TWO[0] | {"subject_to": BOUND["subject_to"]}, TWO[1]]
    synthetic = made(40, changes={"objective": objective})
    file = tmp_path / "front.db"
    write_study(synthetic.study, frozen(synthetic), file, NOW)
    shown = dashboard(file).get("/api/studies/1")
    assert shown["directions"] == ["minimize", "minimize"]
    assert shown["objective_names"] == ["mse", "kl"]
    for ours, theirs in zip(synthetic.trials, shown["trials"], strict=True):
        if ours.state is TrialState.COMPLETE:
            assert (theirs["constraints"][0] <= 0) == ours.feasible


def test_times_are_the_moments_that_were_recorded() -> None:
    synthetic = made(1)
    (trial,) = frozen(synthetic)
    record = synthetic.trials[0]
    assert trial.datetime_start is not None and trial.datetime_complete is not None
    assert trial.datetime_start.astimezone(UTC) == record.started_at
    assert trial.datetime_complete.astimezone(UTC) == record.finished_at
