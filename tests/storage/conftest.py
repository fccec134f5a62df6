"""A study to write into."""

import pytest

from service.storage.database import Database
from tests.storage.driving import DrivenStudy, drive


@pytest.fixture
def driven(database: Database) -> DrivenStudy:
    """A leased study that is RUNNING, on either kind of database."""
    return drive(database)
