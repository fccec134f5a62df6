"""A study to write into."""

import pytest

from service.storage.database import Database
from tests.conftest import emptied
from tests.storage.driving import DrivenStudy, drive


@pytest.fixture
def driven(database: Database) -> DrivenStudy:
    """A leased study that is RUNNING, on either kind of database."""
    return drive(database)


@pytest.fixture
def sqlite_database(shared_sqlite: Database) -> Database:
    """An empty database, for the many tests that need one kind only."""
    return emptied(shared_sqlite)
