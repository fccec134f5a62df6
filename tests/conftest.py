"""Fixtures that several folders share."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete

from service.storage.database import Database
from service.storage.migration import migrate
from service.storage.tables import DatasetKeyRow, DatasetRow, StudyRow, UploadRow
from tests.leftovers import (
    pytest_sessionfinish,
    pytest_terminal_summary,
    pytest_testnodedown,
    pytest_unconfigure,
)
from tests.postgres import PostgresServer, running_postgres

__all__ = [
    "pytest_sessionfinish",
    "pytest_terminal_summary",
    "pytest_testnodedown",
    "pytest_unconfigure",
]


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite database to copy from."""
    file = tmp_path_factory.mktemp("migrated") / "template.sqlite3"
    migrate(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server with a migrated database `migrated`."""
    with running_postgres() as server:
        server.execute("CREATE DATABASE migrated")
        migrate(server.url("migrated"))
        yield server


@pytest.fixture(scope="session")
def shared_sqlite(migrated_file: Path) -> Iterator[Database]:
    """One engine for the session: it compiles each statement once."""
    opened = Database(f"sqlite:///{shutil.copy(migrated_file, migrated_file.with_name('shared'))}")
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def shared_postgres(postgres: PostgresServer) -> Iterator[Database]:
    """One engine for the session: it compiles each statement once."""
    opened = Database(postgres.url("migrated"))
    yield opened
    opened.close()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.database)])
def database(request: pytest.FixtureRequest) -> Database:
    """An empty database, once of either kind; its schema and settings must stay as they are."""
    return emptied(request.getfixturevalue(f"shared_{request.param}"))


@pytest.fixture
def sqlite_url(migrated_file: Path, tmp_path: Path) -> str:
    """A migrated, empty SQLite file of this test's own."""
    return f"sqlite:///{shutil.copy(migrated_file, tmp_path / 'hifitune.sqlite3')}"


@pytest.fixture
def sqlite_database(sqlite_url: str) -> Iterator[Database]:
    """The database at `sqlite_url`."""
    opened = Database(sqlite_url)
    yield opened
    opened.close()


@pytest.fixture
def postgres_url(postgres: PostgresServer, shared_postgres: Database) -> str:
    """A migrated, empty PostgreSQL database that nobody else is connected to."""
    postgres.disconnect("migrated")
    emptied(shared_postgres)
    return postgres.url("migrated")


def emptied(database: Database) -> Database:
    """The database itself, with nothing in it."""
    with database.transaction() as session:
        for table in (StudyRow, UploadRow, DatasetKeyRow, DatasetRow):
            session.execute(delete(table))
    return database
