from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, func, select

from service.domain.records import Failure, Notice
from service.domain.states import (
    STUDY_TRANSITIONS,
    TERMINAL_STUDY_STATES,
    Intent,
    StudyState,
    TrialState,
)
from service.errors import Conflict, InvalidRequest, NotFound, Stale
from service.storage.database import Database
from service.storage.datasets import DatasetRepository
from service.storage.decisions import AnalysisRepository, DecisionRepository
from service.storage.studies import StudyRepository
from service.storage.tables import DatasetKeyRow, DatasetRow, Row
from tests.storage.driving import DrivenStudy, create_study, drive, make_spec
from tests.storage.racing import race
from tests.storage.test_datasets import make_dataset

PATHS = {
    StudyState.QUEUED: (),
    StudyState.RUNNING: (StudyState.RUNNING,),
    StudyState.PAUSED: (StudyState.PAUSED,),
    StudyState.SELECTING: (StudyState.RUNNING, StudyState.SELECTING),
    StudyState.COMPLETE: (StudyState.RUNNING, StudyState.SELECTING, StudyState.COMPLETE),
    StudyState.STOPPED: (StudyState.STOPPED,),
    StudyState.FAILED: (StudyState.FAILED,),
}
"""How to bring a QUEUED study into each state."""
NOTICE = Notice(code="collapse", pointer="/space/beta", message="it may", remedy="lower it")


def bring(database: Database, study_id: str, state: StudyState) -> None:
    with database.transaction() as session:
        for step in PATHS[state]:
            StudyRepository(session).transition(study_id, step)


def names(database: Database, **query: Any) -> list[str]:
    with database.read() as session:
        return [study.name for study in StudyRepository(session).page(100, **query).items]


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
    assert len(names(database)) == 1
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


def test_pages_follow_one_another_although_studies_come_and_go(database: Database) -> None:
    for index in range(9):
        create_study(database, f"s{index}", f"study {index}")
    for state in ("s4", "s6", "s7"):
        bring(database, state, StudyState.STOPPED)
    seen: list[str] = []
    token = None
    while True:
        with database.read() as session:
            page = StudyRepository(session).page(3, token)
        seen += [study.id for study in page.items]
        token = page.next_page_token
        if token is None:
            break
        with database.transaction() as session:
            # One that was seen, one that was not, and the very row that the token names.
            for gone in {3: ("s7", "s4", "s6")}.get(len(seen), ()):
                StudyRepository(session).delete(gone)
        create_study(database, f"new{len(seen)}")
    assert seen == ["s8", "s7", "s6", "s5", "s3", "s2", "s1", "s0"]


@pytest.mark.parametrize("order_by", ["name", "-name", "created_at", "-created_at"])
def test_pages_keep_the_order_asked_for_also_with_equal_names(
    database: Database, order_by: str
) -> None:
    for index in range(7):
        create_study(database, f"s{index}", f"study {index // 3}")
    with database.read() as session:
        studies = StudyRepository(session)
        whole = [study.id for study in studies.page(100, order_by=order_by).items]
        parts: list[str] = []
        token = None
        while token is not None or not parts:
            page = studies.page(2, token, order_by=order_by)
            parts += [study.id for study in page.items]
            token = page.next_page_token
            if token is None:
                break
    ascending = [f"s{index}" for index in range(7)]
    assert parts == whole
    assert parts == (ascending[::-1] if order_by.startswith("-") else ascending)


def test_studies_are_filtered_by_state_family_and_part_of_the_name(database: Database) -> None:
    create_study(database, "a", "digits-vae 100")
    create_study(database, "b", "Digits_AE")
    create_study(database, "c", "other", family={"choices": ["vae", "vae_gan"]})
    bring(database, "b", StudyState.STOPPED)
    assert names(database, state=StudyState.STOPPED) == ["Digits_AE"]
    assert names(database, name="digits", order_by="name") == ["Digits_AE", "digits-vae 100"]
    assert names(database, family="vae_gan") == ["other"]
    assert names(database, family="gan") == []
    assert len(names(database, family="vae")) == 3


@pytest.mark.parametrize("part", ["%", "_", "\\", "'", "digits%", '"'])
def test_a_name_is_searched_for_literally(database: Database, part: str) -> None:
    create_study(database, "a", "digits-vae")
    assert names(database, name=part) == []


@pytest.mark.parametrize(
    "token", ["", "x", "!!!", "W10", "bnVsbA", "WyItY3JlYXRlZF9hdCIsMSwyXQ", "é" * 5, "[" * 5000]
)
def test_a_token_that_is_not_ours_is_refused(sqlite_database: Database, token: str) -> None:
    with pytest.raises(InvalidRequest), sqlite_database.read() as session:
        StudyRepository(session).page(10, token)


def test_a_token_of_another_order_is_refused(sqlite_database: Database) -> None:
    create_study(sqlite_database, "a")
    create_study(sqlite_database, "b")
    with sqlite_database.read() as session:
        studies = StudyRepository(session)
        token = studies.page(1).next_page_token
        with pytest.raises(InvalidRequest):
            studies.page(1, token, order_by="name")


@pytest.mark.parametrize(
    "query",
    [{"order_by": "state"}, {"page_size": 0}, {"page_size": 100_000}, {"name": "\x00"},
     {"family": "\ud800"}],
)  # fmt: skip
def test_a_query_that_cannot_be_answered_is_refused(
    database: Database, query: dict[str, Any]
) -> None:
    with pytest.raises(InvalidRequest), database.read() as session:
        StudyRepository(session).page(**({"page_size": 10} | query))


def test_a_page_is_one_query_however_many_studies_it_has(database: Database) -> None:
    for index in range(5):
        driven = drive(database, f"s{index}")
        driven.add_cohort(0, [[0]])
        driven.finish(0, TrialState.COMPLETE, 0.5)
    statements: list[str] = []

    def listen(*details: Any) -> None:
        statements.append(details[2])

    event.listen(database.engine, "before_cursor_execute", listen)
    with database.read() as session:
        page = StudyRepository(session).page(100)
    event.remove(database.engine, "before_cursor_execute", listen)
    assert all(study.best is not None for study in page.items)
    assert len([statement for statement in statements if "SELECT" in statement]) == 1


def test_only_a_study_that_is_over_can_be_deleted(database: Database) -> None:
    create_study(database, "s")
    with pytest.raises(Conflict), database.transaction() as session:
        StudyRepository(session).delete("s")
    bring(database, "s", StudyState.FAILED)
    with database.transaction() as session:
        StudyRepository(session).delete("s")
    assert names(database) == []


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
