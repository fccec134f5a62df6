"""Whole studies through a real supervisor: repeatable, stoppable, honest about failures."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from service.domain.records import Failure
from service.domain.states import Intent, StudyState, TrialState
from service.executors.base import ArrayJob, JobEndEvent
from service.executors.in_process import InProcessExecutor
from service.executors.worker import run_job
from service.storage.database import Database
from service.storage.datasets import DatasetRepository
from service.storage.decisions import AnalysisRepository, DecisionRepository
from service.storage.migration import migrate
from service.storage.trials import TrialRepository
from tests.engine.harness import SMALL, House, fingerprint

LONG = SMALL | {
    "training": {"epochs": 2000, "early_stopping": None},
    "pruner": {"type": "none"},
    "budget": {"trials": 4},
}


@pytest.fixture
def make_house(tmp_path: Path) -> Iterator[Callable[[str], House]]:
    databases: list[Database] = []

    def make(name: str = "house") -> House:
        folder = tmp_path / name
        folder.mkdir()
        url = f"sqlite:///{folder / 'hifitune.db'}"
        migrate(url)
        databases.append(Database(url))
        return House(folder, databases[-1])

    yield make
    for database in databases:
        database.close()


@pytest.fixture
def house(make_house: Callable[[str], House]) -> House:
    return make_house("house")


def decisions(house: House, study_id: str, kind: str) -> list[dict[str, Any]]:
    with house.database.read() as session:
        return [d.detail for d in DecisionRepository(session).all(study_id, kind)]


def test_a_study_ends_with_a_best_trial_scored_once_on_the_sealed_test(house: House) -> None:
    house.submit("s", SMALL)
    study = house.run("s", InProcessExecutor(2))
    assert study.state is StudyState.COMPLETE, study.failure
    trials = house.trials("s")
    assert [trial.number for trial in trials] == list(range(12))
    complete = [trial for trial in trials if trial.state is TrialState.COMPLETE]
    best = min(complete, key=lambda trial: (trial.value, trial.number))
    assert study.best is not None
    assert (study.best.trial, study.best.value) == (best.number, best.value)
    assert study.summary is not None
    assert 0 < study.summary["test"]["mse"] < 0.08
    assert len(decisions(house, "s", "open_test")) == 1
    with house.database.read() as session:
        assert study.data_hash is not None
        dataset = DatasetRepository(session).get(study.data_hash)
        assert dataset is not None and dataset.test_openings == 1
        analysis = AnalysisRepository(session).get("s", "importance")
    assert analysis is not None and analysis.data["trials"] == 12


def test_halving_prunes_at_the_first_rung_and_the_pruned_keep_their_value(house: House) -> None:
    house.submit("s", SMALL)
    house.run("s", InProcessExecutor(2))
    pruned = [t for t in house.trials("s") if t.state is TrialState.PRUNED]
    assert pruned
    for trial in pruned:
        assert str(trial.epochs) in trial.rungs
        assert trial.value == trial.rungs[str(trial.epochs)]
        assert trial.metrics is not None and trial.metrics.validation["mse"] == trial.value
        assert trial.verdict is not None and trial.verdict.kind == "censored"
    first = [v for v in decisions(house, "s", "verdict") if v["cohort"] == 0 and v["rung"] == 2]
    assert sorted(first[0]["verdicts"].values()) == ["continue", "continue", "prune", "prune"]


def test_every_epoch_is_recorded_once_and_in_order(house: House) -> None:
    house.submit("s", SMALL)
    house.run("s", InProcessExecutor(2))
    with house.database.read() as session:
        repository = TrialRepository(session)
        for trial in repository.all("s"):
            epochs = [report.epoch for report in repository.epochs("s", trial.number)]
            assert epochs == list(range(1, trial.epochs + 1))


@pytest.mark.parametrize("slots", [1, 4])
def test_a_study_does_not_depend_on_how_many_workers_there_are(
    make_house: Callable[[str], House], slots: int
) -> None:
    runs = []
    for name, count in (("one", 2), ("other", slots)):
        house = make_house(name)
        house.submit("s", SMALL)
        house.run("s", InProcessExecutor(count))
        runs.append(fingerprint(house.trials("s")))
    assert runs[0] == runs[1]


def test_an_engine_abandoned_at_any_point_is_taken_over_and_the_study_is_the_same(
    make_house: Callable[[str], House],
) -> None:
    undisturbed = make_house("undisturbed")
    undisturbed.submit("s", SMALL)
    undisturbed.run("s", InProcessExecutor(2))

    disturbed = make_house("disturbed")
    disturbed.submit("s", SMALL)
    for round_number in range(12):
        with disturbed.supervisor(InProcessExecutor(2), owner="same") as supervisor:
            for _ in range(2 + round_number % 5):
                supervisor.step()
    disturbed.run("s", InProcessExecutor(2))
    assert fingerprint(disturbed.trials("s")) == fingerprint(undisturbed.trials("s"))
    assert disturbed.study("s").best == undisturbed.study("s").best
    assert disturbed.study("s").summary == undisturbed.study("s").summary


def test_pause_and_resume_change_nothing(make_house: Callable[[str], House]) -> None:
    straight = make_house("straight")
    straight.submit("s", SMALL)
    straight.run("s", InProcessExecutor(2))

    paused = make_house("paused")
    paused.submit("s", SMALL)
    with paused.supervisor(InProcessExecutor(2)) as supervisor:
        paused.step_until(supervisor, lambda: paused.study("s").progress.epochs > 3)
        paused.ask("s", Intent.PAUSE)
        paused.step_until(supervisor, lambda: paused.study("s").state is StudyState.PAUSED)
        epochs = paused.study("s").progress.epochs
        for _ in range(5):
            supervisor.step()
        assert paused.study("s").progress.epochs == epochs
        paused.ask("s", Intent.RUN)
        paused.step_until(supervisor, lambda: paused.study("s").state is StudyState.COMPLETE)
    assert fingerprint(paused.trials("s")) == fingerprint(straight.trials("s"))
    assert len(decisions(paused, "s", "pause")) == len(decisions(paused, "s", "resume")) == 1


def test_a_stopped_study_keeps_the_best_so_far_and_never_opens_the_test(house: House) -> None:
    house.submit("s", LONG)
    with house.supervisor(InProcessExecutor(2)) as supervisor:
        house.step_until(supervisor, lambda: house.study("s").progress.epochs > 20)
        house.ask("s", Intent.STOP)
        house.step_until(supervisor, lambda: house.study("s").state is StudyState.STOPPED)
    study = house.study("s")
    assert {trial.state for trial in house.trials("s")} == {TrialState.STOPPED}
    assert study.best is not None and study.summary is None
    assert decisions(house, "s", "open_test") == []


def test_a_time_budget_ends_the_search_cleanly_and_is_recorded(house: House) -> None:
    house.submit("s", LONG | {"budget": {"trials": 4, "seconds": 1.0}})
    study = house.run("s", InProcessExecutor(2))
    assert study.state is StudyState.COMPLETE, study.failure
    assert study.best is not None and study.summary is not None
    (decision,) = decisions(house, "s", "time_budget")
    assert decision["seconds"] >= 1.0


def test_a_data_set_that_cannot_be_read_fails_the_study_with_its_reason(house: House) -> None:
    np.save(house.folder / "bad.npy", np.full((40, 6), np.nan, dtype=np.float32))
    house.submit("s", SMALL | {"dataset": {"kind": "npz", "path": "bad.npy"}})
    study = house.run("s", InProcessExecutor(1))
    assert study.state is StudyState.FAILED
    assert study.failure is not None and study.failure.kind == "data"
    assert "bad.npy" in study.failure.message


def test_a_study_whose_every_trial_diverges_fails_and_says_so(house: House) -> None:
    huge = np.random.default_rng(0).normal(size=(60, 6)).astype(np.float32) * 1e30
    np.save(house.folder / "huge.npy", huge)  # its squares overflow float32
    dataset = {"kind": "npz", "path": "huge.npy"}
    space = {"hidden_width": {"type": "categorical", "choices": [8, 16]}, "latent_dim": 4}
    changes = {"dataset": dataset, "scaling": "none", "space": space, "budget": {"trials": 4}}
    house.submit("s", SMALL | changes)
    study = house.run("s", InProcessExecutor(2))
    assert {trial.state for trial in house.trials("s")} == {TrialState.DIVERGED}
    assert study.state is StudyState.FAILED
    assert study.failure is not None and study.failure.kind == "no-result"


@pytest.mark.parametrize(
    "changes",
    [
        {
            "sampler": {"type": "grid"},
            "space": {
                "hidden_width": {"type": "categorical", "choices": [8, 16]},
                "depth": {"type": "int", "low": 0, "high": 1},
                "dropout": {
                    "type": "categorical",
                    "choices": [0.0, 0.1],
                    "when": {"depth": [1]},
                },
            },
            "budget": {},
        },
        {"sampler": {"type": "random"}, "budget": {"trials": 8}},
        {"sampler": {"type": "gp", "startup_trials": 4}, "budget": {"trials": 8}},
        {
            "family": {"choices": ["autoencoder", "vae"]},
            "pruner": {"type": "median", "min_epochs": 2, "interval": 2},
        },
    ],
    ids=["grid-with-conditions", "random", "gp", "two-families-median"],
)
def test_every_sampler_and_pruner_reaches_a_best(house: House, changes: dict[str, Any]) -> None:
    house.submit("s", SMALL | {"training": {"epochs": 5}} | changes)
    study = house.run("s", InProcessExecutor(2))
    assert study.state is StudyState.COMPLETE, study.failure
    assert study.progress.done == study.progress.trials == len(house.trials("s"))
    if changes.get("sampler") == {"type": "grid"}:
        cells = [trial.params for trial in house.trials("s")]
        assert len(cells) == 2 * (1 + 2)
        assert all(("dropout" in cell) == (cell["depth"] == 1) for cell in cells)


def test_a_fixed_trial_seed_and_params_give_the_same_trial_again(
    make_house: Callable[[str], House],
) -> None:
    from service.domain.resolve import best_config_spec

    first = make_house("first")
    first.submit("s", SMALL)
    study = first.run("s", InProcessExecutor(2))
    assert study.best is not None
    winner = first.trials("s")[study.best.trial]
    again = make_house("again")
    spec = best_config_spec(study, winner).model_dump(mode="json")
    again.submit("again", spec)
    repeated = again.run("again", InProcessExecutor(1))
    (trial,) = again.trials("again")
    assert trial.seed == winner.seed
    assert (trial.value, trial.best_epoch, trial.metrics) == (
        winner.value,
        winner.best_epoch,
        winner.metrics,
    )
    assert repeated.summary is not None and study.summary is not None
    assert repeated.summary["test"] == study.summary["test"]


def test_a_full_disk_pauses_the_study_names_the_reason_and_loses_nothing(
    make_house: Callable[[str], House],
) -> None:
    straight = make_house("straight")
    straight.submit("s", SMALL)
    straight.run("s", InProcessExecutor(2))

    house = make_house("full")
    house.submit("s", SMALL)
    full = [True]  # cohort 1 finds the disk full, once

    def runner(job: Any, emit: Any, commands: Any) -> None:
        if isinstance(job, ArrayJob) and job.cohort == 1 and any(full):
            full.clear()
            failure = Failure(kind="storage-full", message="No space left on device")
            emit(JobEndEvent(job_id=job.job_id, outcome="failed", failure=failure))
        else:
            run_job(job, emit, commands)

    with house.supervisor(InProcessExecutor(2, runner=runner)) as supervisor:
        house.step_until(supervisor, lambda: house.study("s").state is StudyState.PAUSED)
        failure = house.study("s").failure
        assert failure is not None and failure.kind == "storage-full"
        house.ask("s", Intent.RUN)
        house.step_until(supervisor, lambda: house.study("s").state is StudyState.COMPLETE)
    assert house.study("s").failure is None
    assert fingerprint(house.trials("s")) == fingerprint(straight.trials("s"))


def test_a_finished_study_leaves_no_saved_states_behind(house: House) -> None:
    house.submit("s", SMALL)
    house.run("s", InProcessExecutor(2))
    assert list((house.folder / "artifacts").glob("studies/*/arrays/*")) == []
