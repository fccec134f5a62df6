"""Constrained and Pareto studies from the first proposal to the sealed test, and restarted."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.domain.aims import best_trials
from service.domain.records import Study, Trial
from service.domain.states import TERMINAL_STUDY_STATES, StudyState, TrialState
from service.executors.in_process import InProcessExecutor
from service.storage.database import Database
from service.storage.migration import migrate
from tests.engine.harness import House, fingerprint

TINY: dict[str, Any] = {
    "name": "tiny",
    "dataset": {"name": "digits"},
    "split": {"train": 300, "validation": 120, "test": 120},
    "family": "vae",
    "space": {
        "beta": {"type": "float", "low": 0.05, "high": 20.0, "log": True},
        "latent_dim": {"type": "categorical", "choices": [2, 4, 8]},
        "hidden_width": 16,
        "learning_rate": 0.01,
        "batch_size": 32,
    },
    "training": {"epochs": 6},
    "sampler": {"type": "tpe", "startup_trials": 4},
    "budget": {"trials": 12},
    "parallel": {"cohort_size": 4},
}
PARETO = TINY | {
    "objective": [{"metric": "mse"}, {"metric": "kl"}, {"metric": "parameters"}],
}
BOUNDED = TINY | {
    "objective": {"metric": "mse", "subject_to": [{"metric": "kl", "at_most": 3}]},
}
STUDIES = {"pareto": PARETO, "bounded": BOUNDED}


def open_house(folder: Path) -> House:
    folder.mkdir()
    url = f"sqlite:///{folder / 'hifitune.db'}"
    migrate(url)
    return House(folder, Database(url))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = open_house(tmp_path_factory.mktemp("aims") / "house")
    for name, spec in STUDIES.items():
        house.submit(name, spec)
        house.run(name, InProcessExecutor(2))
    yield house
    house.database.close()


def results(house: House, name: str) -> tuple[Study, list[Trial]]:
    study = house.study(name)
    assert study.state is StudyState.COMPLETE, study.failure
    return study, house.trials(name)


def score(trial: Trial, name: str) -> float:
    assert trial.metrics is not None and trial.complexity is not None
    value = trial.complexity.get(name, trial.metrics.validation.get(name))
    assert value is not None
    return value


def test_every_finished_trial_has_its_complexity(finished: House) -> None:
    for name in STUDIES:
        for trial in results(finished, name)[1]:
            assert trial.state is TrialState.COMPLETE and trial.complexity is not None
            assert set(trial.complexity) == {"parameters", "macs", "latency_seconds"}


def test_the_best_of_a_bounded_study_keeps_the_bound_though_others_lead(finished: House) -> None:
    study, trials = results(finished, "bounded")
    assert study.best is not None
    kept = [trial for trial in trials if score(trial, "kl") <= 3]
    assert 0 < len(kept) < len(trials)
    assert {trial.number for trial in trials if trial.feasible} == {t.number for t in kept}
    winner = min(kept, key=lambda trial: (score(trial, "mse"), trial.number))
    assert (study.best.trial, study.best.value) == (winner.number, score(winner, "mse"))
    assert min(score(trial, "mse") for trial in trials) < study.best.value
    assert study.summary is not None and study.summary["trial"] == winner.number


def test_the_best_of_a_pareto_study_is_the_knee_of_what_nothing_dominates(finished: House) -> None:
    study, trials = results(finished, "pareto")
    assert study.best is not None and study.summary is not None
    axes = ("mse", "kl", "parameters")
    points = {trial.number: [score(trial, name) for name in axes] for trial in trials}
    front = [
        number
        for number, point in points.items()
        if not any(
            other != point and all(a <= b for a, b in zip(other, point, strict=True))
            for other in points.values()
        )
    ]
    assert study.best.front == sorted(front)
    assert study.best.trial in front
    assert study.best.values == dict(zip(axes, points[study.best.trial], strict=True))
    assert best_trials(study.resolved.aims, trials)[0].number == study.best.trial
    assert study.best.hypervolume is not None and 0 < study.best.hypervolume < 1
    assert study.summary["trial"] == study.best.trial


def test_epochs_of_a_pareto_study_are_chosen_on_the_training_loss(finished: House) -> None:
    _, trials = results(finished, "pareto")
    for trial in trials:
        assert trial.metrics is not None and trial.verdict is not None
        assert trial.value == trial.metrics.validation["mse"]
        assert trial.verdict.kind != "censored" or trial.epochs < 6


@pytest.mark.parametrize("name", STUDIES)
def test_a_restart_in_the_middle_changes_nothing(
    finished: House, tmp_path: Path, name: str
) -> None:
    house = open_house(tmp_path / "house")
    house.submit("s", STUDIES[name])
    for goal in (5, 9):
        with house.supervisor(InProcessExecutor(2)) as supervisor:
            house.step_until(supervisor, lambda goal=goal: house.study("s").progress.done >= goal)
    study = house.run("s", InProcessExecutor(1))
    expected = finished.study(name)
    assert fingerprint(house.trials("s")) == fingerprint(finished.trials(name))
    assert study.best == expected.best
    assert study.summary is not None and expected.summary is not None
    assert study.summary["test"] == expected.summary["test"]
    house.database.close()


def test_a_study_in_which_nothing_keeps_the_bound_fails_and_names_the_nearest(
    tmp_path: Path,
) -> None:
    house = open_house(tmp_path / "house")
    bound = {"metric": "mse", "subject_to": [{"metric": "parameters", "at_most": 10}]}
    space = {"latent_dim": TINY["space"]["latent_dim"], "hidden_width": 8}
    spec = TINY | {"objective": bound, "budget": {"trials": 3}, "space": space}
    house.submit("s", spec | {"sampler": {"type": "grid"}, "training": {"epochs": 1}})
    study = house.run("s", InProcessExecutor(1))
    assert study.state is StudyState.FAILED and study.failure is not None
    assert study.failure.kind == "infeasible"
    smallest = min(house.trials("s"), key=lambda trial: score(trial, "parameters"))
    assert f"the nearest is trial {smallest.number}" in study.failure.message
    assert study.best is None
    assert study.state in TERMINAL_STUDY_STATES
    house.database.close()


def test_models_of_one_architecture_take_equally_long_where_that_decides(tmp_path: Path) -> None:
    """Their times differ by what else ran, and would put one before the other."""
    house = open_house(tmp_path / "house")
    pair = [{"metric": "mse"}, {"metric": "latency_seconds"}]
    space = {**TINY["space"], "beta": 1.0, "dropout": {"type": "float", "low": 0.0, "high": 0.2}}
    house.submit("s", TINY | {"objective": pair, "space": space, "budget": {"trials": 8}})
    study = house.run("s", InProcessExecutor(1))
    assert study.state is StudyState.COMPLETE, study.failure
    times: dict[float, set[float]] = {}
    for trial in house.trials("s"):
        times.setdefault(score(trial, "parameters"), set()).add(score(trial, "latency_seconds"))
    assert 1 <= len(times) < 8
    assert all(len(found) == 1 for found in times.values())
    house.database.close()
