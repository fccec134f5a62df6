"""The connection to SQLite or PostgreSQL: one engine per URL, transactions, reads."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError, TimeoutError
from sqlalchemy.orm import Session, sessionmaker

from service.errors import ServiceError
from service.storage import clock
from service.storage.faults import is_transient, service_error

logger = logging.getLogger(__name__)
Result = TypeVar("Result")

BUSY_SECONDS = 30
SQLITE_PRAGMAS = (
    f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA journal_size_limit = 67108864",
    "PRAGMA cache_size = -32768",
)
POSTGRES_OPTIONS = (
    f"-c lock_timeout={BUSY_SECONDS}s"
    # A frozen process must not hold a study's row for ever.
    f" -c idle_in_transaction_session_timeout={BUSY_SECONDS}s"
)
RETRY_SECONDS = (0.05, 0.2, 0.5, 1.0)


class Database:
    """SQLite (`sqlite:///path`) or PostgreSQL (`postgresql://...`, always through psycopg 3).

    Thread-safe; every transaction has its own session. Raises service.errors.Unavailable when
    the database cannot be reached or stays locked, and StorageFull when its disk is full.
    """

    def __init__(self, url: str) -> None:
        self.url = _normalised(url)
        self.engine = _engine(self.url)
        if self.is_sqlite:
            writer = self.engine.execution_options(begin="BEGIN IMMEDIATE")
            reader = self.engine.execution_options(begin="BEGIN")
        else:
            writer = self.engine.execution_options()
            reader = self.engine.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
        self.writer: Engine = writer
        """The engine whose transactions may write (SQLite: BEGIN IMMEDIATE)."""
        self._write_sessions = sessionmaker(writer, expire_on_commit=False)
        self._read_sessions = sessionmaker(reader, expire_on_commit=False)

    @property
    def is_sqlite(self) -> bool:
        """Whether this is a file on a local disk."""
        return self.url.get_backend_name() == "sqlite"

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session that may write: all of it is committed at the end, or nothing."""
        with _faults(), self._write_sessions.begin() as session:
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session over one consistent snapshot; nothing that it writes is kept."""
        with _faults(), self._read_sessions() as session:
            yield session

    def write(self, work: Callable[[Session], Result]) -> Result:
        """Run `work` in a transaction, again after a lost connection or a lost race.

        `work` must be idempotent: after a lost connection nobody knows whether it committed.
        """
        for pause in RETRY_SECONDS:
            try:
                with _faults(), self._write_sessions.begin() as session:
                    return work(session)
            except ServiceError as error:
                if not is_transient(error.__cause__):
                    raise
                time.sleep(pause)
        with self.transaction() as session:
            return work(session)

    def now(self, session: Session) -> datetime:
        """The database's time, the same all through a transaction."""
        return clock.now(session)

    def close(self) -> None:
        """Close the pool's connections; the next use opens new ones."""
        self.engine.dispose()


@contextmanager
def _faults() -> Iterator[None]:
    try:
        yield
    except (DBAPIError, TimeoutError) as error:
        known = service_error(error)
        if known is None:
            raise
        logger.warning(
            "%s: %s", known.detail, error.orig if isinstance(error, DBAPIError) else error
        )
        raise known from error


def _normalised(text: str) -> URL:
    url = make_url(text)
    backend = url.get_backend_name()
    if backend == "postgresql":
        return url.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise ValueError(f"{backend} is not supported; use sqlite:///PATH or postgresql://...")
    if not url.database or url.database == ":memory:":
        raise ValueError("a SQLite database needs a file: its processes meet in it")
    return url


def _engine(url: URL) -> Engine:
    if url.get_backend_name() == "sqlite":
        Path(url.database or "").parent.mkdir(parents=True, exist_ok=True)
        # isolation_level None: sqlite3 leaves BEGIN to us, so that writers can say IMMEDIATE.
        engine = create_engine(
            url,
            connect_args={"isolation_level": None, "timeout": BUSY_SECONDS},
            pool_size=8,
            max_overflow=56,
        )
        event.listen(engine, "connect", _set_pragmas)
        event.listen(engine, "begin", _begin)
        return engine
    return create_engine(
        url,
        connect_args={
            "connect_timeout": 5,
            "options": POSTGRES_OPTIONS,
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
        },
        pool_pre_ping=True,
        pool_size=8,
        max_overflow=24,
        pool_timeout=BUSY_SECONDS,
    )


def _set_pragmas(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in SQLITE_PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN IMMEDIATE"))
