from typing import Any

import pytest
from sqlalchemy import event

from service.domain.states import StudyState, TrialState
from service.errors import InvalidRequest
from service.storage.database import Database
from service.storage.pages import Ordering, write_token
from service.storage.studies import StudyRepository
from service.storage.tables import StudyRow
from tests.storage.driving import bring, create_study, drive


def names(database: Database, **query: Any) -> list[str]:
    with database.read() as session:
        return [study.name for study in StudyRepository(session).page(100, **query).items]


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


@pytest.mark.parametrize(
    "moment",
    ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-01-01T00:00:00", "soon"],
)
def test_a_token_with_a_moment_that_no_study_can_have_is_refused(
    sqlite_database: Database, moment: str
) -> None:
    token = write_token(Ordering("-created_at", StudyRow.created_at, StudyRow.id), moment, "x")
    with pytest.raises(InvalidRequest, match="token"), sqlite_database.read() as session:
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
