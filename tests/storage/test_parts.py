"""Studies that repeat another one's configs are part of it."""

import pytest

from service.domain.states import Intent, StudyState
from service.errors import Conflict, Stale
from service.storage.database import Database
from service.storage.parts import PartRepository
from service.storage.studies import StudyRepository
from tests.storage.driving import create_study, drive, make_spec


def create_part(database: Database, study_id: str, parent_id: str) -> None:
    wish, resolved = make_spec(f"part {study_id}")
    with database.transaction() as session:
        StudyRepository(session).create(
            study_id, wish, resolved, "0" * 64, [], {}, parent_id=parent_id
        )


def test_parts_are_listed_with_their_study_alone(database: Database) -> None:
    create_study(database, "s")
    create_study(database, "t")
    create_part(database, "s1", "s")
    create_part(database, "s2", "s")
    with database.read() as session:
        studies = StudyRepository(session)
        assert {study.id for study in studies.page(10).items} == {"s", "t"}
        assert {study.id for study in studies.page(10, parent_id="s").items} == {"s1", "s2"}
        assert [study.id for study in PartRepository(session).of("s")] == ["s1", "s2"]
        assert PartRepository(session).of("t") == []
        part = studies.get("s1")
    assert part is not None and part.parent == "s"


def test_a_part_cannot_be_steered_or_deleted_by_itself(database: Database) -> None:
    create_study(database, "s")
    create_part(database, "s1", "s")
    for intent in Intent:
        with pytest.raises(Conflict, match="part of it"), database.transaction() as session:
            StudyRepository(session).set_intent("s1", intent)
    with pytest.raises(Conflict, match="part of it"), database.transaction() as session:
        StudyRepository(session).delete("s1")


def test_stopping_the_parts_needs_the_parents_lease(database: Database) -> None:
    driven = drive(database, "s")
    create_part(database, "s1", "s")
    with pytest.raises(Stale), database.transaction() as session:
        PartRepository(session).stop("s", driven.fence + 1)
    with database.transaction() as session:
        PartRepository(session).stop("s", driven.fence)
    with database.read() as session:
        assert [part.intent for part in PartRepository(session).of("s")] == [Intent.STOP]


def test_a_deleted_study_takes_its_parts_along(database: Database) -> None:
    driven = drive(database, "s")
    create_part(database, "s1", "s")
    driven.move(StudyState.STOPPED)
    ending = pytest.raises(Conflict, match="repetitions are still ending: s1")
    with ending, database.transaction() as session:
        StudyRepository(session).delete("s")
    with database.transaction() as session:
        StudyRepository(session).transition("s1", StudyState.STOPPED)
        gone = StudyRepository(session).delete("s")
    assert sorted(gone.studies) == ["s", "s1"]
    with database.read() as session:
        assert StudyRepository(session).get("s1") is None
