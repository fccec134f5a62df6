from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from service.domain.records import Failure, Notice
from service.domain.states import (
    STUDY_TRANSITIONS,
    TERMINAL_STUDY_STATES,
    Intent,
    StudyState,
    TrialState,
)
from service.errors import Conflict, NotFound, Stale
from service.storage.database import Database
from service.storage.datasets import DatasetRepository
from service.storage.decisions import AnalysisRepository, DecisionRepository
from service.storage.studies import StudyRepository
from service.storage.tables import DatasetKeyRow, DatasetRow, Row
from tests.storage.driving import DrivenStudy, bring, create_study, drive, make_spec
from tests.storage.racing import race
from tests.storage.test_datasets import make_dataset

NOTICE = Notice(code="collapse", pointer="/space/beta", message="it may", remedy="lower it")


def test_a_study_is_read_back_as_it_was_written(database: Database) -> None:
    wish, resolved = make_spec(
        space={
            "learning_rate": {"type": "float", "low": 1e-7, "high": 0.1, "log": True},
            "batch_size": {"type": "categorical", "choices": [64, 64.0, "64", True]},
            "latent_dim": 16,
        },
        budget={"trials": 7, "seconds": 12.5},
    )
    with database.transaction() as session:
        studies = StudyRepository(session)
        created = studies.create("s", wish, resolved, "f" * 64, [NOTICE], {"torch": "2"})
    with database.read() as session:
        studies = StudyRepository(session)
        assert studies.get("s") == created
    assert created.spec == wish
    assert created.resolved == resolved
    assert created.warnings == [NOTICE]
    assert created.state is StudyState.QUEUED
    assert created.progress.trials == 7
    assert created.created_at.utcoffset() == timedelta(0)


def test_there_is_no_study_that_was_not_created(database: Database) -> None:
    with database.transaction() as session:
        studies = StudyRepository(session)
        assert studies.get("none") is None
        with pytest.raises(NotFound):
            studies.set_intent("none", Intent.STOP)
        with pytest.raises(NotFound):
            studies.delete("none")


@pytest.mark.parametrize("target", list(StudyState))
@pytest.mark.parametrize("origin", list(StudyState))
def test_a_study_moves_only_as_the_table_of_states_allows(
    sqlite_database: Database, origin: StudyState, target: StudyState
) -> None:
    create_study(sqlite_database, "s")
    bring(sqlite_database, "s", origin)
    with sqlite_database.transaction() as session:
        studies = StudyRepository(session)
        if target in STUDY_TRANSITIONS[origin]:
            assert studies.transition("s", target).state is target
        else:
            with pytest.raises(Conflict):
                studies.transition("s", target)
            study = studies.get("s")
            assert study is not None
            assert study.state is origin


def test_times_failure_and_summary_are_kept_with_the_state(driven: DrivenStudy) -> None:
    started = driven.study().started_at
    driven.move(StudyState.PAUSED, StudyState.RUNNING, StudyState.SELECTING)
    assert driven.study().started_at == started is not None
    assert driven.study().finished_at is None
    failure = Failure(kind="data", message="no \x00 such \ud800 file")
    with driven.database.transaction() as session:
        StudyRepository(session).transition(
            driven.id, StudyState.FAILED, driven.fence, failure=failure, summary={"trial": 3}
        )
    study = driven.study()
    assert study.finished_at is not None
    assert study.failure == failure
    assert study.summary == {"trial": 3}


def test_a_stale_fence_is_refused_by_every_write_to_a_study(driven: DrivenStudy) -> None:
    stale = driven.fence - 1
    with driven.database.transaction() as session:
        studies = StudyRepository(session)
        writes = [
            lambda: studies.transition(driven.id, StudyState.PAUSED, stale),
            lambda: studies.set_data(driven.id, stale, "0" * 64),
            lambda: studies.add_warnings(driven.id, stale, [NOTICE]),
            lambda: studies.add_seconds(driven.id, stale, 1.0),
            lambda: DecisionRepository(session).append(driven.id, stale, "stop", {}),
            lambda: AnalysisRepository(session).put(driven.id, stale, "importance", 0, {}),
        ]
        for write in writes:
            with pytest.raises(Stale):
                write()
    assert driven.study().state is StudyState.RUNNING


def test_one_study_per_idempotency_key_however_many_ask_at_once(database: Database) -> None:
    wish, resolved = make_spec()

    def post(index: int) -> str:
        def create(session: Any) -> str:
            study = StudyRepository(session).create(
                f"s{index}", wish, resolved, "f" * 64, [], {}, "the key", "the body"
            )
            return study.id

        return database.write(create)

    answers = race(12, post)
    assert len(set(answers)) == 1
    assert count_rows(database)["studies"] == 1
    with database.read() as session:
        found = StudyRepository(session).by_idempotency_key("the key")
        assert StudyRepository(session).by_idempotency_key("another") is None
    assert found is not None
    assert (found[0].id, found[1]) == (answers[0], "the body")


