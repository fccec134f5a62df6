"""The supervisor: leases, room, trouble in one study that must not become everyone's."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from service.domain.states import Intent, StudyState, TrialState
from service.engine import conductor as conductor_module
from service.engine import search, supervisor
from service.engine.mirror import StudyMirror
from service.errors import Unavailable
from service.executors.in_process import InProcessExecutor
from service.storage import clock
from service.storage.database import Database
from service.storage.decisions import DecisionRepository
from service.storage.migration import migrate
from tests.engine.harness import SMALL, House, fingerprint

AT_RUNG = SMALL | {
    "training": {"epochs": 2000, "early_stopping": None},
    "pruner": {"type": "halving", "min_epochs": 4},
    "budget": {"trials": 4},
    "parallel": {"cohort_size": 4},
}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    url = f"sqlite:///{tmp_path / 'hifitune.db'}"
    migrate(url)
    database = Database(url)
    yield House(tmp_path, database)
    database.close()


def test_a_study_that_raises_at_every_turn_fails_with_its_traceback(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise KeyError("a bug")

    monkeypatch.setattr(search, "propose", broken)
    house.submit("s", SMALL)
    study = house.run("s", InProcessExecutor(1))
    assert study.state is StudyState.FAILED
    assert study.failure is not None and "a bug" in study.failure.message
    assert "Traceback" in (study.failure.traceback_tail or "")


def test_an_engine_that_slept_through_its_lease_goes_on_with_the_same_jobs(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.submit("s", SMALL)
    now = [0.0]
    # Not time.monotonic: the event loops of other tests' servers would sleep by it for hours.
    monkeypatch.setattr(clock, "lease_clock", lambda _: now[0])
    with house.supervisor(InProcessExecutor(2)) as driver:
        house.step_until(driver, lambda: house.study("s").progress.epochs > 3)
        (driven,) = driver._driven.values()
        now[0] += 3600.0
        driver._renewed = -1e9
        driver.step()
        assert list(driver._driven.values()) == [driven]
        house.step_until(driver, lambda: house.study("s").state is StudyState.COMPLETE)
    assert max(trial.attempt for trial in house.trials("s")) == 1


def test_a_database_that_goes_away_after_a_commit_costs_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.submit("s", SMALL)
    refresh, chance = StudyMirror.refresh, random.Random(3)

    def flaky(mirror: StudyMirror, cohorts: Any = ()) -> None:
        if cohorts and chance.random() < 0.25:
            mirror._dirty.update(cohorts)
            raise Unavailable("the database went away")
        refresh(mirror, cohorts)

    monkeypatch.setattr(StudyMirror, "refresh", flaky)
    study = house.run("s", InProcessExecutor(2))
    assert study.state is StudyState.COMPLETE, study.failure


def test_studies_beyond_the_room_wait_but_can_be_stopped_at_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "MAX_STUDIES", 1)
    house.submit("first", AT_RUNG)
    house.submit("second", AT_RUNG)
    house.submit("third", AT_RUNG)
    with house.supervisor(InProcessExecutor(1)) as driver:
        house.step_until(driver, lambda: house.study("first").progress.epochs > 0)
        assert house.study("second").state is StudyState.QUEUED
        house.ask("second", Intent.STOP)  # has not begun: nobody has to come for it
        assert house.study("second").state is StudyState.STOPPED
        house.ask("third", Intent.PAUSE)
        assert house.study("third").state is StudyState.PAUSED
        house.ask("third", Intent.STOP)
        house.step_until(driver, lambda: house.study("third").state is StudyState.STOPPED)
        assert house.study("first").state is StudyState.RUNNING


def test_a_stop_brings_in_the_best_of_trials_that_wait_at_a_rung(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search.Search, "judge_rungs", lambda _: None)  # so that all wait
    house.submit("s", AT_RUNG)
    with house.supervisor(InProcessExecutor(2)) as driver:
        house.step_until(
            driver, lambda: [t.rungs.get("4") is not None for t in house.trials("s")] == [True] * 4
        )
        house.ask("s", Intent.STOP)
        house.step_until(driver, lambda: house.study("s").state is StudyState.STOPPED)
    trials = house.trials("s")
    assert {trial.state for trial in trials} == {TrialState.STOPPED}
    assert [trial.value for trial in trials] == [trial.rungs["4"] for trial in trials]
    assert house.study("s").best is not None
    assert all(
        (house.folder / f"artifacts/studies/s/trials/{t.number}/checkpoint.safetensors").exists()
        for t in trials
    )
    assert list((house.folder / "artifacts").glob("studies/*/arrays/*")) == []


def test_crashes_far_apart_do_not_add_up(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from service.domain.records import Failure
    from service.executors.base import ArrayJob, JobEndEvent
    from service.executors.worker import run_job

    monkeypatch.setattr(conductor_module, "MAX_CRASHES", 2)
    crashed: set[tuple[int, int]] = set()

    def runner(job: Any, emit: Any, commands: Any) -> None:
        place = (job.cohort, job.until_epoch) if isinstance(job, ArrayJob) else None
        if place is not None and place not in crashed:
            crashed.add(place)  # every segment crashes once
            failure = Failure(kind="crash", message="killed by SIGKILL")
            emit(JobEndEvent(job_id=job.job_id, outcome="failed", failure=failure))
        else:
            run_job(job, emit, commands)

    spec = SMALL | {"space": {"latent_dim": 4, "hidden_width": 16}, "budget": {"trials": 8}}
    house.submit("s", spec)
    study = house.run("s", InProcessExecutor(2, runner=runner))
    assert study.state is StudyState.COMPLETE, study.failure
    assert not any(trial.state is TrialState.FAILED for trial in house.trials("s"))
    with house.database.read() as session:
        assert len(DecisionRepository(session).all("s", "retry")) == len(crashed) > 2


def test_several_studies_share_the_slots_and_each_is_as_if_alone(house: House) -> None:
    for name in ("a", "b", "c"):
        house.submit(name, SMALL | {"budget": {"trials": 4}})
    with house.supervisor(InProcessExecutor(2)) as driver:
        house.step_until(
            driver,
            lambda: all(house.study(n).state is StudyState.COMPLETE for n in ("a", "b", "c")),
        )
    prints = [fingerprint(house.trials(name)) for name in ("a", "b", "c")]
    assert prints[0] == prints[1] == prints[2]
