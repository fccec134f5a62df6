import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import inspect

from alembic import op
from service.storage.database import Database
from service.storage.migration import downgrade, is_current, migrate
from service.storage.studies import StudyRepository
from service.storage.tables import Row
from tests.postgres import PostgresServer
from tests.storage.driving import create_study

MIGRATE_IN_FOUR = """
import os, sys
from service.storage.migration import migrate
children = []
while len(children) < 3 and (child := os.fork()):
    children.append(child)
if len(children) < 3:
    children = []
migrate(sys.argv[1])
sys.exit(any(os.waitpid(child, 0)[1] for child in children))
"""
"""A parent and its three children; the imports are paid for once."""


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.database)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/empty.sqlite3"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.new_database()


def tables(database: Database) -> set[str]:
    return set(inspect(database.engine).get_table_names())


def test_migrating_from_empty_gives_the_model(database: Database) -> None:
    with database.read() as session:
        context = MigrationContext.configure(
            session.connection(), opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, Row.metadata) == []


def test_down_and_up_again_gives_the_model(empty_url: str) -> None:
    database = Database(empty_url)
    migrate(empty_url)
    downgrade(empty_url, "base")
    assert tables(database) == {"alembic_version"}
    assert not is_current(database)
    migrate(empty_url)
    assert tables(database) == {*Row.metadata.tables, "alembic_version"}
    assert is_current(database)
    database.close()


def test_migrating_again_keeps_what_is_there(database: Database) -> None:
    before = create_study(database, "kept")
    migrate(database.url.render_as_string(hide_password=False))
    with database.read() as session:
        assert StudyRepository(session).get("kept") == before


def test_an_empty_database_is_not_current(empty_url: str) -> None:
    database = Database(empty_url)
    assert not is_current(database)
    database.close()


def test_several_processes_may_migrate_at_once(empty_url: str) -> None:
    subprocess.run([sys.executable, "-c", MIGRATE_IN_FOUR, empty_url], check=True)
    database = Database(empty_url)
    assert is_current(database)
    database.close()


def test_a_migration_that_fails_leaves_no_half_of_itself(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("on purpose")

    monkeypatch.setattr(op, "create_index", fail)
    with pytest.raises(RuntimeError, match="on purpose"):
        migrate(empty_url)
    database = Database(empty_url)
    assert tables(database) == set()
    database.close()
