"""Brings a database to the schema of this version, from a checkout or from an installed wheel."""

from collections.abc import Callable
from pathlib import Path
from threading import Lock

from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from alembic import command
from service.storage.database import Database

_ONE_AT_A_TIME = Lock()
"""Alembic's context is a global of the process; between processes the database decides."""


def migrate(url: str, revision: str = "head") -> None:
    """Upgrade the database at `url`; nothing happens when it is there already.

    Safe when several processes start at once: one transaction, one after the other.
    Raises Unavailable when the database cannot be reached.
    """
    database = Database(url)
    try:
        _run(database, lambda config: command.upgrade(config, revision))
    finally:
        database.close()


def downgrade(url: str, revision: str) -> None:
    """Take the database at `url` back to an earlier revision (`base`: empty)."""
    database = Database(url)
    try:
        _run(database, lambda config: command.downgrade(config, revision))
    finally:
        database.close()


def is_current(database: Database) -> bool:
    """Whether the database has the schema of this version."""
    with database.read() as session:
        found = MigrationContext.configure(session.connection()).get_current_heads()
    return set(found) == set(ScriptDirectory(str(scripts())).get_heads())


def scripts() -> Path:
    """The folder of migration scripts.

    In a wheel it lies inside this package: an `alembic` folder beside `service` would
    overwrite the library of that name. In a checkout it is `alembic/` at the top.
    """
    inside = Path(__file__).parent / "migrations"
    return inside if inside.is_dir() else Path(__file__).parents[2] / "alembic"


def _run(database: Database, action: Callable[[Config], None]) -> None:
    config = Config()
    config.set_main_option("script_location", str(scripts()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    with _ONE_AT_A_TIME, database.transaction() as session:
        config.attributes["connection"] = session.connection()
        action(config)
