"""Runs migrations in one transaction, over the connection that service.storage.migration opened."""

from sqlalchemy import Connection, text

from alembic import context
from service.storage.columns import Json, UtcDateTime
from service.storage.database import Database
from service.storage.tables import Row

MIGRATION_LOCK = 7_215_041_180
"""Any number, the same in every process: two that start at once migrate one after the other."""


def render_item(kind: str, item: object, _context: object) -> str | bool:
    """Migrations spell out plain types: ours may change, what was migrated does not."""
    if kind == "type" and isinstance(item, Json):
        return "sa.Text()"
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


def run_migrations(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
    context.configure(
        connection=connection,
        target_metadata=Row.metadata,
        # SQLite: database.py begins transactions itself, so they hold DDL as well.
        transactional_ddl=True,
        render_item=render_item,
        render_as_batch=connection.dialect.name == "sqlite",
    )
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    raise SystemExit("migrations run against a database: leave out --sql")

given = context.config.attributes.get("connection")
if given is not None:
    run_migrations(given)
else:
    database = Database(context.config.get_main_option("sqlalchemy.url") or "")
    with database.writer.begin() as opened:
        run_migrations(opened)
    database.close()
