"""What a database failure means to the service: away for a moment, full, or our own mistake."""

import psycopg
from sqlalchemy.exc import DBAPIError, TimeoutError

from service.errors import ServiceError, StorageFull, Unavailable

SERIALIZATION = frozenset({"40001", "40P01"})
"""PostgreSQL: serialization failure, deadlock. The transaction may simply be run again."""
FULL = frozenset({"53100"})
AWAY = frozenset({"53300", "55P03", "57014", "57P01", "57P02", "57P03", "25P03"})
"""Too many connections, lock not to be had, cancelled, shutting down, starting up, idle."""
SQLITE_FULL = ("database or disk is full",)
SQLITE_AWAY = ("database is locked", "database table is locked", "disk i/o error", "unable to open")


def sqlstate(error: DBAPIError) -> str:
    """PostgreSQL's five-letter code; empty for none, and for SQLite."""
    return getattr(error.orig, "sqlstate", None) or ""


def is_transient(error: BaseException | None) -> bool:
    """Whether the same transaction may succeed when it is run again at once."""
    if not isinstance(error, DBAPIError):
        return False
    return sqlstate(error) in SERIALIZATION or _is_lost(error)


def service_error(error: DBAPIError | TimeoutError) -> ServiceError | None:
    """The service's word for a database failure; None: it is not the database's fault."""
    if isinstance(error, TimeoutError):
        return Unavailable("the database is busy", "try again in a moment")
    state, text = sqlstate(error), str(error.orig).lower()
    if state in FULL or _mentions(text, SQLITE_FULL):
        return StorageFull("the database has no space left", "free some disk space")
    if state in AWAY | SERIALIZATION or _is_lost(error) or _mentions(text, SQLITE_AWAY):
        return Unavailable("the database cannot be reached at the moment", "try again in a moment")
    return None


def _is_lost(error: DBAPIError) -> bool:
    """The connection broke, or there was none to be had (then there is no sqlstate)."""
    if error.connection_invalidated or sqlstate(error)[:2] in ("08", "57"):
        return True
    return isinstance(error.orig, psycopg.OperationalError) and not sqlstate(error)


def _mentions(text: str, phrases: tuple[str, ...]) -> bool:
    return any(phrase in text for phrase in phrases)
