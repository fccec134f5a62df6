"""Fixtures that several folders share."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete

from service.storage.database import Database
from service.storage.migration import migrate
from service.storage.tables import DatasetKeyRow, DatasetRow, StudyRow
from tests.postgres import PostgresServer, running_postgres


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


@pytest.fixture
def sqlite_url(migrated_file: Path, tmp_path: Path) -> str:
    """A migrated, empty SQLite database of this test's own."""
    return f"sqlite:///{shutil.copy(migrated_file, tmp_path / 'hifitune.sqlite3')}"


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> str:
    """A migrated PostgreSQL database, emptied for this test; its schema must stay as it is."""
    postgres.disconnect("migrated")
    database = Database(postgres.url("migrated"))
    with database.transaction() as session:
        for table in (StudyRow, DatasetKeyRow, DatasetRow):
            session.execute(delete(table))
    database.close()
    return postgres.url("migrated")


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.database)])
def database_url(request: pytest.FixtureRequest) -> str:
    """Both kinds of database, one after the other: migrated and empty."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """An open database of either kind."""
    opened = Database(database_url)
    yield opened
    opened.close()


@pytest.fixture
def sqlite_database(sqlite_url: str) -> Iterator[Database]:
    """An open SQLite database, for tests that do not care which kind."""
    opened = Database(sqlite_url)
    yield opened
    opened.close()
