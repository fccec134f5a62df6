from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from service.errors import StorageFull, Unavailable
from service.storage import database as module
from service.storage.database import Database
from service.storage.studies import StudyRepository
from tests.postgres import PostgresServer
from tests.storage.driving import create_study
from tests.storage.racing import race


def pragma(database: Database, name: str) -> object:
    with database.read() as session:
        return session.execute(text(f"PRAGMA {name}")).scalar_one()


@pytest.mark.parametrize(
    ("name", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 30_000)],
)
def test_sqlite_runs_with_durable_settings(
    sqlite_database: Database, name: str, value: object
) -> None:
    assert pragma(sqlite_database, name) == value


def test_a_transaction_that_raises_leaves_nothing(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.transaction() as session:
        session.execute(text("UPDATE alembic_version SET version_num = 'x'"))
        _ = 1 / 0
    with database.read() as session:
        assert session.execute(text("SELECT version_num FROM alembic_version")).scalar() != "x"


def test_what_a_reader_writes_is_not_kept(database: Database) -> None:
    create_study(database, "kept")
    try:
        with database.read() as session:
            session.execute(text("UPDATE studies SET name = 'changed'"))
    except Exception as error:  # noqa: BLE001
        assert "read-only" in str(error)
    with database.read() as session:
        study = StudyRepository(session).get("kept")
    assert study is not None
    assert study.name == "a study"


def test_a_reader_sees_one_snapshot(database: Database) -> None:
    create_study(database, "first")
    with database.read() as session:
        studies = StudyRepository(session)
        before = studies.page(10).items
        create_study(database, "second")
        assert studies.page(10).items == before


def test_readers_are_not_held_up_by_a_writer(database: Database) -> None:
    create_study(database, "first")
    with database.transaction() as writer:
        writer.execute(text("UPDATE studies SET name = 'changed'"))
        with database.read() as reader:
            assert reader.execute(text("SELECT name FROM studies")).scalar() == "a study"


def test_a_sqlite_file_that_stays_locked_is_unavailable(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SQLITE_PRAGMAS", ("PRAGMA busy_timeout = 10",))
    first, second = Database(sqlite_url), Database(sqlite_url)
    with first.transaction() as holder:
        holder.execute(text("SELECT 1"))
        with pytest.raises(Unavailable), second.transaction() as session:
            session.execute(text("SELECT 1"))
    first.close()
    second.close()


def test_a_full_disk_is_said_to_be_full(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    with pytest.raises(StorageFull), database.transaction() as session:
        session.execute(text("PRAGMA max_page_count = 1"))
        session.execute(text("CREATE TABLE filler (content BLOB)"))
        for _ in range(100):
            session.execute(text("INSERT INTO filler VALUES (zeroblob(100000))"))
    database.close()


def test_our_own_mistakes_are_not_called_an_outage(database: Database) -> None:
    create_study(database, "twice")
    with pytest.raises(IntegrityError):
        create_study(database, "twice")


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://host/database"])
def test_a_database_that_processes_cannot_share_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"file|not supported"):
        Database(url)


def test_the_folder_of_a_sqlite_file_is_made(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/new/folder/file.sqlite3")
    assert pragma(database, "user_version") == 0
    database.close()


@pytest.mark.database
def test_a_server_that_is_away_is_unavailable_and_comes_back(postgres: PostgresServer) -> None:
    database = Database(postgres.url("migrated"))
    with database.read() as session:
        assert session.execute(text("SELECT 1")).scalar() == 1
    postgres.stop("immediate")
    try:
        with pytest.raises(Unavailable), database.read() as session:
            session.execute(text("SELECT 1"))
    finally:
        postgres.start()
    with database.read() as session:
        assert session.execute(text("SELECT 1")).scalar() == 1
    database.close()


@pytest.mark.database
def test_idempotent_work_is_done_again_after_a_lost_connection(postgres_url: str) -> None:
    database, killer = Database(postgres_url), Database(postgres_url)
    attempts = []

    def work(session: module.Session) -> int:
        attempts.append(session.execute(text("SELECT pg_backend_pid()")).scalar_one())
        if len(attempts) == 1:
            with killer.transaction() as other:
                other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": attempts[0]})
        return int(session.execute(text("SELECT 42")).scalar_one())

    assert database.write(work) == 42
    assert len(attempts) == 2
    database.close()
    killer.close()


@pytest.mark.database
def test_work_that_loses_a_deadlock_is_done_again(postgres: PostgresServer) -> None:
    database = Database(postgres.new_database())
    with database.transaction() as session:
        session.execute(text("CREATE TABLE pair (id int PRIMARY KEY, n int)"))
        session.execute(text("INSERT INTO pair VALUES (0, 0), (1, 0)"))

    def act(index: int) -> None:
        def work(session: module.Session) -> None:
            for row in (index, 1 - index):
                session.execute(text("UPDATE pair SET n = n + 1 WHERE id = :row"), {"row": row})
                session.execute(text("SELECT pg_sleep(0.1)"))

        database.write(work)

    race(2, act)
    with database.read() as session:
        assert session.execute(text("SELECT sum(n) FROM pair")).scalar() == 4
    database.close()