def test_an_idempotency_key_with_another_body_is_refused(database: Database) -> None:
    wish, resolved = make_spec()
    with database.transaction() as session:
        studies = StudyRepository(session)
        studies.create("a", wish, resolved, "f" * 64, [], {}, "the key", "one body")
        with pytest.raises(Conflict, match="another body"):
            studies.create("b", wish, resolved, "f" * 64, [], {}, "the key", "another body")


def test_an_intent_is_recorded_once_and_a_stop_is_final(driven: DrivenStudy) -> None:
    with driven.database.transaction() as session:
        studies = StudyRepository(session)
        before = driven.study().event
        assert studies.set_intent(driven.id, Intent.PAUSE).intent is Intent.PAUSE
        assert studies.set_intent(driven.id, Intent.PAUSE).event == before + 1
        studies.set_intent(driven.id, Intent.STOP)
        with pytest.raises(Conflict):
            studies.set_intent(driven.id, Intent.RUN)


@pytest.mark.parametrize("state", sorted(TERMINAL_STUDY_STATES))
def test_a_study_that_is_over_takes_no_intent(sqlite_database: Database, state: StudyState) -> None:
    create_study(sqlite_database, "s")
    bring(sqlite_database, "s", state)
    with pytest.raises(Conflict), sqlite_database.transaction() as session:
        StudyRepository(session).set_intent("s", Intent.STOP)


def test_a_warning_is_said_once(driven: DrivenStudy) -> None:
    for _ in range(2):
        with driven.database.transaction() as session:
            StudyRepository(session).add_warnings(driven.id, driven.fence, [NOTICE])
    assert driven.study().warnings == [NOTICE]


def test_the_time_left_follows_the_rate_and_the_time_budget(database: Database) -> None:
    driven = drive(database, budget={"trials": 10, "seconds": 100.0})
    driven.add_cohort(0, [[0, 1]])
    assert driven.study().progress.seconds_left is None
    with database.transaction() as session:
        StudyRepository(session).add_seconds(driven.id, driven.fence, 30.0)
    driven.finish(0, TrialState.COMPLETE, 1.0)
    assert driven.study().progress.seconds_left == pytest.approx(70.0)
    driven.finish(1, TrialState.COMPLETE, 1.0)
    assert driven.study().progress.seconds_left == pytest.approx(70.0)
    with database.transaction() as session:
        StudyRepository(session).add_seconds(driven.id, driven.fence, 10.0)
    assert driven.study().progress.seconds_left == pytest.approx(60.0)
    driven.move(StudyState.STOPPED)
    assert driven.study().progress.seconds_left == 0.0


def test_only_a_study_that_is_over_can_be_deleted(database: Database) -> None:
    create_study(database, "s")
    with pytest.raises(Conflict), database.transaction() as session:
        StudyRepository(session).delete("s")
    bring(database, "s", StudyState.FAILED)
    with database.transaction() as session:
        StudyRepository(session).delete("s")
    assert count_rows(database)["studies"] == 0


def test_deleting_a_study_leaves_nothing_of_it_and_nothing_less_of_others(
    database: Database,
) -> None:
    with database.transaction() as session:
        DatasetRepository(session).put(make_dataset())
        DatasetRepository(session).put_key("the key", make_dataset().data_hash)
    for study_id in ("gone", "kept"):
        driven = drive(database, study_id)
        driven.add_cohort(0, [[0, 1], [2]])
        driven.report(0, [1, 2])
        with database.transaction() as session:
            StudyRepository(session).set_data(study_id, driven.fence, make_dataset().data_hash)
            DecisionRepository(session).append(study_id, driven.fence, "stop", {})
            AnalysisRepository(session).put(study_id, driven.fence, "importance", 0, {})
        driven.finish(0, TrialState.COMPLETE, 0.5)
        driven.move(StudyState.STOPPED)
    before = count_rows(database)
    with database.transaction() as session:
        StudyRepository(session).delete("gone")
    shared = {DatasetRow.__tablename__, DatasetKeyRow.__tablename__}
    halved = {name: count if name in shared else count // 2 for name, count in before.items()}
    assert count_rows(database) == halved


def count_rows(database: Database) -> dict[str, int]:
    with database.read() as session:
        return {
            name: session.scalar(select(func.count()).select_from(table)) or 0
            for name, table in Row.metadata.tables.items()
        }
